"""What ``follow`` shows: events as they come, in the terminal or on a local page.

===================  =============================================================  =====================
``message``          one message, as a subscriber received it                       nothing
``readings``         what an event says, as text and as numbers with units           nothing
``advice``           what the reason of a rejected event means, and what to do      nothing
``feed``             the newest messages, and the state of the connection            threads
===================  =============================================================  =====================
"""
