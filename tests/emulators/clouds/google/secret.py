"""One secret with its versions, and the limits of its labels and annotations.

As in Secret Manager, ``latest`` is the newest version, even if it is not enabled, and shows a new one late:
https://cloud.google.com/secret-manager/docs/reference/consistency. Etags:
https://cloud.google.com/secret-manager/docs/etags; annotations: https://cloud.google.com/secret-manager/docs/annotations.
"""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.estate import timestamp
from tests.emulators.clouds.google.problems import invalid, not_found, precondition

MAX_LABELS = 64
MAX_ANNOTATIONS_BYTES = 16 * 1024
_LABEL_KEY = re.compile(r"[^\W\d_A-Z](?:[^\WA-Z]|-){0,62}")
_LABEL_VALUE = re.compile(r"(?:[^\WA-Z]|-){0,63}")
_ANNOTATION_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def new_etag() -> str:
    """Return a new etag, with its quotes."""
    return f'"{secrets.token_hex(7)}"'


def next_etag(before: str) -> str:
    """Return the etag after another one, or after a name. The same requests get the same, so they can be replayed."""
    return f'"{hashlib.sha256(before.encode()).hexdigest()[:14]}"'


def check_etag(current: str, requested: Any) -> None:
    """Refuse a change with an outdated etag. A change without an etag is not checked."""
    if requested and requested != current:
        raise precondition(f"The etag {requested} does not match the current etag {current} of the resource.")


@dataclass
class Version:
    """One version of a secret. ``state``: ENABLED, DISABLED or DESTROYED."""

    number: int
    data: bytes = field(repr=False)
    state: str = "ENABLED"
    created_at: str = field(default_factory=timestamp)
    added_at: float = field(default_factory=time.monotonic)
    destroyed_at: str = ""
    etag: str = field(default_factory=new_etag)

    def switch(self, state: str) -> None:
        """Enable, disable or destroy the version. A destroyed version has no data, and stays destroyed."""
        if self.state == "DESTROYED" and state != "DESTROYED":
            raise precondition("The secret version is destroyed.")
        if state == "DESTROYED" and not self.destroyed_at:
            self.data, self.destroyed_at = b"", timestamp()
        self.state, self.etag = state, new_etag()


@dataclass
class Secret:
    """A secret: its settings in the format of the API, and its versions, oldest first."""

    settings: Json
    versions: list[Version] = field(default_factory=list)

    def name_of(self, version: int | str) -> str:
        """Return the full name of a version."""
        return f"{self.settings['name']}/versions/{version}"

    def add(self, data: bytes) -> Version:
        """Add a version, and return it."""
        self.versions.append(Version(len(self.versions) + 1, data))
        return self.versions[-1]

    def latest(self, lag_s: float) -> int:
        """Return the number of the newest version that is older than the lag, or 1; 0 if there is no version."""
        seen = [version.number for version in self.versions if version.added_at + lag_s <= time.monotonic()]
        return max([*seen, min(1, len(self.versions))])

    def version(self, requested: str, lag_s: float = 0.0) -> Version:
        """Return the version with this number or alias, such as ``latest``, which lags. Raises ``Problem``."""
        aliases = self.settings.get("versionAliases", {})
        number = str(self.latest(lag_s)) if requested == "latest" else str(aliases.get(requested, requested))
        for version in self.versions:
            if str(version.number) == number:
                return version
        raise not_found(f"Secret Version [{self.name_of(requested)}] not found.")

    def readable(self, requested: str, lag_s: float = 0.0) -> Version:
        """Return a version if it is enabled. Raises ``Problem``."""
        found = self.version(requested, lag_s)
        if found.state != "ENABLED":
            raise precondition(f"Secret Version [{self.name_of(found.number)}] is in {found.state} state.")
        return found


def check_settings(settings: Json) -> None:
    """Refuse labels, annotations and a replication that Secret Manager refuses. Raises ``Problem``."""
    labels, annotations = settings.get("labels", {}), settings.get("annotations", {})
    if len(labels) > MAX_LABELS:
        raise invalid(f"A secret has at most {MAX_LABELS} labels.")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            raise invalid(f"Invalid label: {key}={value}")
    for key in annotations:
        if not _ANNOTATION_KEY.fullmatch(key):
            raise invalid(f"Invalid annotation key: {key}")
    if sum(len(f"{key}{value}".encode()) for key, value in annotations.items()) > MAX_ANNOTATIONS_BYTES:
        raise invalid(f"The annotations of a secret have at most {MAX_ANNOTATIONS_BYTES} bytes together.")
    replication = settings.get("replication") or {}
    if len(replication) != 1:
        raise invalid("Secret.replication must be provided: automatic or userManaged.")
