"""A plan as data: steps, what each changes and why, and the exact call that does it."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["create", "update", "keep", "delete"]
Argv = tuple[str, ...]

DT_API = "https://api.disruptive-technologies.com/v2"
DT_EMULATOR = "https://emulator.disruptive-technologies.com/v2"


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, as it is and as it should be."""

    setting: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """Give ``memory 512Mi -> 1Gi``."""
        return f"{self.setting} {_shown(self.old)} -> {_shown(self.new)}"


@dataclass(frozen=True, slots=True)
class GcloudCall:
    """A gcloud command.

    ``feeds_secret``: a new secret goes to its standard input. ``uploads``: it runs in the folder of the staged source,
    which is what ``--source=.`` means. ``names_upload``: Google's name for what was uploaded before goes into it.
    """

    argv: Argv
    feeds_secret: bool = False
    uploads: bool = False
    names_upload: bool = False

    def line(self) -> str:
        """Give the line that does the same in a shell, run from the root of this repository."""
        command = shlex.join(("gcloud", *self.argv))
        return f"openssl rand -hex 32 | {command}" if self.feeds_secret else command


@dataclass(frozen=True, slots=True)
class DtCall:
    """A call of DT's API on a Data Connector. Neither the secret nor an URL not yet known is in ``fields``.

    ``puts_url`` and ``puts_secret`` say that the call adds the function's URL and the newest signature secret.
    ``device``: the emulated device that it deletes instead.
    """

    verb: Literal["POST", "PATCH", "DELETE"]
    project: str
    connector: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    puts_url: bool = False
    puts_secret: bool = False
    device: str = ""

    def line(self) -> str:
        """Give method, URL and body, with words in the place of what is not shown."""
        if self.device:
            return f"{self.verb} {DT_EMULATOR}/projects/{self.project}/devices/{self.device}"
        path = f"projects/{self.project}/dataconnectors" + (f"/{self.connector}" if self.connector else "")
        pushed = {"url": "<the function's URL>"} if self.puts_url else {}
        pushed |= {"signatureSecret": "<the secret>"} if self.puts_secret else {}
        body = {**self.fields, **({"httpConfig": pushed} if pushed else {})}
        if self.verb == "PATCH" and (mask := update_mask(body)):
            path += f"?updateMask={mask}"
        shown = f" {json.dumps(body, ensure_ascii=False)}" if body else ""
        return f"{self.verb} {DT_API}/{path}{shown}"


Call = GcloudCall | DtCall


def update_mask(body: Mapping[str, Any]) -> str:
    """Give the mask that a PATCH of DT's needs: without one, an empty list may be taken for one not mentioned."""
    if all(value != [] for value in body.values()):
        return ""
    pushed = [f"httpConfig.{name}" for name in body.get("httpConfig", {})]
    return ",".join(sorted([*(name for name in body if name != "httpConfig"), *pushed]))


@dataclass(frozen=True, slots=True)
class Step:
    """One resource and what happens to it. ``keep`` has no call."""

    action: Action
    resource: str
    reason: str
    changes: tuple[Change, ...] = ()
    call: Call | None = None

    def as_json(self) -> dict[str, Any]:
        """Give what ``plan --json`` prints of it."""
        return {
            "action": self.action,
            "resource": self.resource,
            "reason": self.reason,
            "changes": [{"setting": each.setting, "old": each.old, "new": each.new} for each in self.changes],
            "call": self.call.line() if self.call else None,
        }


def keep(resource: str, reason: str) -> Step:
    """Nothing to do, and why."""
    return Step("keep", resource, reason)


def create(resource: str, reason: str, call: Call) -> Step:
    """Make what is not there."""
    return Step("create", resource, reason, (), call)


def update(resource: str, changes: tuple[Change, ...], call: Call, reason: str = "") -> Step:
    """Change what is there; the reason is the changes' own if none is given."""
    return Step("update", resource, reason or "; ".join(str(change) for change in changes), changes, call)


def delete(resource: str, reason: str, call: Call) -> Step:
    """Remove what is there."""
    return Step("delete", resource, reason, (), call)


def pending(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Give the steps that do something."""
    return tuple(step for step in steps if step.action != "keep")


def _shown(value: Any) -> str:
    if value in (None, "", [], {}):
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
