"""What an organization's policies forbid a project: to let everybody call, and to ask nobody who calls."""

from dataclasses import dataclass
from typing import Any, Protocol

from deploy.errors import GcloudFailed
from deploy.steps import Argv

MEMBERS = "iam.allowedPolicyMemberDomains"
MANAGED_MEMBERS = "iam.managed.allowedPolicyMembers"
INVOKER_CHECK = "run.managed.requireInvokerIam"


class Reads(Protocol):
    """Google Cloud, to be read."""

    def read(self, argv: Argv) -> Any:
        """Give a command's answer, or None for what is not there."""
        ...


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    """The policies in force for one project. Every method raises ``GcloudFailed`` where they cannot be read."""

    google: Reads
    project: str

    def against_all_users(self) -> str:
        """Give the constraint that forbids to grant allUsers anything, or nothing."""
        asked = ("resource-manager", "org-policies", "describe", MEMBERS, f"--project={self.project}", "--effective")
        listed = (self.google.read(asked) or {}).get("listPolicy", {})
        if listed.get("allowedValues") or listed.get("allValues") == "DENY":
            return MEMBERS
        return MANAGED_MEMBERS if self._limits_members() else ""

    def forces_the_check(self) -> bool:
        """Whether Cloud Run's invoker check has to stay on."""
        return bool(self._enforced(INVOKER_CHECK))

    def _limits_members(self) -> bool:
        """Whether the newer constraint leaves allUsers out. Where its API is off, a refused grant has to tell."""
        try:
            rules = self._enforced(MANAGED_MEMBERS)
        except GcloudFailed as error:
            if error.code == "SERVICE_DISABLED":
                return False
            raise
        return any("allUsers" not in str(rule.get("parameters")) for rule in rules)

    def _enforced(self, constraint: str) -> list[dict[str, Any]]:
        asked = ("org-policies", "describe", constraint, "--effective", f"--project={self.project}")
        rules = (self.google.read(asked) or {}).get("spec", {}).get("rules", [])
        return [rule for rule in rules if rule.get("enforce")]
