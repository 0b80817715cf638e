"""Roles and permissions outside of the resources, and the commands by which an administrator grants them."""

from deploy.pages import page
from deploy.remedies import YOU

ROLE = "dtPubsubDeployer"
"""The custom role of a deployer, which docs/deployer.md creates from ``catalog.deployer_permissions``."""

BUILDER_ROLE = "roles/cloudbuild.builds.builder"
"""The role that a build account needs: https://cloud.google.com/functions/docs/troubleshooting#build-service-account"""

BUILDER_ROLES = frozenset({BUILDER_ROLE, "roles/editor", "roles/owner"})
"""Any of these roles lets a service account build functions."""

DT_PERMISSIONS = ("dataconnector.create", "dataconnector.delete", "dataconnector.read", "dataconnector.update")
"""The permissions that are needed in a DT project; the role Project Developer has them."""


def grant(project: str) -> str:
    """Return the line by which an administrator lets a user deploy."""
    return grant_role(project, f"projects/{project}/roles/{ROLE}")


def grant_role(project: str, role: str) -> str:
    """Return the line by which an administrator grants a role to the user."""
    return f"gcloud projects add-iam-policy-binding {project} --member={YOU} --role={role} --condition=None"


def grants(project: str) -> tuple[str, str]:
    """Return what an administrator does to let a user deploy: the grant, and where the role comes from."""
    return (
        grant(project),
        f"if the project has no role {ROLE} yet, {page('deployer.md')} has the command that makes it",
    )


def let_build(project: str, account: str) -> str:
    """Return the line by which an administrator lets a service account build functions."""
    member, condition = f"--member=serviceAccount:{account}", "--condition=None"
    return f"gcloud projects add-iam-policy-binding {project} {member} --role={BUILDER_ROLE} {condition}"


def allow_unchecked(project: str) -> str:
    """Return the line by which an administrator allows the invoker check to be disabled."""
    return f"gcloud org-policies reset run.managed.requireInvokerIam --project={project}"
