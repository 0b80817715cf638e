"""What ``replay`` and ``backfill`` do: events that are sent to the function again, judged and published by it.

===================  =============================================================  =====================
``republisher``      sends events to the function, signed, until it has answered    the function
``backfill``         sends the history of devices, several at the same time          DT, the function
``body``             the body of a connector's request, from an event of the history nothing
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
===================  =============================================================  =====================
"""
