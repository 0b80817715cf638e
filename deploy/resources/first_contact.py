"""The temporary resources of ``verify --report``: their marks, and their removal if a run was killed. Pure.

They do not have the label of the deployment, because they are no part of it: ``list`` and ``plan`` do not see them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.connector import Connector, connector_id
from deploy.resources.function import FUNCTIONS
from deploy.resources.kinds import place_of
from deploy.resources.resource import CommandGroup, Facts, Resource
from deploy.resources.signature_secret import SECRETS
from deploy.spec import CONTACT_MARK, SINCE_MARK, Spec, last_segment
from deploy.steps import Argv, ConnectorCall, GcloudCall, ResourceId, Step, delete

ABANDONED_AFTER_S = 7200.0
"""A temporary resource of this age is abandoned, because no run takes half as long."""

WHY = "left by a verify --report that was interrupted"


@dataclass(frozen=True, slots=True)
class AbandonedRecorders(Resource):
    """Recorders, the temporary functions of runs that were killed."""

    groups: ClassVar[tuple[CommandGroup, ...]] = (FUNCTIONS,)
    permissions: ClassVar[tuple[str, ...]] = ("cloudfunctions.functions.delete", "cloudfunctions.functions.list")
    key: ClassVar[str] = "recorders"

    @property
    def id(self) -> ResourceId:
        """The id of all these functions together."""
        return ResourceId("functions of verify --report")

    @property
    def describe(self) -> Argv:
        """The command that lists them by their label."""
        mark = f"--filter=labels.{CONTACT_MARK}={self.spec.name}"
        return ("functions", "list", "--v2", mark, self.spec.project_flag)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that delete them."""
        return tuple(self._delete(function) for function in left_by_runs(self.spec, self.found(facts)))

    def _delete(self, function: Facts) -> Step:
        region, name = place_of(function)
        call = GcloudCall(("functions", "delete", name, "--gen2", f"--region={region}", self.spec.project_flag))
        return delete(ResourceId("function", name), WHY, call)


@dataclass(frozen=True, slots=True)
class AbandonedContactSecrets(Resource):
    """The temporary secrets of runs that were killed. They are listed without a filter, as in ``kinds``."""

    groups: ClassVar[tuple[CommandGroup, ...]] = (SECRETS,)
    permissions: ClassVar[tuple[str, ...]] = ("secretmanager.secrets.delete", "secretmanager.secrets.list")
    key: ClassVar[str] = "secrets"

    @property
    def id(self) -> ResourceId:
        """The id of all these secrets together."""
        return ResourceId("secrets of verify --report")

    @property
    def describe(self) -> Argv:
        """The command that lists all secrets, without their values."""
        return ("secrets", "list", self.spec.project_flag)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that delete them."""
        return tuple(
            self._delete(last_segment(secret["name"])) for secret in left_by_runs(self.spec, self.found(facts))
        )

    def _delete(self, name: str) -> Step:
        return delete(ResourceId("secret", name), WHY, GcloudCall(("secrets", "delete", name, self.spec.project_flag)))


def left_by_runs(spec: Spec, listed: Sequence[Facts] | None, before: float | None = None) -> list[Facts]:
    """Return the listed resources that runs of this deployment have made. ``before``: only those made before then."""
    ours = [found for found in listed or [] if (found.get("labels") or {}).get(CONTACT_MARK) == spec.name]
    return [found for found in ours if before is None or made_at(str(found["labels"].get(SINCE_MARK, ""))) < before]


def made_at(text: str) -> int:
    """Return the time in a label or in a connector's name, in seconds since 1970; 0 if there is none."""
    return int(text) if text.isdecimal() else 0


def connector_name(spec: Spec, since: int) -> str:
    """Return the display name of the temporary connector of a run that began at a time."""
    return f"{_prefix(spec)}{since}"


def connectors_left_by_runs(spec: Spec, found: Sequence[Connector], before: float | None = None) -> list[Connector]:
    """Return the temporary connectors of this deployment's runs. ``before``: only of runs that began before then."""
    ours = {connector: connector.display_name.removeprefix(_prefix(spec)) for connector in found}
    return [
        connector
        for connector, since in ours.items()
        if since != connector.display_name and since.isdecimal() and (before is None or int(since) < before)
    ]


def remove_contact_connectors(spec: Spec, project: str, found: Sequence[Connector]) -> tuple[Step, ...]:
    """Return the steps that delete the temporary connectors of runs that were killed."""
    return tuple(
        delete(connector_id(project).part_named(connector.id), WHY, ConnectorCall("DELETE", project, connector.id))
        for connector in connectors_left_by_runs(spec, found)
    )


def labels_of(spec: Spec, since: int) -> dict[str, Any]:
    """Return the labels of the temporary resources of a run: the user's own labels, and the two marks."""
    return {**spec.labels, CONTACT_MARK: spec.name, SINCE_MARK: str(since)}


def _prefix(spec: Spec) -> str:
    return f"first contact {spec.google_project}/{spec.name} "
