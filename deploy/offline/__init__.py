"""Stand-ins for the clouds, so that everything can be run, tried and tested without them.

Pub/Sub, from the pure to the outermost room:

    errors       the one family of errors
    limits       what Pub/Sub's documents allow
    backlog      one subscription: ready, leased, gone
    broker       topics and subscriptions, in memory
    faults       what it can be told to do wrong
    record       what was acknowledged, in a file
    connections  a connection cut under a call
    settings     of topics and subscriptions: checked, and completed with Google's defaults
    state, rpc   what the services share, and how methods are bound to their names
    publisher    the gRPC methods of Google's Publisher
    subscriber   the gRPC methods of Google's Subscriber
    control      a third gRPC service: faults and counts, for other processes
    pubsub       the server: in a thread (``EmbeddedPubSub``) or a process (``python -m deploy.offline.pubsub``)
    emulator     Google's own emulator, found and started
    backend      either of the two: ``pubsub_for``
"""
