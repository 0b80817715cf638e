"""The permission to call the function."""

from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.function import Function
from deploy.resources.invokers import INVOKER, RUN, is_public, is_unchecked, run_service
from deploy.resources.resource import CommandGroup, Facts, Reads, Resource
from deploy.steps import Argv, Change, GcloudCall, ResourceId, Step, create, keep, update


@dataclass(frozen=True, slots=True)
class Invocation(Resource):
    """Anyone may call the function, because it verifies the signature of each request itself.

    ``public`` grants the role to allUsers. If policy forbids that, ``unchecked`` disables Cloud Run's check of callers.
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
        """The id of the permission."""
        return ResourceId("public invocation")

    @property
    def parent(self) -> ResourceId:
        """The function."""
        return Function(self.spec).id

    @property
    def describe(self) -> Argv:
        """The command that reads the callers with a role."""
        return run_service(self.spec, "get-iam-policy")

    def details(self, found: Any) -> Reads:
        """Describe the function's Cloud Run service, unless the policy alone shows that anyone may call."""
        if self.spec.invocation != "auto" or not is_public({self.key: found}):
            yield "service", run_service(self.spec, "describe")

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that let anyone call as the spec says. With ``auto``, either way is kept."""
        if self.spec.invocation == "unchecked":
            return (self._unchecked(facts),)
        if self.spec.invocation == "public":
            return self._public(facts)
        if is_unchecked(facts) or is_public(facts):
            return (keep(self.id, _state(facts)),)
        return (self._granted(),)

    def _unchecked(self, facts: Facts) -> Step:
        if is_unchecked(facts):
            return keep(self.id, _state(facts))
        argv = run_service(self.spec, "update", "--no-invoker-iam-check")
        return create(self.id, "organization policy forbids allUsers: the check goes off", GcloudCall(argv))

    def _public(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps for ``public``. The grant comes first, so that DT can call while the check is enabled."""
        why = "requested instead of a switched-off check" if is_unchecked(facts) else "no public access"
        steps = () if is_public(facts) else (self._granted(why),)
        if is_unchecked(facts):
            call = GcloudCall(run_service(self.spec, "update", "--invoker-iam-check"))
            check = self.id.part_named("invoker check")
            steps = (*steps, update(check, (Change("invoker check", "off", "on"),), call))
        return steps or (keep(self.id, _state(facts)),)

    def _granted(self, why: str = "no public access") -> Step:
        granted = ("--member=allUsers", f"--role={INVOKER}", "--condition=None")
        call = GcloudCall(run_service(self.spec, "add-iam-policy-binding", *granted))
        return create(self.id, why, call)


def _state(facts: Facts) -> str:
    return "the invoker check is off" if is_unchecked(facts) else "allUsers may call"
