"""What all resources have in common, and the words they share."""

from collections.abc import Callable, Generator, Mapping
from typing import Any, Protocol

from deploy.errors import DeployError
from deploy.spec import MARK, Spec
from deploy.steps import Argv, Change, Step

Facts = Mapping[str, Any]
"""What the commands of ``reads`` answered, by their keys: None for what is not there, no key for what was not asked."""

Reads = Generator[tuple[str, Argv], Any, None]
"""Commands, each with its answer's key in the facts. An answer is sent in, and decides whether there is a next one."""


class Resource(Protocol):
    """One thing on Google's side."""

    @property
    def title(self) -> str:
        """Say what it is and its name, as plan and progress show it."""
        ...

    @property
    def upon(self) -> str:
        """The title of what this hangs on: not there without it, and gone with it. Empty for what stands by itself."""
        ...

    def reads(self) -> Reads:
        """Give the commands that tell what is there: the first one whether it is there, and whose."""
        ...

    def removal_reads(self) -> Reads:
        """Return the commands that ``removal`` needs the answers of; the first one tells whether it is there."""
        ...

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return the error for something of this name that is not this deployment's; None if it is, or is absent."""
        ...

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Compare what is there with what should be.

        Raises:
            DeployError: it is there and is not ours, or cannot become what it should.

        """
        ...

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Give the steps that remove it; what is not ours stays."""
        ...


def answered(questions: Reads, read: Callable[[Argv], Any]) -> dict[str, Any]:
    """Put a resource's questions, each after the answer to the one before; return the facts."""
    facts: dict[str, Any] = {}
    answer = None
    while True:
        try:
            key, argv = questions.send(answer)
        except StopIteration:
            return facts
        answer = facts[key] = read(argv)


def first_answered(questions: Reads, read: Callable[[Argv], Any]) -> dict[str, Any]:
    """Put only the first of a resource's questions: whether it is there, and whose it is."""
    key, argv = next(questions)
    return {key: read(argv)}


def is_marked(spec: Spec, found: Mapping[str, Any]) -> bool:
    """Return whether something bears the label of this deployment."""
    return (found.get("labels") or {}).get(MARK) == spec.name


def foreign(title: str, mark: str, adopt: str) -> DeployError:
    """Something of this name is there without the mark of this deployment."""
    return DeployError(
        f"exists, and is not marked {mark}\n  adopt it by this line, or choose another --name",
        where=title,
        mend=[adopt],
    )


def label_words(labels: Mapping[str, str]) -> str:
    """Give labels as gcloud's flags take them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def label_changes(wanted: Mapping[str, str], found: Mapping[str, str] | None) -> tuple[Change, ...]:
    """Give the labels that differ. Labels that nobody asked for here are left alone."""
    there = found or {}
    return tuple(
        Change(f"label {key}", there.get(key), value)
        for key, value in sorted(wanted.items())
        if there.get(key) != value
    )
