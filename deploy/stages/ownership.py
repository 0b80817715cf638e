"""Whose things are, asked again just before a step touches them: minutes may pass between a plan and its steps."""

from typing import Any, Protocol

from deploy.errors import DeployError
from deploy.resources.accounts import Permission, RuntimeAccount
from deploy.resources.elsewhere import Elsewhere
from deploy.resources.function import Function
from deploy.resources.resource import Resource, answered, first_answered
from deploy.spec import Spec
from deploy.stages.plan import removable, resources
from deploy.steps import Argv, GcloudCall, Step


class Reads(Protocol):
    """Google Cloud, to be read."""

    def read(self, argv: Argv) -> Any:
        """Return a command's answer, or None for what is not there."""
        ...


class Ownership:
    """What is proven to be this deployment's: what this run made, or has found marked, is not asked for again."""

    def __init__(self, spec: Spec, google: Reads) -> None:
        self._google = google
        self._by_title: dict[str, Resource] = {resource.title: resource for resource in removable(spec)}
        self._by_title |= {resource.title: resource for resource in resources(spec)}
        self._account = RuntimeAccount(spec).title
        self._function = Function(spec).title
        self._proven: set[str] = set()

    def prove(self, step: Step) -> None:
        """See that what a step is about to touch is this deployment's.

        Raises:
            DeployError: it is not, or what the step would grant something on is gone.

        """
        for title in self._touched(step):
            if title not in self._proven or title == Elsewhere.title:  # whose steps are each about another function
                self._must_be_ours(title, step, must_be_there=title != _title(step))
                self._proven.add(title)

    def resource(self, step: Step) -> Resource:
        """Return the resource that a step is about."""
        return self._by_title[_title(step)]

    def made(self, step: Step) -> None:
        """Take what a step has made for this deployment's."""
        self._proven.add(_title(step))

    def _touched(self, step: Step) -> list[str]:
        """Return the titles of what a step changes or grants something on.

        A create fails by itself where the name is taken, but ``gcloud functions deploy`` changes what it finds.
        """
        resource = self._by_title.get(_title(step))
        if resource is None or not isinstance(step.call, GcloudCall):
            return []
        if resource.upon:
            return [resource.upon, *([self._account] if isinstance(resource, Permission) else [])]
        is_safe = step.action == "create" and step.resource == resource.title and resource.title != self._function
        return [] if is_safe else [resource.title]

    def _must_be_ours(self, title: str, step: Step, *, must_be_there: bool) -> None:
        """Read it again. A function is deployed or opened only where the service beneath it is its own, too."""
        resource = self._by_title[title]
        if isinstance(resource, Elsewhere):
            resource = resource.function_in(_place(step))
        needs_service = title == self._function and step.action != "delete"
        put = answered if needs_service else first_answered
        facts = put(resource.reads(), self._google.read)
        if error := resource.not_ours(facts):
            raise error
        if must_be_there and next(iter(facts.values()), None) is None:
            raise DeployError("is not there any more", where=title)


def _title(step: Step) -> str:
    return step.resource.partition(", ")[0]


def _place(step: Step) -> str:
    return step.resource.partition(", ")[2]
