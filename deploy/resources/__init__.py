"""What a deployment consists of: one class for each resource. None of them runs anything.

====================  =============================================================
``resource``          what all resources have in common
``marked``            a resource with a mark that tells whose it is
``catalog``           lists all resources; the APIs and permissions they need
``services``          Google's APIs
``runtime_account``   the service account that the function runs as
``pubsub``            topics, their subscriptions, and those that proofs left
``signature_secret``  the secret of ``X-Dt-Signature``
``iam_binding``       the roles of the service account
``function``          the function: its source and its settings
``invocation``        who may call the function
``invokers``          who may call a Cloud Run service, read from its policy
``elsewhere``         functions that are left in other regions
``connector``         the Data Connector in one DT project
``by_hand``           settings of others that a plan shows and leaves alone
``memory``            what a deployment remembers between two runs
====================  =============================================================
"""
