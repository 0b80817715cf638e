"""The service account that builds the function: which one it is, and whether it may. It only reads.

In organizations made since May 2024 the default one, Compute Engine's, holds no role, and every build fails:
https://cloud.google.com/build/docs/cloud-build-service-account-updates
"""

from deploy.google.gcloud import Gcloud
from deploy.google.permissions import BUILDER_ROLES
from deploy.spec import Spec, last_segment

_TOGETHER = frozenset({"roles/artifactregistry.writer", "roles/logging.logWriter", "roles/storage.objectViewer"})
"""Roles that are enough together."""


def build_account(google: Gcloud, spec: Spec) -> str:
    """Return its e-mail address: the one that was asked for, else the project's default one, else an empty text.

    Raises:
        GcloudFailed: Google does not say which one it is.

    """
    if spec.build_account:
        return spec.build_account
    place = (f"--region={spec.region}", spec.project_flag)
    found = google.read(("builds", "get-default-service-account", *place)) or {}
    return last_segment(str(found.get("serviceAccountEmail", "")))


def may_build(google: Gcloud, spec: Spec, account: str) -> bool:
    """Return whether it has a role in the project with which it can build. Any custom role counts: it is not read.

    Raises:
        GcloudFailed: the project's policy could not be read.

    """
    policy = google.read(("projects", "get-iam-policy", spec.google_project)) or {}
    member = f"serviceAccount:{account}"
    roles = {binding.get("role", "") for binding in policy.get("bindings", []) if member in binding.get("members", [])}
    is_custom = any(role.startswith(("projects/", "organizations/")) for role in roles)
    return is_custom or bool(roles & BUILDER_ROLES) or roles >= _TOGETHER
