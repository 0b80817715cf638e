"""An embedded Pub/Sub that speaks Google's gRPC API. It enforces the limits, and can record messages and show faults.

In a thread of this process, for tests and local runs::

    with EmbeddedPubSub() as pubsub:
        os.environ["PUBSUB_EMULATOR_HOST"] = pubsub.host

or as its own process, which prints its address as one line of JSON and exits with 0 after SIGTERM or SIGINT::

    python -m tests.emulators.pubsub --port 0 --record acked.jsonl --topic projects/p/topics/t

Source of the protocol: ``google/pubsub/v1/pubsub.proto`` as in ``google.pubsub_v1``. The modules:

=================  ====================================================================  ================
``__main__``       the command ``python -m tests.emulators.pubsub``                       the command line
``server``         all services on a port, in this event loop or in a thread             a port
``publisher``      the methods of Google's Publisher                                     connections
``subscriber``     the methods of Google's Subscriber                                    nothing
``subscriptions``  the Subscriber's methods about subscriptions themselves               nothing
``snapshots``      the Subscriber's methods about snapshots                              the clock
``control``        a third service: sets faults and returns counts, for other processes  gRPC
``push``           POSTs the messages of push subscriptions to their endpoints           endpoints
``rpc``            binds coroutines to gRPC methods                                      gRPC
``connections``    cuts a connection of this process                                     sockets
``record``         the acknowledged messages, in a file                                  a file
``state``          what the services share                                               the clock
``broker``         topics, subscriptions and snapshots, in memory                        nothing
``backlog``        the messages of one subscription: ready, leased, delayed, held        nothing
``settings``       checks and completes the settings of topics and subscriptions         nothing
``filters``        the filters of subscriptions                                          nothing
``limits``         the documented limits of Pub/Sub                                      nothing
``paging``         lists in pages                                                        nothing
``faults``         the faults that Publish calls can show                                nothing
``wire``           converts messages to Google's protobuf classes                        nothing
=================  ====================================================================  ================
"""

from tests.emulators.pubsub.server import EmbeddedPubSub, Server

__all__ = ["EmbeddedPubSub", "Server"]
