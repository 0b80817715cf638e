"""The resources of a deployment: one class for each kind. They only return commands and steps.

=========================  =========================================================
``resource``               the base class of all resources
``marked``                 a resource with a mark that names its deployment
``catalog``                lists all resources; the APIs and permissions they need
``services``               Google's APIs
``runtime_account``        the service account that the function runs as
``pubsub``                 topics, their subscriptions, and those that proofs left
``further_subscription``   a subscription of deploy.toml: pulled or pushed, filtered
``service_agent``          Pub/Sub's own account, and its roles
``dead_letter``            where a subscription's undelivered messages go
``bigquery``               dataset, table, views and subscription of BigQuery
``signature_secret``       the secret of ``X-Dt-Signature``
``rotation``               a rotation of that secret: its phases, and its note
``iam_binding``            the roles of the service account
``function``               the function: its source and its settings
``invocation``             the permission to call the function
``billing``                whether Cloud Run bills by request or by instance
``log_exclusion``          leaves Cloud Run's entries of answers 2xx out of the log
``invokers``               the callers that a Cloud Run service allows
``unlisted``               subscriptions and topics that the settings do not name
``elsewhere``              functions that are left in other regions
``first_contact``          what a killed verify --report has left
``connector``              the Data Connector in one DT project
``pausing``                pauses and resumes connectors; the times that DT loses
``traffic``                the revisions of the function, and which of them answers
``by_hand``                settings made elsewhere, which a plan only shows
``notification_channels``  the e-mail addresses that get the alerts
``log_metrics``            the log-based metrics that alerts and dashboard need
``dashboard``              the dashboard
``alert_policies``         the alert policies
``alert_definitions``      what alerts and dashboard watch, as data
``alerting``               the base class of all resources of alerts, which use REST
``own_fields``             compares only the fields that this command sets
``kinds``                  the kinds of marked resources, and how each is listed
``memory``                 the memory of a deployment between two runs
=========================  =========================================================
"""
