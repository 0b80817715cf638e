"""An embedded Pub/Sub that speaks Google's gRPC API, strict about its limits, and able to record and to fail.

In a thread of this process, for tests and local runs::

    with EmbeddedPubSub() as pubsub:
        os.environ["PUBSUB_EMULATOR_HOST"] = pubsub.host

or as a process of its own, which says where it is in one line of JSON and ends with 0 on SIGTERM or SIGINT::

    python -m deploy.offline.pubsub --port 0 --record acked.jsonl --topic projects/p/topics/t

Source of the protocol: ``google/pubsub/v1/pubsub.proto`` as in ``google.pubsub_v1``. The rooms, from the pure outward:

    limits         what Pub/Sub's documents allow
    filters        which messages a subscription is for
    backlog        one subscription: ready, leased, waiting, gone
    settings       what topics and subscriptions are made with, and what an update may change
    paging         lists in pages
    broker         topics, subscriptions and snapshots, in memory
    faults         what it can be told to do wrong
    record         what was acknowledged, in a file
    connections    a connection cut under a call
    rpc            coroutines as gRPC methods
    publisher      the methods of Google's Publisher
    subscriber     the methods of Google's Subscriber
    subscriptions  its methods about subscriptions
    snapshots      its methods about snapshots
    wire           messages as they travel
    push           messages to endpoints
    control        a third service: faults and counts, for other processes
    state          what the services share
    server         all of it on a port
"""

from deploy.offline.pubsub.server import EmbeddedPubSub, Server

__all__ = ["EmbeddedPubSub", "Server"]
