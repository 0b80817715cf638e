"""Whether Cloud Run bills the function's service by request or by instance.

``gcloud functions`` has no flag for it, so it is set on the Cloud Run service. A later deployment of the function keeps
it as far as is known, but need not; ``up`` reads it again after each deployment, and sets it again.
https://cloud.google.com/run/docs/configuring/billing-settings
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import Unusable
from deploy.program import UP
from deploy.resources.function import Function
from deploy.resources.invokers import RUN, run_service
from deploy.resources.resource import CommandGroup, Facts, Resource
from deploy.spec import amount
from deploy.steps import Argv, Change, GcloudCall, ResourceId, Step, keep, update

THROTTLING = "run.googleapis.com/cpu-throttling"
"""The annotation of a service's template; ``false`` means billed by instance, with a CPU between requests, too."""


@dataclass(frozen=True, slots=True)
class Billing(Resource):
    """The billing of the function's Cloud Run service."""

    groups: ClassVar[tuple[CommandGroup, ...]] = (RUN,)
    permissions: ClassVar[tuple[str, ...]] = ("run.services.get", "run.services.update")
    key: ClassVar[str] = "billed service"

    @property
    def id(self) -> ResourceId:
        """The id of the setting."""
        return ResourceId("billing of the function")

    @property
    def parent(self) -> ResourceId:
        """The function."""
        return Function(self.spec).id

    @property
    def describe(self) -> Argv:
        """The command that describes the service."""
        return run_service(self.spec, "describe")

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that sets the billing, or keeps it. A new service is billed by request.

        Raises:
            Unusable: the service has too little CPU to be billed by instance, and no setting gives it more.

        """
        wanted, now = self.spec.cost.billing or "request", billing_of(self.found(facts))
        if wanted == now:
            return (keep(self.id, f"by {now}"),)
        if wanted == "instance" and "cpu" not in self.spec.function and _cpu(self.found(facts)) < 1:
            what = "Cloud Run bills by instance only from one processor on, and the function has less"
            raise Unusable(what, where=str(self.id), fix=[f"{UP} --profile=large"])
        flag = "--no-cpu-throttling" if wanted == "instance" else "--cpu-throttling"
        call = GcloudCall(run_service(self.spec, "update", flag))
        return (update(self.id, (Change("billing", now, wanted),), call),)


def billing_of(service: Any) -> str:
    """Return how a service is billed: ``request``, or ``instance``. ``service``: its description, or None."""
    template = ((service or {}).get("spec") or {}).get("template") or {}
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return "instance" if str(annotations.get(THROTTLING, "")).lower() == "false" else "request"


def _cpu(service: Any) -> float:
    """Return the processors of a service's instance; one if its description does not say."""
    template = ((service or {}).get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or [{}]
    limit = str(((containers[0].get("resources") or {}).get("limits") or {}).get("cpu") or "1")
    try:
        return amount(limit)
    except ValueError:
        return 1.0
