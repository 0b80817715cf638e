"""The deployments of a Google project, from the lists of its marked resources. Pure.

A deployment is a function whose label names it. Resources whose mark names a deployment without a function are left
over from a removal that was not finished, or from an ``up`` that has not reached the function yet.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deploy.commands import verb_on
from deploy.resources.function import function_url, state_of, version_of
from deploy.resources.kinds import (
    ALL_KINDS,
    FUNCTION_KIND,
    SECRET_KIND,
    SERVICE_KIND,
    Kind,
    label_of,
    place_of,
    region_of_service,
)
from deploy.resources.memory import read_memory
from deploy.resources.resource import Facts
from deploy.resources.rotation import rotation_in
from deploy.spec import Spec, last_segment
from deploy.steps import ResourceId

LEFT_OVER = "left over"
SOME_REGION = "us-central1"
"""A region for ``down``, which needs one, if nothing in the project says which: ``down`` looks in all regions."""

UNKNOWN_DT_PROJECT = "ID-OF-THE-DT-PROJECT"
"""The placeholder for a DT project that is not remembered, because the secret is gone."""

Lists = Mapping[Kind, Sequence[Facts]]
"""The marked resources of a project, by kind."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment, or what is left of one.

    ``spec``: project, region, name and remembered DT projects. ``state``: the function's, or ``LEFT_OVER``.
    ``resources``: all that has its mark. ``other_regions``: regions in which it has a function, too. ``rotation``: the
    phase of a rotation of its secret, empty if there is none in progress.
    """

    spec: Spec
    state: str
    resources: tuple[ResourceId, ...]
    version: str | None = None
    url: str = ""
    other_regions: tuple[str, ...] = ()
    rotation: str = ""

    @property
    def is_left_over(self) -> bool:
        """Whether it has no function."""
        return self.state == LEFT_OVER

    @property
    def command(self) -> str:
        """The command with which a colleague goes on: ``plan``, or ``down`` for what is left over."""
        verb = "down" if self.is_left_over else "plan"
        return verb_on(verb, self.spec, self.spec.dt_projects or (UNKNOWN_DT_PROJECT,))

    def as_json(self) -> dict[str, Any]:
        """Return the deployment as ``list --json`` prints it."""
        return {
            "name": self.spec.name,
            "project": self.spec.google_project,
            "region": None if self.is_left_over else self.spec.region,
            "state": self.state,
            "healthy": self.state == "ACTIVE",
            "version": self.version,
            "url": self.url or None,
            "dtProjects": list(self.spec.dt_projects),
            "rotation": self.rotation or None,
            "resources": [str(resource) for resource in self.resources],
            "command": self.command,
        }

    def row(self, ours: str) -> tuple[str, str, str]:
        """Return state, name and details for a table. ``ours``: the version of this checkout."""
        dt = f"DT {', '.join(self.spec.dt_projects)}" if self.spec.dt_projects else "DT projects unknown"
        if self.is_left_over:
            there = ", ".join(map(str, self.resources))
            return self.state, self.spec.name, f"no function, but {there}; {dt}"
        version = f"version {self.version}" if self.version else "no version"
        newer = "" if self.version == ours else f" (this is {ours})"
        others = f"; also in {', '.join(self.other_regions)}" if self.other_regions else ""
        where = f"{self.spec.name} in {self.spec.region}"
        rotation = f"; a rotation of the secret is in its phase {self.rotation}" if self.rotation else ""
        return self.state, where, f"{version}{newer}; {dt}; {self.url or 'no URL'}{others}{rotation}"


def deployments(google_project: str, lists: Lists) -> tuple[Deployment, ...]:
    """Return the deployments with a function, by name and region, and then what is left of others, by name."""
    functions = [found for found in lists[FUNCTION_KIND] if _is_own(found)]
    running = {label_of(found) for found in functions}
    names = {kind.owner_of(found) for kind in ALL_KINDS for found in lists[kind]} - {""}
    alive = [_deployed(google_project, lists, found, functions) for found in sorted(functions, key=_by_name)]
    region = alive[0].spec.region if alive else SOME_REGION
    return (*alive, *(_left(google_project, lists, name, region) for name in sorted(names - running)))


def _is_own(function: Facts) -> bool:
    """Return whether a function is the one that its label names: a plan compares label, name and generation."""
    return place_of(function)[1] == label_of(function) and function.get("environment") != "GEN_1"


def _by_name(function: Facts) -> tuple[str, str]:
    return label_of(function), place_of(function)[0]


def _deployed(google_project: str, lists: Lists, function: Facts, all_functions: Collection[Facts]) -> Deployment:
    name, region = _by_name(function)
    same_name = (other for other in all_functions if label_of(other) == name)
    return Deployment(
        spec=_remembered(Spec(google_project, region, name), lists),
        state=state_of(function),
        resources=tuple(_marked(lists, name)),
        version=version_of(function),
        url=function_url({"function": function}),
        other_regions=tuple(sorted(place_of(other)[0] for other in same_name if place_of(other)[0] != region)),
        rotation=_rotation(Spec(google_project, region, name), lists),
    )


def _left(google_project: str, lists: Lists, name: str, region: str) -> Deployment:
    detached = [region_of_service(found) for found in lists[SERVICE_KIND] if SERVICE_KIND.owner_of(found) == name]
    spec = Spec(google_project, next(filter(None, detached), region), name)
    return Deployment(_remembered(spec, lists), LEFT_OVER, tuple(_marked(lists, name)))


def _remembered(spec: Spec, lists: Lists) -> Spec:
    """Return the spec with the DT projects that its secret remembers."""
    return replace(spec, dt_projects=read_memory(spec, {"secret": _secret(spec, lists)}).dt_projects)


def _rotation(spec: Spec, lists: Lists) -> str:
    """Return the phase of the rotation that the secret notes; "" if there is none, or if it is done."""
    rotation = rotation_in(_secret(spec, lists).get("annotations"))
    return "" if rotation is None or rotation.phase == "done" else rotation.phase


def _secret(spec: Spec, lists: Lists) -> Facts:
    return next((found for found in lists[SECRET_KIND] if last_segment(str(found.get("name"))) == spec.secret), {})


def _marked(lists: Lists, name: str) -> Iterator[ResourceId]:
    """Return the ids of all resources whose mark names a deployment. A function's Cloud Run service is a part of it."""
    functions = {place_of(found) for found in lists[FUNCTION_KIND]}
    for kind in ALL_KINDS:
        for found in lists[kind]:
            is_part = kind is SERVICE_KIND and (region_of_service(found), kind.id_of(found).name) in functions
            if kind.owner_of(found) == name and not is_part:
                yield _with_generation(kind, found)


def _with_generation(kind: Kind, found: Facts) -> ResourceId:
    """Return the id of a resource. That of a 1st gen function says so: ``down`` leaves such a function alone."""
    resource = kind.id_of(found)
    is_old = kind is FUNCTION_KIND and found.get("environment") == "GEN_1"
    return ResourceId("1st gen function", resource.name) if is_old else resource
