"""The service account that the function runs as."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.resources.marked import Marked
from deploy.resources.resource import CommandGroup, Facts
from deploy.steps import Argv, Change, GcloudCall, ResourceId, Step, keep, update

ACT_AS = "iam.serviceAccounts.actAs"
"""The permission to deploy a function that runs as a service account. It may be granted on that account only."""


IAM = CommandGroup(
    ("iam", "service-accounts"),
    "iam.googleapis.com",
    r"Unknown service account(?:: projects/[^/\s]+/serviceAccounts/{name})?(?:[.\s]|$)"
    r"|Service account (?:projects/[^/\s]+/serviceAccounts/)?{name} does not exist",
)


@dataclass(frozen=True, slots=True)
class RuntimeAccount(Marked):
    """A service account that only this function uses. Accounts have no labels, so its description holds the mark."""

    groups: ClassVar[tuple[CommandGroup, ...]] = (IAM,)
    permissions: ClassVar[tuple[str, ...]] = (
        ACT_AS,
        "iam.serviceAccounts.create",
        "iam.serviceAccounts.delete",
        "iam.serviceAccounts.enable",
        "iam.serviceAccounts.get",
    )
    key: ClassVar[str] = "account"

    @property
    def id(self) -> ResourceId:
        """The id of the account."""
        return ResourceId("service account", self.spec.name)

    @property
    def adoption(self) -> Argv:
        """The command that writes the mark into the description."""
        return self.command("update", self._description)

    def is_ours(self, found: Facts) -> bool:
        """Return whether the description has the mark."""
        return f"({self.spec.mark})" in found.get("description", "")

    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that creates it, by name; all other commands take the e-mail address."""
        del facts
        flags = ("--display-name=dt-pubsub runtime", self._description, self.spec.project_flag)
        return GcloudCall(("iam", "service-accounts", "create", self.spec.name, *flags))

    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that enables a disabled account, or keeps it."""
        if not self.found(facts).get("disabled"):
            return (keep(self.id, "is there"),)
        return (update(self.id, (Change("disabled", old=True, new=False),), GcloudCall(self.command("enable"))),)

    def command(self, verb: str, *flags: str) -> Argv:
        """Return a gcloud command on the account."""
        return ("iam", "service-accounts", verb, self.spec.runtime_account, *flags, self.spec.project_flag)

    @property
    def _description(self) -> str:
        return f"--description=Publishes the events of DT's sensors ({self.spec.mark})"
