"""An organization's policies for a project that may forbid access for allUsers or disabling the invoker check."""

from dataclasses import dataclass
from typing import Any

from deploy.errors import GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.spec import Spec

MEMBERS = "iam.allowedPolicyMemberDomains"
MANAGED_MEMBERS = "iam.managed.allowedPolicyMembers"
INVOKER_CHECK = "run.managed.requireInvokerIam"


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    """The effective policies of one project. Every method raises ``GcloudFailed`` if they cannot be read."""

    google: Gcloud
    spec: Spec

    def against_all_users(self) -> str:
        """Return the constraint that forbids a role for allUsers, or an empty text."""
        argv = ("resource-manager", "org-policies", "describe", MEMBERS, self.spec.project_flag, "--effective")
        listed = (self.google.read(argv) or {}).get("listPolicy", {})
        if listed.get("allowedValues") or listed.get("allValues") == "DENY":
            return MEMBERS
        return MANAGED_MEMBERS if self._limits_members() else ""

    def forces_the_check(self) -> bool:
        """Return whether Cloud Run's invoker check must stay on."""
        return bool(self._enforced(INVOKER_CHECK))

    def _limits_members(self) -> bool:
        """Return whether the newer constraint excludes allUsers. If its API is disabled, only a grant can show that."""
        try:
            rules = self._enforced(MANAGED_MEMBERS)
        except GcloudFailed as error:
            if error.code == "SERVICE_DISABLED":
                return False
            raise
        return any("allUsers" not in str(rule.get("parameters")) for rule in rules)

    def _enforced(self, constraint: str) -> list[dict[str, Any]]:
        argv = ("org-policies", "describe", constraint, "--effective", self.spec.project_flag)
        rules = (self.google.read(argv) or {}).get("spec", {}).get("rules", [])
        return [rule for rule in rules if rule.get("enforce")]
