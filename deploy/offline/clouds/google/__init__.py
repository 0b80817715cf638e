"""Google's control plane, as far as the real gcloud needs it to deploy a function; strict, and without mercy for haste.

cloud       which host is which API; what every call has to pass: token, project, API enabled, permission
estate      the project: what is on, what the caller may not do, which organization policies are in force
strict      fields and query parameters that there are not
problems    how Google says no
policies    IAM policies with their etags
operations  what takes a while
projects    Resource Manager, Service Usage, Billing, Organization Policy
accounts    service accounts, which are seen only a moment after they are made
secrets     Secret Manager
secret      one secret with its versions
payload     what a version holds, and its checksum
pubsub      topics and subscriptions
collection  what these two have in common
exports     subscriptions that write to BigQuery and Cloud Storage: what has to be there
monitoring  how many messages wait on each subscription, and for how long
filters     which messages a subscription wants
data_plane  the Pub/Sub that carries the messages, and the gate through which a function reaches it
build       Cloud Build: who builds
functions   Cloud Functions v2: made, changed and removed in operations
uploads     sources, uploaded
builder     from settings and source to a revision that serves
revision    one uploaded source, really running
service     a Cloud Run service
run         the services: who may call them
front_door  what their URLs lead to
log_entries what functions have written
"""
