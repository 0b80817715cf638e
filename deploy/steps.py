"""A plan as data: its steps, the changes and the reason of each step, and the exact call that carries it out."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from deploy.program import PROGRAM

Action = Literal["create", "update", "keep", "delete"]
Argv = tuple[str, ...]

DT_API = "https://api.disruptive-technologies.com/v2"
DT_EMULATOR = "https://emulator.disruptive-technologies.com/v2"


WHOLE = f"{PROGRAM} plan --commands"
"""The command that shows every call of a plan whole."""

LONGEST_LINE = 2_000
"""Maximum characters of a call in a table."""


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The id of a resource, or of one part of it. Plans, progress and errors show its text, and no other name.

    ``kind``: the kind of resource, in words. ``name``: empty if a deployment has only one of this kind. ``one``: the
    kind of a single part, if the kind is a plural.
    """

    kind: str
    name: str = ""
    part: str = ""
    one: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return ``secret dt-signature``; of a part ``secret dt-signature, a version``, or ``alert policy memory``."""
        if self.part and self.one:
            return f"{self.one} {self.part}"
        whole = f"{self.kind} {self.name}" if self.name else self.kind
        return f"{whole}, {self.part}" if self.part else whole

    @property
    def whole(self) -> "ResourceId":
        """The id of the resource that this is a part of; the same id if it is not a part."""
        return ResourceId(self.kind, self.name, one=self.one)

    def part_named(self, part: str) -> "ResourceId":
        """Return the id of one part of this resource."""
        return ResourceId(self.kind, self.name, part, self.one)


@dataclass(frozen=True, slots=True)
class Change:
    """One setting with its actual and its desired value. ``setting`` is only a text for the user."""

    setting: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """Return ``memory 512Mi -> 1Gi``."""
        return f"{self.setting} {_shown(self.old)} -> {_shown(self.new)}"


NOW = "@now@"
"""Stands in a word of a command for the time at which it runs, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class GcloudCall:
    """A gcloud command. ``NOW`` in a word becomes the time at which it runs.

    ``secret_on_stdin``: a new secret goes to its standard input. ``needs_source``: it runs in the folder of the staged
    source, because it has ``--source=.``. ``names_upload``: it contains Google's name for the source uploaded before.
    ``annotations``: those of the secret that it changes. When it runs, it gets all others as they are then.
    ``needs_new_role``: Google may refuse it until a role that was granted just before is known everywhere.
    """

    argv: Argv
    secret_on_stdin: bool = False
    needs_source: bool = False
    names_upload: bool = False
    annotations: Mapping[str, str] = field(default_factory=dict)
    needs_new_role: bool = False

    def line(self) -> str:
        """Return the shell command that does the same in the root of this repository."""
        command = shlex.join(("gcloud", *self.argv)).replace(NOW, '"$(date +%s)"')
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


@dataclass(frozen=True, slots=True)
class Get:
    """A read request to a REST API of Google's, for resources for which gcloud has no command in every installation.

    ``items``: the field with the items of a list, whose pages are read one after the other; empty for one resource.
    ``body``: of a read request that has to be a POST, else None.
    """

    url: str
    items: str = ""
    body: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def method(self) -> str:
        """The method of the request."""
        return "GET" if self.body is None else "POST"

    @property
    def service(self) -> str:
        """The API, by the name under which it is enabled."""
        return urlsplit(self.url).hostname or ""

    def line(self) -> str:
        """Return method and URL."""
        return f"{self.method} {self.url}"


Query = Argv | Get
"""A read command of gcloud, or a read request."""


@dataclass(frozen=True, slots=True)
class RestCall:
    """A request to a REST API of Google's that changes something. It carries gcloud's own access token.

    ``by_hand``: the command of ``bq`` or ``gcloud`` that does the same, if there is one. ``makes``: if that is a script
    in SQL, what it makes, a line for each.
    """

    method: Literal["POST", "PATCH", "PUT", "DELETE"]
    url: str
    body: Mapping[str, Any] = field(default_factory=dict)
    by_hand: Argv = ()
    makes: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the command that does the same.

        If there is none: method, URL and body, with placeholders for names that Google has not given yet.
        """
        if self.by_hand:
            return shlex.join(self.by_hand)
        shown = f" {json.dumps(self.body, ensure_ascii=False)}" if self.body else ""
        return f"{self.method} {self.url}{shown}"


@dataclass(frozen=True, slots=True)
class OldSecretRemoval:
    """The end of a rotation: a version with the new secret alone is added, and then the older ones are destroyed."""

    def line(self) -> str:
        """Return the command that does the same."""
        return f"{PROGRAM} rotate"


DtCall = ConnectorCall | DeviceRemoval
Call = GcloudCall | RestCall | DtCall | OldSecretRemoval


def update_mask(body: Mapping[str, Any]) -> str:
    """Return the mask of a PATCH with an empty list, which DT may ignore without a mask; else an empty text."""
    if all(value != [] for value in body.values()):
        return ""
    pushed = [f"httpConfig.{name}" for name in body.get("httpConfig", {})]
    return ",".join(sorted([*(name for name in body if name != "httpConfig"), *pushed]))


@dataclass(frozen=True, slots=True)
class Step:
    """One resource, and the action on it. ``keep`` has no call."""

    action: Action
    id: ResourceId
    reason: str
    changes: tuple[Change, ...] = ()
    call: Call | None = None

    @property
    def resource(self) -> str:
        """The text of the resource's id, as plan and progress show it."""
        return str(self.id)

    def as_json(self) -> dict[str, Any]:
        """Return the step as ``plan --json`` prints it."""
        return {
            "action": self.action,
            "resource": self.resource,
            "reason": self.reason,
            "changes": [{"setting": change.setting, "old": change.old, "new": change.new} for change in self.changes],
            "call": self.call.line() if self.call else None,
        }


def keep(resource: ResourceId, reason: str) -> Step:
    """Return a step that changes nothing, with the reason."""
    return Step("keep", resource, reason)


def create(resource: ResourceId, reason: str, call: Call) -> Step:
    """Return a step that creates a resource."""
    return Step("create", resource, reason, (), call)


def update(resource: ResourceId, changes: tuple[Change, ...], call: Call, reason: str = "") -> Step:
    """Return a step that changes a resource. If no reason is given, the changes are the reason."""
    return Step("update", resource, reason or "; ".join(str(change) for change in changes), changes, call)


def delete(resource: ResourceId, reason: str, call: Call) -> Step:
    """Return a step that deletes a resource."""
    return Step("delete", resource, reason, (), call)


def pending(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps that change something."""
    return tuple(step for step in steps if step.action != "keep")


def in_short(call: Call) -> tuple[str, ...]:
    """Return the lines of a call for a table: its command, or what a script in SQL makes, and how to see the script."""
    if isinstance(call, RestCall) and call.makes:
        return (*call.makes, f"by {call.by_hand[0]} {call.by_hand[2]}, whose SQL `{WHOLE}` shows")
    return (_shortened(call.line()),)


def _shortened(line: str) -> str:
    """Return the beginning of a long line. The body of an alert policy has the text of its runbook."""
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]}… ({len(line):,} characters; `{WHOLE}` shows all of them)"


def _shown(value: Any) -> str:
    if value in (None, "", [], {}):
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
