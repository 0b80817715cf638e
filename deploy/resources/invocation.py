"""Who may call the function."""

from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.function import Function
from deploy.resources.invokers import INVOKER, RUN, is_public, is_unchecked, run_service
from deploy.resources.resource import CommandGroup, Facts, Reads, Resource
from deploy.steps import Argv, Change, GcloudCall, ResourceId, Step, create, keep, update


@dataclass(frozen=True, slots=True)
class Invocation(Resource):
    """Everybody may call the function, because it checks the signature of each request.

    ``public`` grants the right to allUsers; ``unchecked`` disables Cloud Run's check, if policy forbids allUsers.
    """

    groups: ClassVar[tuple[CommandGroup, ...]] = (RUN,)
    permissions: ClassVar[tuple[str, ...]] = (
        "run.services.get",
        "run.services.getIamPolicy",
        "run.services.setIamPolicy",
        "run.services.update",
    )
    key: ClassVar[str] = "policy"

    @property
    def id(self) -> ResourceId:
        """The function's invocation by everybody."""
        return ResourceId("public invocation")

    @property
    def parent(self) -> ResourceId:
        """The function."""
        return Function(self.spec).id

    @property
    def describe(self) -> Argv:
        """The command that reads who may call."""
        return run_service(self.spec, "get-iam-policy")

    def details(self, found: Any) -> Reads:
        """Describe the service beneath the function, unless the policy alone answers who may call."""
        if self.spec.invocation != "auto" or not is_public({self.key: found}):
            yield "service", run_service(self.spec, "describe")

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Open it in the way that was asked for; if none was, leave it open in either way."""
        if self.spec.invocation == "unchecked":
            return (self._unchecked(facts),)
        if self.spec.invocation == "public":
            return self._public(facts)
        if is_unchecked(facts) or is_public(facts):
            return (keep(self.id, _how(facts)),)
        return (self._granted(),)

    def _unchecked(self, facts: Facts) -> Step:
        if is_unchecked(facts):
            return keep(self.id, _how(facts))
        argv = run_service(self.spec, "update", "--no-invoker-iam-check")
        return create(self.id, "organization policy forbids allUsers: the check goes off", GcloudCall(argv))

    def _public(self, facts: Facts) -> tuple[Step, ...]:
        """Grant it first, so that DT can call all the time, even while the check is enabled again."""
        why = "asked for instead of a check that is off" if is_unchecked(facts) else "nobody may call"
        steps = () if is_public(facts) else (self._granted(why),)
        if is_unchecked(facts):
            call = GcloudCall(run_service(self.spec, "update", "--invoker-iam-check"))
            check = self.id.part_named("invoker check")
            steps = (*steps, update(check, (Change("invoker check", "off", "on"),), call))
        return steps or (keep(self.id, _how(facts)),)

    def _granted(self, why: str = "nobody may call") -> Step:
        granted = ("--member=allUsers", f"--role={INVOKER}", "--condition=None")
        call = GcloudCall(run_service(self.spec, "add-iam-policy-binding", *granted))
        return create(self.id, why, call)


def _how(facts: Facts) -> str:
    return "the invoker check is off" if is_unchecked(facts) else "allUsers may call"
