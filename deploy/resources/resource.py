"""What all resources have in common, and the words they share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import DeployError
from deploy.spec import MARK, Spec
from deploy.steps import Action, Argv, Change, ResourceId, Step

Facts = Mapping[str, Any]
"""The answers to a resource's read commands, by key: None for what is not there, no key for what was not asked."""

Reads = Generator[tuple[str, Argv], Any, None]
"""Commands, each with the key of its answer in the facts. An answer is sent in, and decides whether there is a next."""


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """A group of gcloud's commands: the words that its commands begin with, and the API that they call.

    ``absent``: how gcloud words that the resource ``{name}`` of the command is not there, as a pattern; empty if no
    command of the group names a resource.
    """

    words: Argv
    service: str
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Resource(ABC):
    """One thing on Google's side: its API, its parent, what is read of it, its plan and its removal.

    ``groups``: gcloud's command groups that it needs. ``permissions``: what a deployer needs to be allowed for it.
    ``key``: the key in the facts of the answer to ``describe``. ``overwrites``: its create command changes what exists
    already instead of failing. ``has_separate_parts``: its parts are resources by themselves, each with its own owner.
    """

    groups: ClassVar[tuple[CommandGroup, ...]] = ()
    permissions: ClassVar[tuple[str, ...]] = ()
    key: ClassVar[str]
    overwrites: ClassVar[bool] = False
    has_separate_parts: ClassVar[bool] = False

    spec: Spec

    @property
    @abstractmethod
    def id(self) -> ResourceId:
        """What it is, and its name."""

    @property
    @abstractmethod
    def describe(self) -> Argv:
        """The command that tells whether it is there, and whose it is."""

    @property
    def title(self) -> str:
        """Its text, as plan and progress show it."""
        return str(self.id)

    @property
    def parent(self) -> ResourceId | None:
        """The resource without which it does not exist, and with which it is deleted; None if it stands alone."""
        return None

    @property
    def grants_to(self) -> tuple[ResourceId, ...]:
        """The resources that its steps give a right to; they have to be there, and ours."""
        return ()

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
        """Return the commands that tell whose it is, just before a step with this action."""
        del action
        yield self.key, self.describe

    def found(self, facts: Facts) -> Any:
        """Return the answer to ``describe``; None if it is not there, or was not asked for."""
        return facts.get(self.key)

    def owner(self, of: ResourceId) -> "Resource":
        """Return the resource that knows the owner of this resource, or of one of its separate parts."""
        del of
        return self

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return the error for something of this name that is not this deployment's; None if it is, or is absent."""
        del facts
        return None

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Compare what is there with what should be.

        Raises:
            DeployError: it is there and is not ours, or cannot become what it should.

        """
        del facts
        return ()

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that remove it; what is not ours stays."""
        del facts
        return ()


def answered(questions: Reads, read: Callable[[Argv], Any]) -> dict[str, Any]:
    """Ask a resource's questions, one after the answer to the other; return the facts."""
    facts: dict[str, Any] = {}
    answer = None
    while True:
        try:
            key, argv = questions.send(answer)
        except StopIteration:
            return facts
        answer = facts[key] = read(argv)


def described(resource: Resource, read: Callable[[Argv], Any]) -> dict[str, Any]:
    """Ask only whether a resource is there, and whose it is; return the facts."""
    return {resource.key: read(resource.describe)}


def is_marked(spec: Spec, found: Facts) -> bool:
    """Return whether something has the label of this deployment."""
    return (found.get("labels") or {}).get(MARK) == spec.name


def label_words(labels: Mapping[str, str]) -> str:
    """Return labels as gcloud's flags take them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def label_changes(wanted: Mapping[str, str], found: Mapping[str, str] | None) -> tuple[Change, ...]:
    """Return the labels that differ. Labels that this deployment did not set are left alone."""
    there = found or {}
    return tuple(
        Change(f"label {key}", there.get(key), value)
        for key, value in sorted(wanted.items())
        if there.get(key) != value
    )
