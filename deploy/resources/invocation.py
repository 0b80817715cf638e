"""Who may call the function."""

from dataclasses import dataclass

from deploy.errors import DeployError
from deploy.resources.function import Function
from deploy.resources.invokers import INVOKER, is_public, is_unchecked, run_service
from deploy.resources.resource import Facts, Reads
from deploy.spec import Spec
from deploy.steps import Change, GcloudCall, Step, create, keep, update


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
        policy = yield "policy", run_service(self.spec, "get-iam-policy")
        if self.spec.invocation != "auto" or not is_public({"policy": policy}):
            yield "service", run_service(self.spec, "describe")

    def removal_reads(self) -> Reads:
        """Ask nothing: it goes with the function."""
        yield from ()

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return None: whose it is, the function tells."""
        del facts
        return None

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Open it in the way that is asked for; where none is, unless it is open in any."""
        if self.spec.invocation == "unchecked":
            return (self._unchecked(facts),)
        if self.spec.invocation == "public":
            return self._public(facts)
        if is_unchecked(facts) or is_public(facts):
            return (keep(self.title, _how(facts)),)
        return (self._granted(),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Nothing: it goes with the function."""
        del facts
        return ()

    def _unchecked(self, facts: Facts) -> Step:
        if is_unchecked(facts):
            return keep(self.title, _how(facts))
        argv = run_service(self.spec, "update", "--no-invoker-iam-check")
        return create(self.title, "organization policy forbids allUsers: the check goes off", GcloudCall(argv))

    def _public(self, facts: Facts) -> tuple[Step, ...]:
        """Grant it first, so that nothing is closed while the check that was off goes on again."""
        why = "asked for instead of a check that is off" if is_unchecked(facts) else "nobody may call"
        steps = () if is_public(facts) else (self._granted(why),)
        if is_unchecked(facts):
            call = GcloudCall(run_service(self.spec, "update", "--invoker-iam-check"))
            steps = (*steps, update(f"{self.title}, invoker check", (Change("invoker check", "off", "on"),), call))
        return steps or (keep(self.title, _how(facts)),)

    def _granted(self, why: str = "nobody may call") -> Step:
        granted = ("--member=allUsers", f"--role={INVOKER}", "--condition=None")
        call = GcloudCall(run_service(self.spec, "add-iam-policy-binding", *granted))
        return create(self.title, why, call)


def _how(facts: Facts) -> str:
    return "the invoker check is off" if is_unchecked(facts) else "allUsers may call"
