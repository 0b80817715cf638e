"""The service account that builds the function, and its permission to do so. This module only reads.

In organizations made since May 2024, the default account, Compute Engine's, has no role, so every build fails:
https://cloud.google.com/build/docs/cloud-build-service-account-updates
"""

from deploy.google.gcloud import Gcloud
from deploy.google.permissions import BUILDER_ROLES
from deploy.spec import Spec, last_segment

_SUFFICIENT_TOGETHER = frozenset(
    {"roles/artifactregistry.writer", "roles/logging.logWriter", "roles/storage.objectViewer"}
)
"""Roles that together let an account build."""


def build_account(google: Gcloud, spec: Spec) -> str:
    """Return its e-mail address: of the account in the spec, else of the project's default account; or an empty text.

    Raises:
        GcloudFailed: the project's default account could not be read.

    """
    if spec.build_account:
        return spec.build_account
    place = (f"--region={spec.region}", spec.project_flag)
    found = google.read(("builds", "get-default-service-account", *place)) or {}
    return last_segment(str(found.get("serviceAccountEmail", "")))


def may_build(google: Gcloud, spec: Spec, account: str) -> bool:
    """Return whether an account has a role in the project that lets it build. Custom roles count, but are not read.

    Raises:
        GcloudFailed: the project's policy could not be read.

    """
    policy = google.read(("projects", "get-iam-policy", spec.google_project)) or {}
    member = f"serviceAccount:{account}"
    roles = {binding.get("role", "") for binding in policy.get("bindings", []) if member in binding.get("members", [])}
    is_custom = any(role.startswith(("projects/", "organizations/")) for role in roles)
    return is_custom or bool(roles & BUILDER_ROLES) or roles >= _SUFFICIENT_TOGETHER
