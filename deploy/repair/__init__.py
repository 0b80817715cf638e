"""What is missing, and how it gets to the main topic: rejected events, and those of DT's history, are sent again.

================  ==============================================================  ============================
``replay``        rejected messages, sent to the function again                   Pub/Sub, the function
``backfill``      the events of a time window, sent again from DT's history       DT, the function
``audit``         DT's history, compared with what arrived                        DT, by ``arrived``
``arrived``       what arrived on the main topic: a topic, subscription or table  Pub/Sub, BigQuery
``republisher``   sends events to the function, signed, until it has answered     the function
``devices``       the error for a device that DT does not know                    nothing
``pace``          the times at which requests may begin                           threads
``database``      a temporary database on disk                                    a temporary file
================  ==============================================================  ============================
"""
