"""What both clouds were seen to hold, as one value. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deploy.resources.connector import Connector, owned_by
from deploy.resources.function import Function, function_url
from deploy.resources.memory import Memory, read_memory
from deploy.resources.resource import Facts, Resource
from deploy.resources.signature_secret import SignatureSecret
from deploy.secret import Secret
from deploy.spec import Spec
from deploy.steps import ResourceId


@dataclass(frozen=True, slots=True)
class Observed:
    """The facts of each of Google's resources, the connectors of each DT project, and the enabled secrets.

    ``devices``: for a removal, the emulated devices that proofs left in each DT project. ``closed``: DT's answer for
    each project that it does not show; only a removal goes on if such a project is named.
    """

    facts: Mapping[ResourceId, Facts]
    connectors: Mapping[str, Sequence[Connector]] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    devices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)

    def of(self, resource: Resource) -> Facts:
        """Return the facts of a resource; empty if it was not read."""
        return self.facts.get(resource.id, {})

    def url(self, spec: Spec) -> str:
        """Return the URL of this deployment's function; empty if there is none."""
        return "" if self._is_foreign(spec) else function_url(self.of(Function(spec)))

    def foreign_url(self, spec: Spec) -> str:
        """Return the URL of a function of the same name that is not this deployment's; empty if there is none."""
        return function_url(self.of(Function(spec))) if self._is_foreign(spec) else ""

    def memory(self, spec: Spec) -> Memory:
        """Return what the deployment remembers."""
        return read_memory(spec, self.of(SignatureSecret(spec)))

    def unnamed(self, spec: Spec) -> tuple[str, ...]:
        """Return the DT projects that are remembered and not named any more, and in which something may be left."""
        others = [project for project in self.memory(spec).dt_projects if project not in spec.dt_projects]
        return tuple(project for project in others if project in self.closed or self.owned_in(project, spec))

    def owned_in(self, project: str, spec: Spec) -> tuple[Connector, ...]:
        """Return this deployment's connectors in a DT project."""
        return owned_by(spec, self.connectors.get(project, ()), self.url(spec))

    def _is_foreign(self, spec: Spec) -> bool:
        function = Function(spec)
        return function.not_ours(self.of(function)) is not None
