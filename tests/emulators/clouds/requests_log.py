"""The requests that the clouds got, in order, so that a test can check that a second run changes nothing."""

import fnmatch
import threading
from collections.abc import Iterator
from dataclasses import dataclass

READING_VERBS = (":getIamPolicy", ":testIamPermissions", ":pull", ":list", ":getEffectiveOrgPolicy", "/token")
"""Endings of the paths of POST requests that change nothing (``:pull`` leases messages, but a lease ends by itself)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. ``is_played``: False for a host, path or method that the stand-ins do not know.

    ``caller``: the user's name in the URL of the proxy, which distinguishes the programs of one command, or "".
    """

    method: str
    host: str
    path: str
    size: int
    status: int
    is_played: bool = True
    caller: str = ""

    @property
    def is_change(self) -> bool:
        """Whether the request asked for a change, also if it was refused."""
        return self.method not in {"GET", "HEAD", "CONNECT"} and not self.path.endswith(READING_VERBS)

    def __str__(self) -> str:
        """Return the request as a line for the terminal."""
        played = "" if self.is_played else "  not played"
        return f"{self.status or '---'} {self.method:<6} https://{self.host}{self.path} ({self.size} bytes){played}"


class RequestsLog:
    """All requests since the last ``clear``. Status 0 means that a request got no answer."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Add a request that was answered, or whose connection was closed."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Remove all requests."""
        with self._lock:
            self._entries.clear()

    def entries(self, *, method: str = "*", host: str = "*", path: str = "*", caller: str = "*") -> list[Entry]:
        """Return the requests that match these shell patterns, oldest first."""
        return [
            entry
            for entry in self
            if fnmatch.fnmatchcase(entry.method, method)
            and fnmatch.fnmatchcase(entry.host, host)
            and fnmatch.fnmatchcase(entry.path, path)
            and fnmatch.fnmatchcase(entry.caller, caller)
        ]

    def changes(self, *, host: str = "*", caller: str = "*") -> list[Entry]:
        """Return the requests that asked for a change."""
        return [entry for entry in self.entries(host=host, caller=caller) if entry.is_change]

    def not_played(self) -> list[Entry]:
        """Return the requests that the stand-ins do not know; a good run has none."""
        return [entry for entry in self if not entry.is_played]

    def __iter__(self) -> Iterator[Entry]:
        with self._lock:
            return iter(list(self._entries))
