"""The base class of all resources, and functions that they share."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import DeployError
from deploy.spec import MARK, Spec
from deploy.steps import Action, Argv, Call, Change, Query, ResourceId, Step, pending

Facts = Mapping[str, Any]
"""The answers to a resource's read commands, by key. None: the resource is absent; no key: it was not read."""

Reads = Generator[tuple[str, Query], Any, None]
"""Read commands and requests, with the keys of their answers in the facts. An answer is sent in, and may decide what
is read next."""

_IN_DESCRIPTION = re.compile(rf"\({re.escape(MARK)}=([a-z0-9-]+)\)")


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """A group of gcloud commands: the first words of its commands, and the API that they call.

    ``absent``: the pattern of gcloud's message that the resource ``{name}`` does not exist; empty if no command of the
    group names a resource.
    """

    words: Argv
    service: str
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Resource(ABC):
    """One resource on Google's side: its API, its parent, its read commands, its plan and its removal.

    ``groups``: the gcloud command groups that it needs. ``permissions``: the permissions that a deployer needs for it.
    ``services``: the APIs whose REST requests it needs. ``is_optional``: only some deployments have it.
    ``key``: the key in the facts of the answer to ``describe``. ``overwrites``: its create command changes an existing
    resource instead of failing. ``has_separate_parts``: its parts are resources themselves, with their own owners.
    """

    groups: ClassVar[tuple[CommandGroup, ...]] = ()
    services: ClassVar[tuple[str, ...]] = ()
    is_optional: ClassVar[bool] = False
    permissions: ClassVar[tuple[str, ...]] = ()
    key: ClassVar[str]
    overwrites: ClassVar[bool] = False
    has_separate_parts: ClassVar[bool] = False

    spec: Spec

    @property
    @abstractmethod
    def id(self) -> ResourceId:
        """The id of the resource."""

    @property
    @abstractmethod
    def describe(self) -> Query:
        """The command or request that shows whether the resource exists, and its owner."""

    @property
    def title(self) -> str:
        """The text of its id, as plan and progress show it."""
        return str(self.id)

    @property
    def parent(self) -> ResourceId | None:
        """The parent resource, with which it is deleted; None if it has no parent."""
        return None

    @property
    def grants_to(self) -> tuple[ResourceId, ...]:
        """The resources to which its steps grant a role. They must exist and be ours."""
        return ()

    @property
    def after(self) -> tuple[ResourceId, ...]:
        """The resources that must exist before it is made, and that must not be deleted before it."""
        return (*([self.parent] if self.parent else []), *self.grants_to)

    @property
    def is_planned(self) -> bool:
        """Whether the settings say something about it, if only some deployments have it."""
        return self.spec.alerts.are_planned

    def details(self, found: Any) -> Reads:
        """Return the commands that a plan needs besides ``describe``, whose answer is ``found``."""
        del found
        yield from ()

    def removal_details(self, found: Any) -> Reads:
        """Return the commands that a removal needs besides ``describe``, whose answer is ``found``."""
        del found
        yield from ()

    def reads(self) -> Reads:
        """Return the commands that a plan needs."""
        found = yield self.key, self.describe
        yield from self.details(found)

    def removal_reads(self) -> Reads:
        """Return the commands that a removal needs."""
        found = yield self.key, self.describe
        yield from self.removal_details(found)

    def ownership_reads(self, action: Action) -> Reads:
        """Return the commands that show its owner, just before a step with this action."""
        del action
        yield self.key, self.describe

    def found(self, facts: Facts) -> Any:
        """Return the answer to ``describe``; None if the resource is absent or was not read."""
        return facts.get(self.key)

    def owner(self, of: ResourceId) -> "Resource":
        """Return the resource that shows the owner of this resource or of one of its separate parts."""
        del of
        return self

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return an error if the resource exists and is not this deployment's; else None."""
        del facts
        return None

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps from the actual to the desired state.

        Raises:
            DeployError: the resource is not ours, or is unusable.

        """
        del facts
        return ()

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that remove the resource if it is ours."""
        del facts
        return ()

    def again(self, step: Step, facts: Facts) -> Call | None:
        """Return the call of a step, planned again from fresh facts; None if there is nothing left to do."""
        return next((planned.call for planned in pending(self.plan(facts)) if planned.id == step.id), None)


def answered(reads: Reads, read: Callable[[Query], Any]) -> dict[str, Any]:
    """Run the read commands of a resource, one after the other; return the facts."""
    facts: dict[str, Any] = {}
    answer = None
    while True:
        try:
            key, argv = reads.send(answer)
        except StopIteration:
            return facts
        answer = facts[key] = read(argv)


def described(resource: Resource, read: Callable[[Query], Any]) -> dict[str, Any]:
    """Run only ``describe``, which shows whether a resource exists and its owner; return the facts."""
    return {resource.key: read(resource.describe)}


def is_marked(spec: Spec, found: Facts) -> bool:
    """Return whether a description has the label of this deployment."""
    return (found.get("labels") or {}).get(MARK) == spec.name


def is_granted(policy: Facts | None, role: str, member: str) -> bool:
    """Return whether a policy has the binding without a condition."""
    return any(
        binding.get("role") == role and member in binding.get("members", []) and not binding.get("condition")
        for binding in (policy or {}).get("bindings", [])
    )


def owner_in_description(found: Facts) -> str:
    """Return the deployment that a description names, of a resource without labels; an empty text if it names none."""
    mark = _IN_DESCRIPTION.search(str(found.get("description", "")))
    return mark[1] if mark else ""


def label_words(labels: Mapping[str, str]) -> str:
    """Return labels in the format of gcloud's flags."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def label_changes(wanted: Mapping[str, str], found: Mapping[str, str] | None) -> tuple[Change, ...]:
    """Return the labels that differ. Labels that this deployment did not set are left alone."""
    there = found or {}
    return tuple(
        Change(f"label {key}", there.get(key), value)
        for key, value in sorted(wanted.items())
        if there.get(key) != value
    )
