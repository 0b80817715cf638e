"""``make serve``, ``make send`` and ``make sign``: the function and a Pub/Sub to work with.

================  =========================================================================  ============
``serve``         starts everything, shows each request, and restarts the changed function   this machine
``door``          listens on the user's port; passes requests on, and reports each answer    a port
``exchange``      a request and its answer                                                   nothing
``function_log``  reads the function's log while it grows                                    a file
``reload``        starts the function again when its source changes                          processes
``given``         the function's settings: the environment's, and the workbench's own        nothing
``table``         requests as rows for a terminal                                            nothing
``filters``       whether a Pub/Sub applies the filters of subscriptions                     Pub/Sub
``pasted``        the commands to paste into another terminal                                nothing
``live``          the live page: shows in a browser what the function publishes             a port, Pub/Sub
``state``         the folder by which ``send`` and ``sign`` find a running workbench         files
``send``          sends signed events to a running workbench, or prints a signature          HTTP
``fresh``         events with new ids and times                                              a file
``subscriber``    the README's subscriber, as a program                                      Pub/Sub
================  =========================================================================  ============
"""
