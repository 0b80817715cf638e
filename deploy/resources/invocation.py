"""Who may call the function."""

from dataclasses import dataclass

from deploy.resources.function import Function
from deploy.resources.resource import Facts, Reads
from deploy.spec import Spec
from deploy.steps import Argv, GcloudCall, Step, create, keep


@dataclass(frozen=True, slots=True)
class Invocation:
    """Everybody may call the function: its own check of the signature decides.

    ``public`` grants it to allUsers; ``unchecked`` switches Cloud Run's check off, where policy forbids allUsers.
    """

    spec: Spec

    @property
    def title(self) -> str:
        """Say what it is."""
        return "public invocation"

    @property
    def upon(self) -> str:
        """The function."""
        return Function(self.spec).title

    def reads(self) -> Reads:
        """Ask who may call, and describe the service behind the function where that does not answer it."""
        policy = yield "policy", self._argv("get-iam-policy")
        if self.spec.invocation == "unchecked" or not self.is_public({"policy": policy}):
            yield "service", self._argv("describe")

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Open it in the way that is allowed, unless it is open."""
        if self.is_unchecked(facts) or (self.is_public(facts) and self.spec.invocation != "unchecked"):
            how = "the invoker check is off" if self.is_unchecked(facts) else "allUsers may call"
            return (keep(self.title, how),)
        if self.spec.invocation == "unchecked":
            argv = self._argv("update", "--no-invoker-iam-check")
            return (create(self.title, "organization policy forbids allUsers: the check goes off", GcloudCall(argv)),)
        granted = ("--member=allUsers", "--role=roles/run.invoker", "--condition=None")
        return (create(self.title, "nobody may call", GcloudCall(self._argv("add-iam-policy-binding", *granted))),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Nothing: it goes with the function."""
        del facts
        return ()

    @staticmethod
    def is_public(facts: Facts) -> bool:
        """Whether allUsers may call, on no condition."""
        return any(
            each.get("role") == "roles/run.invoker"
            and "allUsers" in each.get("members", [])
            and not each.get("condition")
            for each in (facts.get("policy") or {}).get("bindings", [])
        )

    @staticmethod
    def is_unchecked(facts: Facts) -> bool:
        """Whether nobody is asked who they are."""
        annotations = (facts.get("service") or {}).get("metadata", {}).get("annotations", {})
        return str(annotations.get("run.googleapis.com/invoker-iam-disabled", "")).lower() == "true"

    def _argv(self, verb: str, *flags: str) -> Argv:
        place = (f"--region={self.spec.region}", f"--project={self.spec.google_project}")
        return ("run", "services", verb, self.spec.name, *flags, *place)
