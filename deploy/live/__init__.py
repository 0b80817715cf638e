"""What ``follow`` does: events as they come, in the terminal or on a local page.

===================  =============================================================  =====================
``web``              the live page: a local web server                                a port, threads
``session``          one run: its subscriptions and its reader, made and removed     Pub/Sub, threads
``subscriptions``    the temporary subscriptions of a run                            Pub/Sub
``reader``           pulls in worker threads, and watches whether that works         Pub/Sub, threads
``pulse``            whether Pub/Sub still answers                                   threads
``view``             shows messages in the terminal, and counts them                 terminal, a file
``feed``             the newest messages, and the state of the connection            threads
``names``            the names of devices, from DT's lists                           DT, threads
``wanted``           which messages a user wants, as a filter and as a check         nothing
``message``          one message, as a subscriber received it                        nothing
``readings``         what an event says, as text and as numbers with units           nothing
``lines``            an event as one readable line                                   nothing
``documents``        a message as one line of JSON, and its body as one line         nothing
``rejections``       what each reason of a rejected event means                      nothing
``repeats``          whether a message or its event came before                      nothing
``summary``          the counts and the gaps of a run                                nothing
``clock``            times of day, and the two clocks of a run                     the clock
===================  =============================================================  =====================
"""
