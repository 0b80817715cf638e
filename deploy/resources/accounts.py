"""The service account that the function runs as, and the few things it may do."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.errors import DeployError
from deploy.resources.resource import Facts, Reads, foreign
from deploy.spec import Spec
from deploy.steps import Argv, Change, GcloudCall, Step, create, delete, keep, update


@dataclass(frozen=True, slots=True)
class RuntimeAccount:
    """A service account of its own. It bears no labels, so its description holds the mark."""

    spec: Spec
    upon: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """Say what it is."""
        return f"service account {self.spec.name}"

    def reads(self) -> Reads:
        """Describe it."""
        yield "account", self._argv("describe", self.spec.runtime_account)

    def removal_reads(self) -> Reads:
        """Describe it."""
        return self.reads()

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return the error for an account whose description has no mark of this deployment."""
        found = facts.get("account")
        if found is None or self._is_ours(found):
            return None
        adopt = GcloudCall(self._argv("update", self.spec.runtime_account, self._description))
        return foreign(self.title, self.spec.mark, adopt.line())

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Make it, or switch it on again."""
        if error := self.not_ours(facts):
            raise error
        found = facts["account"]
        if found is None:
            argv = self._argv("create", self.spec.name, "--display-name=dt-pubsub runtime", self._description)
            return (create(self.title, "not there", GcloudCall(argv)),)
        if found.get("disabled"):
            argv = self._argv("enable", self.spec.runtime_account)
            return (update(self.title, (Change("disabled", old=True, new=False),), GcloudCall(argv)),)
        return (keep(self.title, "is there"),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it."""
        found = facts["account"]
        if found is None:
            return (keep(self.title, "is not there"),)
        if not self._is_ours(found):
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        argv = self._argv("delete", self.spec.runtime_account)
        return (delete(self.title, f"marked {self.spec.mark}", GcloudCall(argv)),)

    @property
    def _description(self) -> str:
        return f"--description=Publishes the events of DT's sensors ({self.spec.mark})"

    def _is_ours(self, found: Facts) -> bool:
        return f"({self.spec.mark})" in found.get("description", "")

    def _argv(self, verb: str, account: str, *flags: str) -> Argv:
        return ("iam", "service-accounts", verb, account, *flags, f"--project={self.spec.google_project}")


@dataclass(frozen=True, slots=True)
class Permission:
    """One role of the runtime account on one topic or on the secret, and nowhere else."""

    spec: Spec
    role: str
    kind: str
    holder: str
    group: Argv
    flags: Argv = ()

    @property
    def title(self) -> str:
        """Say what may be done to what."""
        return f"{self.role.rpartition('.')[2]} on {self.upon}"

    @property
    def upon(self) -> str:
        """What it is on."""
        return f"{self.kind} {self.holder}"

    def reads(self) -> Reads:
        """Read the policy of what it is on."""
        yield "policy", (*self.group, "get-iam-policy", self.holder, f"--project={self.spec.google_project}")

    def removal_reads(self) -> Reads:
        """Ask nothing: it goes with what it is on."""
        yield from ()

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return None: whose it is, the resource that it is on tells."""
        del facts
        return None

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Grant it if it is not granted."""
        if self._is_granted(facts):
            return (keep(self.title, f"{self.spec.name} has it"),)
        argv = (
            *(*self.group, "add-iam-policy-binding", self.holder, f"--member={self._member}", f"--role={self.role}"),
            *(*self.flags, f"--project={self.spec.google_project}"),
        )
        return (create(self.title, "not granted", GcloudCall(argv)),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Nothing: it goes with what it is on."""
        del facts
        return ()

    @property
    def _member(self) -> str:
        return f"serviceAccount:{self.spec.runtime_account}"

    def _is_granted(self, facts: Facts) -> bool:
        bindings = (facts.get("policy") or {}).get("bindings", [])
        return any(
            each.get("role") == self.role and self._member in each.get("members", []) and not each.get("condition")
            for each in bindings
        )


def may_publish(spec: Spec, topic: str) -> Permission:
    """Publisher on one topic."""
    return Permission(spec, "roles/pubsub.publisher", "topic", topic, ("pubsub", "topics"))


def may_read_secret(spec: Spec) -> Permission:
    """Accessor of the one secret."""
    role = "roles/secretmanager.secretAccessor"
    return Permission(spec, role, "secret", spec.secret, ("secrets",), ("--condition=None",))
