"""What a verb came to, as the one document that ``--json`` prints: the same keys whatever the verb. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.errors import ApplyFailed, DeployError, Several
from deploy.proof.checks import Proof
from deploy.steps import ResourceId, Step, pending


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of a status, how it is, and what more there is to say. ``id`` decides whether it is always shown."""

    what: str
    state: str
    detail: str
    id: ResourceId | None = None

    def as_json(self) -> dict[str, str]:
        """Return what ``status --json`` prints."""
        return {"what": self.what, "state": self.state, "detail": self.detail}


@dataclass
class Report:
    """Filled in while a verb is under way. None is what the verb does not do, or did not get to."""

    steps: Sequence[Step] | None = None
    done: Sequence[Step] | None = None
    left: Sequence[Step] | None = None
    verified: list[Proof] | None = None
    status: Sequence[Row] | None = None
    healthy: bool | None = None
    version: str | None = None
    error: DeployError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        done = self.error.done if isinstance(self.error, ApplyFailed) else self.done
        return {
            "error": None if self.error is None else _told(self.error),
            "steps": _each(self.steps),
            "changes": None if self.steps is None else len(pending(tuple(self.steps))),
            "done": None if done is None else [each.resource for each in done],
            "left": _each(self.left),
            "verified": _each(self.verified),
            "status": _each(self.status),
            "healthy": self.healthy,
            "version": self.version,
        }


def _each(found: Sequence[Step] | Sequence[Proof] | Sequence[Row] | None) -> list[dict[str, Any]] | None:
    return None if found is None else [each.as_json() for each in found]


def _told(error: DeployError) -> dict[str, Any]:
    """Take an error apart: several in one are told in lines, with all that fixes them."""
    if not isinstance(error, Several):
        return {"what": error.what, "where": error.where, "fix": list(error.fix)}
    heads = [f"{each.where}: {each.what}" if each.where else each.what for each in error.failures]
    return {"what": "\n".join(heads), "where": "", "fix": [line for each in error.failures for line in each.fix]}
