"""The service account that builds the function: which one it is, and whether it may. It only reads.

In organizations made since May 2024 the default one, Compute Engine's, holds no role, and every build fails:
https://cloud.google.com/build/docs/cloud-build-service-account-updates
"""

from typing import Any, Protocol

from deploy.google.permissions import BUILDER_ROLES
from deploy.spec import Spec
from deploy.steps import Argv

_TOGETHER = frozenset({"roles/artifactregistry.writer", "roles/logging.logWriter", "roles/storage.objectViewer"})
"""Roles that are enough together."""


class Reads(Protocol):
    """Google Cloud, to be read."""

    def read(self, argv: Argv) -> Any:
        """Return a command's answer, or None for what is not there."""
        ...


def build_account(google: Reads, spec: Spec) -> str:
    """Return its e-mail address: the one that was asked for, else the project's default one, or nothing.

    Raises:
        GcloudFailed: Google does not say which one it is.

    """
    if spec.build_account:
        return spec.build_account
    place = (f"--region={spec.region}", f"--project={spec.google_project}")
    found = google.read(("builds", "get-default-service-account", *place)) or {}
    return str(found.get("serviceAccountEmail", "")).rpartition("/")[2]


def may_build(google: Reads, spec: Spec, account: str) -> bool:
    """Whether the project grants it a role that lets it build; a custom role counts, as its permissions are not read.

    Raises:
        GcloudFailed: the project's policy could not be read.

    """
    policy = google.read(("projects", "get-iam-policy", spec.google_project)) or {}
    member = f"serviceAccount:{account}"
    roles = {binding.get("role", "") for binding in policy.get("bindings", []) if member in binding.get("members", [])}
    is_custom = any(role.startswith(("projects/", "organizations/")) for role in roles)
    return is_custom or bool(roles & BUILDER_ROLES) or roles >= _TOGETHER
