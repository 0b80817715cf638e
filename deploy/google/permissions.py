"""What a deployer has to be allowed, and no more; docs/deployer.md lists it, too."""

ACT_AS = "iam.serviceAccounts.actAs"
"""May be held on the function's account alone."""

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
"""The custom role that docs/deployer.md makes of them."""


BUILDER_ROLE = "roles/cloudbuild.builds.builder"
"""What the account that builds needs: https://cloud.google.com/functions/docs/troubleshooting#build-service-account"""

BUILDER_ROLES = frozenset({BUILDER_ROLE, "roles/editor", "roles/owner"})
"""Each of them lets a service account build a function."""

DT_PERMISSIONS = ("dataconnector.create", "dataconnector.delete", "dataconnector.read", "dataconnector.update")
"""What the role Project Developer holds in a DT project, of what is needed there."""


def grant(project: str) -> str:
    """Give the line by which an administrator lets somebody deploy."""
    role = f"projects/{project}/roles/{ROLE}"
    return f"gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}"


def let_build(project: str, account: str) -> str:
    """Return the line by which an administrator lets a service account build functions."""
    member, condition = f"--member=serviceAccount:{account}", "--condition=None"
    return f"gcloud projects add-iam-policy-binding {project} {member} --role={BUILDER_ROLE} {condition}"


def allow_unchecked(project: str) -> str:
    """Give the line by which an administrator lets the invoker check be switched off."""
    return f"gcloud org-policies reset run.managed.requireInvokerIam --project={project}"
