"""What ``replay`` does: send rejected messages to the function again, and acknowledge those that are on the main topic.

===============  =====================================================  ================
``replayer``     one replay: collect, send, acknowledge what is on main  Pub/Sub, threads
``leases``       the messages that it holds back from other readers     Pub/Sub
``selection``    which rejected messages a user asked for               nothing
``judging``      what the function of this checkout would make of them  nothing
``tally``        what became of the messages, as numbers and lines      nothing
===============  =====================================================  ================
"""
