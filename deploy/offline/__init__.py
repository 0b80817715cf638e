"""Stand-ins for the clouds, so that everything can be run, tried and tested without them.

errors            the one family of errors
pubsub/           an embedded Pub/Sub: strict, and able to record and to fail
emulator          Google's own Pub/Sub emulator, found and started
backend           either of the two: ``pubsub_for``
events, signing   what DT's cloud sends: bodies and signatures
issuer            where DT's public keys are found
processes         programs that never outlive this one
function_process  the function as it really runs
ingestion         the whole path on one machine
readings          an event in words
demo              ``make run`` and ``make serve``
clouds/           both clouds, for the real gcloud and the real disruptive package: ``make rehearse``
"""
