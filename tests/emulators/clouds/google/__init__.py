"""A stand-in for the parts of Google's control plane that the real gcloud needs to deploy a function.

It is strict: it refuses unknown fields, missing permissions, APIs that are off, and resources that are too new.

===============  ========================================================================  ==============
``cloud``        all hosts: finds the API of a request, checks token, project, permission  nothing
``estate``       the project: enabled APIs, denied permissions, organization policies      nothing
``strict``       refuses unknown fields and query parameters                               nothing
``problems``     refusals in the format of Google's APIs                                   nothing
``policies``     IAM policies with their etags                                             nothing
``operations``   long-running operations                                                   nothing
``projects``     Resource Manager, Service Usage, Billing, Organization Policy             nothing
``accounts``     service accounts, which other APIs see only after a delay                 the clock
``secrets``      Secret Manager                                                            nothing
``secret``       one secret with its versions                                              the clock
``payload``      the bytes of a secret's version, and their checksum                       nothing
``pubsub``       topics and subscriptions                                                  the data plane
``collection``   the methods that topics and subscriptions have in common                  nothing
``exports``      checks subscriptions that write to BigQuery or Cloud Storage              nothing
``exporter``     delivers the messages of subscriptions that write to BigQuery             a thread
``rows``         the row that becomes of a message                                         nothing
``transforms``   the JavaScript of subscriptions                                           V8
``transform_methods``  validates and tests transforms                                      V8
``dead_letters``  moves messages that could not be delivered, if the roles allow it        the data plane
``filters``      the filters of subscriptions                                              nothing
``bigquery``     BigQuery                                                                  DuckDB
``monitoring``   unacknowledged messages and requests, as time series                      the data plane
``served_requests``  the requests that the front end has answered                          the clock
``notification_channels``  channels by e-mail, and the policies that use them         nothing
``alert_policies``  alert policies                                                        nothing
``conditions``   the conditions of alert policies                                         nothing
``user_labels``  the labels of policies and channels                                      nothing
``dashboards``   dashboards                                                               nothing
``log_metrics``  log-based metrics, which Monitoring knows only after a while              nothing
``log_exclusions``  the exclusions of the project's log                                    nothing
``metric_types``  the metrics of Google's that may be named                                nothing
``messages``     the message types of these resources                                     a file
``data_plane``   the Pub/Sub that has the messages, and the gates of functions to it       Pub/Sub
``build``        Cloud Build: its default service account                                  nothing
``functions``    Cloud Functions v2: creates, changes and deletes functions                a thread
``uploads``      uploaded sources of functions                                             nothing
``builder``      deploys a function: checks, builds and starts it                          revisions
``revision``     one revision of a function, running as a process                          a process
``service``      a Cloud Run service                                                       nothing
``run``          Cloud Run: services, their IAM policies, the invoker check                revisions
``front_door``   forwards requests to the URLs of services                                 revisions
``log_entries``  the log lines of functions                                                revisions
``log_filter``   the filters of Cloud Logging                                              nothing
===============  ========================================================================  ==============
"""
