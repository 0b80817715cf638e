"""Organization policies that forbid a project to let everyone call a function, or to switch the invoker check off."""

from dataclasses import dataclass
from typing import Any, Protocol

from deploy.errors import GcloudFailed
from deploy.steps import Argv

MEMBERS = "iam.allowedPolicyMemberDomains"
MANAGED_MEMBERS = "iam.managed.allowedPolicyMembers"
INVOKER_CHECK = "run.managed.requireInvokerIam"


class Reads(Protocol):
    """Reads from Google Cloud."""

    def read(self, argv: Argv) -> Any:
        """Return a command's answer, or None if the resource does not exist."""
        ...


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    """The policies in force for one project. Every method raises ``GcloudFailed`` if they cannot be read."""

    google: Reads
    project: str

    def against_all_users(self) -> str:
        """Return the constraint that forbids any grant to allUsers, or "" if no constraint does."""
        argv = ("resource-manager", "org-policies", "describe", MEMBERS, f"--project={self.project}", "--effective")
        policy = (self.google.read(argv) or {}).get("listPolicy", {})
        if policy.get("allowedValues") or policy.get("allValues") == "DENY":
            return MEMBERS
        return MANAGED_MEMBERS if self._limits_members() else ""

    def forces_the_check(self) -> bool:
        """Whether Cloud Run's invoker check must stay on."""
        return bool(self._enforced_rules(INVOKER_CHECK))

    def _limits_members(self) -> bool:
        """Whether the newer constraint excludes allUsers. False if its API is off: then the grant itself may fail."""
        try:
            rules = self._enforced_rules(MANAGED_MEMBERS)
        except GcloudFailed as error:
            if error.code == "SERVICE_DISABLED":
                return False
            raise
        return any("allUsers" not in str(rule.get("parameters")) for rule in rules)

    def _enforced_rules(self, constraint: str) -> list[dict[str, Any]]:
        argv = ("org-policies", "describe", constraint, "--effective", f"--project={self.project}")
        rules = (self.google.read(argv) or {}).get("spec", {}).get("rules", [])
        return [rule for rule in rules if rule.get("enforce")]
