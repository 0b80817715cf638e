"""What the resources of alerts have in common: they are read and changed by REST, and planned again before each change.

gcloud has no released commands for alert policies and notification channels, and Google gives both their names. So
each step is planned again right before it is carried out: a second ``up``, or an answer that was lost, makes nothing
twice, and a policy gets the names of channels that were made just before.
"""

import json
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.resource import Facts, Resource
from deploy.spec import MARK, last_segment
from deploy.steps import Call, Change, Get, ResourceId, RestCall, Step, create, delete, keep, update

MONITORING = "monitoring.googleapis.com"
LOGGING = "logging.googleapis.com"

REFUSED = "refused"
"""The key in the facts of a refusal to list resources that the deployment need not have."""

NOT_YET = "<its name>"
"""The placeholder for the name of a notification channel that does not exist yet."""

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alerting(Resource):
    """All resources of one kind that belong to the alerts of a deployment; each is a part. They are read by REST."""

    is_optional: ClassVar[bool] = True
    has_separate_parts: ClassVar[bool] = True

    @property
    @abstractmethod
    def listing(self) -> Get:
        """The request that reads all resources of this kind in the project."""

    @property
    def describe(self) -> Get:
        """The request that reads all resources of this kind in the project."""
        return self.listing

    @abstractmethod
    def part_of(self, found: Found) -> str:
        """Return the part that this resource is; "" if it belongs to another deployment or to none."""

    @abstractmethod
    def url_of(self, found: Found) -> str:
        """Return the URL of a resource that exists."""

    @abstractmethod
    def plan_parts(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps of all parts that this version has."""

    def part(self, name: str) -> ResourceId:
        """Return the id of one part."""
        return self.id.part_named(name)

    def ours(self, facts: Facts) -> list[tuple[str, Found]]:
        """Return the resources of this deployment, each with its part, in the order of their parts and names."""
        found = ((self.part_of(item), item) for item in self.found(facts) or [])
        return sorted(((part, item) for part, item in found if part), key=_by_part_and_name)

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps from the actual to the desired state, and delete what this version no longer has."""
        if self.spec.alerts.are_removed:
            return self.removal(facts)
        steps = self.plan_parts(facts)
        surplus = self.surplus(facts, {step.id.part for step in steps})
        return (*steps, *(self.delete(part, item, why, facts) for part, item, why in surplus))

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that delete all resources of this deployment."""
        if why := facts.get(REFUSED):
            return (keep(self.id, f"cannot be listed ({why}): if there are any, they are left"),)
        return tuple(self.delete(part, item, f"marked {self.spec.mark}", facts) for part, item in self.ours(facts))

    def delete(self, part: str, found: Found, why: str, facts: Facts) -> Step:
        """Return the step that deletes a resource, or keeps it if others use it."""
        del facts
        return delete(self.part(part), why, RestCall("DELETE", self.url_of(found)))

    def again(self, step: Step, facts: Facts) -> Call | None:
        """Return the call of a step, planned again. A deletion is still wanted if the resource is ours."""
        if step.action != "delete" or not isinstance(step.call, RestCall):
            return Resource.again(self, step, facts)
        there = {self.url_of(item) for _, item in self.ours(facts)}
        return step.call if step.call.url.partition("?")[0] in there else None

    def surplus(self, facts: Facts, wanted: Collection[str]) -> list[tuple[str, Found, str]]:
        """Return the resources of this deployment that are there twice or no longer wanted, with part and reason.

        ``wanted``: the parts that this version has.
        """
        seen: set[str] = set()
        left = []
        for part, item in self.ours(facts):
            if part not in wanted:
                left.append((part, item, "is no longer wanted"))
            elif part in seen:
                left.append((part, item, "is there twice"))
            seen.add(part)
        return left


def step_of(part: ResourceId, changes: Sequence[Change], call: RestCall, *, is_there: bool, kept: str) -> Step:
    """Return the step that creates a part, updates it, or keeps it for this reason."""
    if not is_there:
        return create(part, "not there", call)
    return update(part, tuple(changes), call) if changes else keep(part, kept)


def marks_of(found: Found) -> Mapping[str, str]:
    """Return the user labels of a policy or channel."""
    labels: Mapping[str, str] = found.get("userLabels") or {}
    return labels


def is_ours(found: Found, name: str) -> bool:
    """Return whether the user labels of a resource name this deployment."""
    return marks_of(found).get(MARK) == name


def is_complete(call: Call | None) -> bool:
    """Return whether a request has no placeholder for a name that Google has not given yet."""
    return not (isinstance(call, RestCall) and NOT_YET in json.dumps(call.body))


def _by_part_and_name(pair: tuple[str, Found]) -> tuple[str, str]:
    return pair[0], last_segment(str(pair[1].get("name", "")))
