"""The only modules that reach Google Cloud, and their knowledge of its answers.

======================  =========================================================  =====================
``gcloud``              gcloud's commands, repeated after transient errors         Google Cloud
``gcloud_process``      starts gcloud, waits for its end, or ends it early         Google Cloud
``gcloud_errors``       recognizes gcloud's error messages                         nothing
``known_errors``        the known errors of gcloud, each with its fix              nothing
``gcloud_config``       endpoints, proxy and certificates of the user's gcloud     Google Cloud, reading
``quick_reads``         answers gcloud's read commands by REST, if that works      Google Cloud, reading
``read_requests``       the requests that gcloud sends for its read commands       nothing
``rest``                testIamPermissions                                         Google Cloud, reading
``monitoring``          time series of Cloud Monitoring                            Google Cloud, reading
``retries``              which failures pass by themselves, and calls that repeat    nothing
``calls``               a call, its answer and its sender, as types                nothing
``https``               one call to a Google API, by connections that stay open    Google Cloud
``access_token``        the token of gcloud's login, renewed before it expires     Google Cloud
``authorized``          sends calls with this token, and renews a refused one      Google Cloud
``api``                 resources by REST, with gcloud's errors: those of alerts   Google Cloud
``pubsub_api``          subscriptions by REST: create, pull, lease, delete         Google Cloud
``bigquery``            the answer to one query, page by page                      Google Cloud, reading
``project``              whether the caller sees a project                          Google Cloud, reading
``permissions``         roles outside of the resources, and who grants them        nothing
``org_policy``          whether an organization forbids public access              Google Cloud, reading
``regions``             the regions of functions, if Google's API is not enabled   nothing
``secret_versions``     the enabled versions of the signature secret               Secret Manager
``builds``              how long the last build of the function took               Google Cloud, reading
``secret_annotations``  changes annotations of the secret, and keeps others        Secret Manager
``function_log``        what the function wrote about one event                    Google Cloud, reading
``event_log``           what the function wrote about all events of some days      Google Cloud, reading
``time_series``         questions to Cloud Monitoring, and points of its answers   nothing
``request_counts``      requests that the function answered, from its time series  nothing
``backlog``             unread messages of a subscription, from its time series    nothing
======================  =========================================================  =====================
"""
