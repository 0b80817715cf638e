"""What arrived on the main topic, for ``audit`` and ``backfill --missing-only``.

============  ===========================================================================  ================
``places``    a subscription, the topic itself or a table: what can tell, and its reading  Pub/Sub, BigQuery
``drain``     reads all that a subscription has, to its end                                Pub/Sub, threads
``held``      the messages that are held until the end of a run                            Pub/Sub
``lookback``  a temporary subscription, sought back in time                                Pub/Sub
``table``     what a BigQuery table has                                                    BigQuery
``fitness``   whether a subscription can tell what arrived                                 nothing
``arrivals``  an event on a topic, and a time window                                       nothing
============  ===========================================================================  ================
"""
