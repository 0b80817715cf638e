"""The permissions that a deployer needs, and no others; docs/deployer.md lists them as well."""

ACT_AS = "iam.serviceAccounts.actAs"
"""A deployer needs this one on the function's own service account only, not on the whole project."""

DEPLOYER = (
    "artifactregistry.repositories.get",
    "cloudbuild.builds.get",
    "cloudfunctions.functions.create",
    "cloudfunctions.functions.delete",
    "cloudfunctions.functions.get",
    "cloudfunctions.functions.list",
    "cloudfunctions.functions.sourceCodeSet",
    "cloudfunctions.functions.update",
    "cloudfunctions.locations.list",
    "cloudfunctions.operations.get",
    "cloudfunctions.runtimes.list",
    ACT_AS,
    "iam.serviceAccounts.create",
    "iam.serviceAccounts.delete",
    "iam.serviceAccounts.enable",
    "iam.serviceAccounts.get",
    "logging.logEntries.list",
    "monitoring.timeSeries.list",
    "pubsub.subscriptions.consume",
    "pubsub.subscriptions.create",
    "pubsub.subscriptions.delete",
    "pubsub.subscriptions.get",
    "pubsub.subscriptions.list",
    "pubsub.subscriptions.update",
    "pubsub.topics.attachSubscription",
    "pubsub.topics.create",
    "pubsub.topics.delete",
    "pubsub.topics.get",
    "pubsub.topics.getIamPolicy",
    "pubsub.topics.setIamPolicy",
    "pubsub.topics.update",
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
    "run.services.get",
    "run.services.getIamPolicy",
    "run.services.setIamPolicy",
    "run.services.update",
    "secretmanager.secrets.create",
    "secretmanager.secrets.delete",
    "secretmanager.secrets.get",
    "secretmanager.secrets.getIamPolicy",
    "secretmanager.secrets.setIamPolicy",
    "secretmanager.secrets.update",
    "secretmanager.versions.access",
    "secretmanager.versions.add",
    "secretmanager.versions.list",
    "serviceusage.services.enable",
    "serviceusage.services.get",
    "serviceusage.services.list",
)
"""Permissions on the Google project: https://cloud.google.com/iam/docs/permissions-reference"""

ROLE = "dtPubsubDeployer"
"""The custom role with these permissions, which docs/deployer.md creates."""

BUILDER_ROLE = "roles/cloudbuild.builds.builder"
"""The role that a build account needs: https://cloud.google.com/functions/docs/troubleshooting#build-service-account"""

BUILDER_ROLES = frozenset({BUILDER_ROLE, "roles/editor", "roles/owner"})
"""Every one of these roles lets a service account build a function."""

DT_PERMISSIONS = ("dataconnector.create", "dataconnector.delete", "dataconnector.read", "dataconnector.update")
"""The permissions that a deployment needs in a DT project; the role Project Developer has them."""


def grant(project: str) -> str:
    """Return the command by which an administrator lets a user deploy."""
    role = f"projects/{project}/roles/{ROLE}"
    return f"gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}"


def let_build(project: str, account: str) -> str:
    """Return the command by which an administrator lets a service account build functions."""
    member, condition = f"--member=serviceAccount:{account}", "--condition=None"
    return f"gcloud projects add-iam-policy-binding {project} {member} --role={BUILDER_ROLE} {condition}"


def allow_unchecked(project: str) -> str:
    """Return the command by which an administrator allows to switch the invoker check off."""
    return f"gcloud org-policies reset run.managed.requireInvokerIam --project={project}"
