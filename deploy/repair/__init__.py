"""What ``replay`` and ``backfill`` do: events that are sent to the function again, judged and published by it.

===================  =============================================================  =====================
``republisher``      sends events to the function, signed, until it has answered    the function
``pace``             the times at which requests may begin                          threads
``replayer``         one replay: collect, send, acknowledge what is on main         Pub/Sub, threads
``leases``           the messages that a replay holds back from other readers       Pub/Sub
``judging``          what the function of this checkout would make of an event      nothing
``selection``        which rejected messages a user asked for                       nothing
``tally``            what became of the messages, as numbers and lines              nothing
===================  =============================================================  =====================
"""
