"""What ``backfill`` does: read the events of a time window in DT's history, and send them to the function.

===============  ===========================================================  =================
``backfiller``   sends the history of devices, several at the same time       DT, the function
``chronology``   the events of one device, sorted by time                     a temporary file
``body``         the body of a connector's request, from an event of history  nothing
``place``        how far a backfill is with one device                        nothing
``resume_file``  the file in which it remembers what is done                  a file
``tally``        what it has found and sent, by device and type               threads
===============  ===========================================================  =================
"""
