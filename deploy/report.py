"""The result of a verb, as the JSON document that ``--json`` prints. All verbs have the same keys. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deploy.errors import ApplyFailed, DeployError, Several
from deploy.first_contact.document import Document
from deploy.live.summary import Summary
from deploy.next_steps import NextSteps
from deploy.proof.checks import Proof
from deploy.resources.pausing import Undelivered
from deploy.stages.health.row import Row
from deploy.stages.inventory import Deployment
from deploy.stages.upgrade import Upgrade
from deploy.steps import Step, pending


@dataclass
class Report:
    """The results so far of a running verb. A field is None if the verb does not do this, or has not reached it."""

    steps: Sequence[Step] | None = None
    done: Sequence[Step] | None = None
    left: Sequence[Step] | None = None
    verified: list[Proof] | None = None
    status: Sequence[Row] | None = None
    healthy: bool | None = None
    health: Mapping[str, Any] | None = None
    version: str | None = None
    next_steps: NextSteps | None = None
    deployments: Sequence[Deployment] | None = None
    upgrade: Upgrade | None = None
    cost: Mapping[str, Any] | None = None
    undelivered: list[Undelivered] | None = None
    followed: Summary | None = None
    first_contact: Document | None = None
    rotation: Mapping[str, Any] | None = None
    replayed: Mapping[str, Any] | None = None
    backfill: Mapping[str, Any] | None = None
    audited: Mapping[str, Any] | None = None
    error: DeployError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report as ``--json`` prints it."""
        done = self.error.done if isinstance(self.error, ApplyFailed) else self.done
        return {
            "error": None if self.error is None else _error_as_json(self.error),
            "steps": _list_as_json(self.steps),
            "changes": None if self.steps is None else len(pending(tuple(self.steps))),
            "done": None if done is None else [step.resource for step in done],
            "left": _list_as_json(self.left),
            "verified": _list_as_json(self.verified),
            "status": _list_as_json(self.status),
            "healthy": self.healthy,
            "health": self.health,
            "version": self.version,
            "next": None if self.next_steps is None else self.next_steps.as_json(),
            "deployments": _list_as_json(self.deployments),
            "upgrade": None if self.upgrade is None else self.upgrade.as_json(),
            "cost": self.cost,
            "undelivered": _list_as_json(self.undelivered),
            "followed": None if self.followed is None else self.followed.as_json(),
            "firstContact": None if self.first_contact is None else self.first_contact.as_json(),
            "rotation": self.rotation,
            "replayed": self.replayed,
            "backfill": self.backfill,
            "audited": self.audited,
        }


class _Item(Protocol):
    def as_json(self) -> Mapping[str, Any]: ...


def _list_as_json(items: Sequence[_Item] | None) -> list[Mapping[str, Any]] | None:
    return None if items is None else [item.as_json() for item in items]


def _error_as_json(error: DeployError) -> dict[str, Any]:
    """Return an error as JSON. Several errors become one, with a line for each error and with all commands."""
    failures = error.failures if isinstance(error, Several) else (error,)
    heads = [f"{failure.where}: {failure.what}" if failure.where else failure.what for failure in failures]
    what, where = ("\n".join(heads), "") if isinstance(error, Several) else (error.what, error.where)
    lines = [(failure.head_of(line), line) for failure in failures for line in failure.fix]
    return {
        "what": what,
        "where": where,
        "fix": [line for head, line in lines if head == "fix"],
        "lookAt": [line for head, line in lines if head == "look at"],
        "hint": [line for head, line in lines if head == "hint"],
    }
