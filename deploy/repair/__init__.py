"""What ``audit`` does: compare DT's history with what arrived; and ``replay`` and ``backfill``: send events again.

===================  =============================================================  =====================
``republisher``      sends events to the function, signed, until it has answered    the function
``backfill``         sends the history of devices, several at the same time         DT, the function
``body``             the body of a connector's request, from an event of history    nothing
``chronology``       the events of one device, sorted by time                       a temporary file
``database``         a temporary database on disk                                   a temporary file
``place``            how far a backfill is with one device                          nothing
``resume_file``      the file in which it remembers what is done                    a file
``backfill_tally``   what it has found and sent, by device and type                 threads
``pace``             the times at which requests may begin                          threads
``replayer``         one replay: collect, send, acknowledge what is on main         Pub/Sub, threads
``leases``           the messages that a replay holds back from other readers       Pub/Sub
``judging``          what the function of this checkout would make of an event      nothing
``selection``        which rejected messages a user asked for                       nothing
``tally``            what became of the messages, as numbers and lines              nothing
``auditing``         an audit: read DT's history, read what arrived                 DT, by ``arrived``
``arrived``          where it is read what arrived on the main topic                Pub/Sub, BigQuery
``drain``            reads all that a subscription has, to its end                  Pub/Sub, threads
``held``             the messages that an audit holds until its end                 Pub/Sub
``lookback``         a temporary subscription, sought back in time                  Pub/Sub
``table``            what a BigQuery table has                                      BigQuery
``ledger``           compares by event id, in a temporary database                  ``database``
``fitness``          whether a subscription can tell what arrived                   nothing
``arrivals``         an event on a topic, and a time window                         nothing
``counts``           events by their state, of a device in an hour or together      nothing
``findings``         the result, in words, as rows and as JSON                      nothing
``heat_map``         the picture of the result: devices by hours                    nothing
``svg``              a picture as SVG                                               nothing
``png``              a picture as PNG                                               nothing
===================  =============================================================  =====================
"""
