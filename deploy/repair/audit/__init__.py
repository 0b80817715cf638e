"""What ``audit`` does: compare DT's history with what arrived, event by event.

============  ===========================================================  ===================
``auditing``  an audit: reads DT's history, and what arrived               DT, by ``arrived``
``ledger``    compares by event id, in a temporary database                a temporary file
``counts``    events by their state, of a device in an hour or together    nothing
``findings``  the result, in words, as rows and as JSON                    nothing
``heat_map``  the picture of the result: devices by hours                  nothing
``svg``       a picture as SVG                                             nothing
``png``       a picture as PNG                                             nothing
============  ===========================================================  ===================
"""
