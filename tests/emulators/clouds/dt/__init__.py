"""A stand-in for the parts of Disruptive Technologies' cloud that a Data Connector needs.

================  ========================================================================  =========
``cloud``         all hosts: finds the API of a request, checks token, rate, project, role  nothing
``identity``      OAuth2 tokens, OpenID Connect, the keys of ``DT-Asymmetric-Signature``    the clock
``tenant``        the organization, its projects, the service account and its roles         the clock
``connectors``    Data Connectors                                                           the clock
``deliveries``    sends events to connectors: signed, repeated, counted                     the proxy
``devices``       devices, their labels and their events                                    the clock
``history``       the history of events, in pages, the newest first; faults of its pages    the clock
``device_lists``  the filters and the order of a list of devices                            nothing
``emissions``     completes the events that the emulator publishes                          nothing
``problems``      refusals in the format of DT's API                                        nothing
``xid``           ids that grow with time                                                   the clock
================  ========================================================================  =========
"""
