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
class ResourceId:
    """What identifies a resource, or one part of it. Its text is the only name that plans, progress and errors show.

    ``kind``: what it is, in words. ``name``: empty if a deployment has only one of this kind.
    """

    kind: str
    name: str = ""
    part: str = ""

    def __str__(self) -> str:
        """Return ``secret dt-signature``, or ``secret dt-signature, a version`` for a part."""
        whole = f"{self.kind} {self.name}" if self.name else self.kind
        return f"{whole}, {self.part}" if self.part else whole

    @property
    def whole(self) -> "ResourceId":
        """The resource that this is a part of; the same id if it is not a part."""
        return ResourceId(self.kind, self.name)

    def part_named(self, part: str) -> "ResourceId":
        """Return the id of one part of this resource."""
        return ResourceId(self.kind, self.name, part)


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, as it is and as it should be. ``setting`` is shown, and decides nothing."""

    setting: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """Return ``memory 512Mi -> 1Gi``."""
        return f"{self.setting} {_shown(self.old)} -> {_shown(self.new)}"


@dataclass(frozen=True, slots=True)
class GcloudCall:
    """A gcloud command.

    ``secret_on_stdin``: a new secret goes to its standard input. ``needs_source``: it runs in the folder of the staged
    source, because it has ``--source=.``. ``names_upload``: it contains Google's name for the source uploaded before.
    """

    argv: Argv
    secret_on_stdin: bool = False
    needs_source: bool = False
    names_upload: bool = False

    def line(self) -> str:
        """Return the line that does the same in a shell, run from the root of this repository."""
        command = shlex.join(("gcloud", *self.argv))
        return f"openssl rand -hex 32 | {command}" if self.secret_on_stdin else command


@dataclass(frozen=True, slots=True)
class ConnectorCall:
    """A call of DT's API on a Data Connector. ``fields`` contains neither the secret nor the function's URL.

    ``sends_url`` and ``sends_secret``: the call adds the function's URL and the newest signature secret.
    """

    verb: Literal["POST", "PATCH", "DELETE"]
    project: str
    connector: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    sends_url: bool = False
    sends_secret: bool = False

    def line(self) -> str:
        """Return method, URL and body, with placeholders for the URL and the secret."""
        path = f"projects/{self.project}/dataconnectors" + (f"/{self.connector}" if self.connector else "")
        pushed = {"url": "<the function's URL>"} if self.sends_url else {}
        pushed |= {"signatureSecret": "<the secret>"} if self.sends_secret else {}
        body = {**self.fields, **({"httpConfig": pushed} if pushed else {})}
        if self.verb == "PATCH" and (mask := update_mask(body)):
            path += f"?updateMask={mask}"
        shown = f" {json.dumps(body, ensure_ascii=False)}" if body else ""
        return f"{self.verb} {DT_API}/{path}{shown}"


@dataclass(frozen=True, slots=True)
class DeviceRemoval:
    """A call of DT's emulator that deletes an emulated device."""

    project: str
    device: str

    def line(self) -> str:
        """Return method and URL."""
        return f"DELETE {DT_EMULATOR}/projects/{self.project}/devices/{self.device}"


DtCall = ConnectorCall | DeviceRemoval
Call = GcloudCall | DtCall


def update_mask(body: Mapping[str, Any]) -> str:
    """Return the mask that a PATCH of DT's needs: without one, DT may take an empty list for one not mentioned."""
    if all(value != [] for value in body.values()):
        return ""
    pushed = [f"httpConfig.{name}" for name in body.get("httpConfig", {})]
    return ",".join(sorted([*(name for name in body if name != "httpConfig"), *pushed]))


@dataclass(frozen=True, slots=True)
class Step:
    """One resource and what happens to it. ``keep`` has no call."""

    action: Action
    id: ResourceId
    reason: str
    changes: tuple[Change, ...] = ()
    call: Call | None = None

    @property
    def resource(self) -> str:
        """The resource's text, as plan and progress show it."""
        return str(self.id)

    def as_json(self) -> dict[str, Any]:
        """Return what ``plan --json`` prints of it."""
        return {
            "action": self.action,
            "resource": self.resource,
            "reason": self.reason,
            "changes": [{"setting": change.setting, "old": change.old, "new": change.new} for change in self.changes],
            "call": self.call.line() if self.call else None,
        }


def keep(resource: ResourceId, reason: str) -> Step:
    """Return a step that does nothing, and says why."""
    return Step("keep", resource, reason)


def create(resource: ResourceId, reason: str, call: Call) -> Step:
    """Return a step that makes what is not there."""
    return Step("create", resource, reason, (), call)


def update(resource: ResourceId, changes: tuple[Change, ...], call: Call, reason: str = "") -> Step:
    """Return a step that changes what is there; without a reason, the changes are the reason."""
    return Step("update", resource, reason or "; ".join(str(change) for change in changes), changes, call)


def delete(resource: ResourceId, reason: str, call: Call) -> Step:
    """Return a step that removes what is there."""
    return Step("delete", resource, reason, (), call)


def pending(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps that do something."""
    return tuple(step for step in steps if step.action != "keep")


def _shown(value: Any) -> str:
    if value in (None, "", [], {}):
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
