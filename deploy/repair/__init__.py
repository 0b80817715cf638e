"""What ``replay`` and ``backfill`` share: events that are sent to the function again, and judged by it.

===================  =============================================================  =====================
``republisher``      sends events to the function, signed, until it has answered    the function
``pace``             the times at which requests may begin                          threads
===================  =============================================================  =====================
"""
