"""One row of ``status``, and what the rows say together. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from deploy.errors import DeployError
from deploy.pages import page
from deploy.remedies import Head, head_of, only_shows

Health = Literal["ok", "unhealthy", "unreadable"]

UNREADABLE = "unreadable"

Page = Literal[
    "",
    "connector-disabled",
    "connector-failing",
    "no-events",
    "missing-events",
    "backlog",
    "bigquery",
    "rejected",
    "unauthorized",
    "server-errors",
    "clock",
    "keys",
    "publish",
    "function-missing",
    "drift",
    "rotation",
    "unreadable",
]
"""The names of the runbook's pages; empty without a problem."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what it is about, its state in a word, and the details.

    ``is_key``: the row is shown on the screen even if it is no problem. ``command``: the first command to run, which
    fixes the problem or shows more about it, and ``page``: the name of the runbook's page, both empty if there is no
    problem.
    """

    what: str
    state: str
    detail: str
    health: Health = "ok"
    command: str = ""
    page: Page = ""
    is_key: bool = True

    @property
    def runbook(self) -> str:
        """The path of the runbook's page; empty without a problem."""
        return page(f"runbook/{self.page}.md") if self.page else ""

    def as_json(self) -> dict[str, Any]:
        """Return the row as ``status --json`` prints it."""
        problem = {**command_as_json(self.command), "runbook": self.runbook or None}
        return {"what": self.what, "state": self.state, "detail": self.detail, "health": self.health, **problem}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to do: the rows that it is about, the page that explains it, and the first command to run."""

    rows: tuple[Row, ...]
    runbook: str
    command: str

    def head(self) -> str:
        """Return the rows' names and the page."""
        names = ", ".join(row.what for row in self.rows[:MAX_NAMES])
        more = len(self.rows) - MAX_NAMES
        return f"{names}{f' and {more} more' if more > 0 else ''}: see {self.runbook}"


_HEADS: Mapping[str, Head] = {"fix": "fix", "lookAt": "look at", "hint": "hint"}

MAX_NAMES = 2
"""Rows that a finding names."""


def command_as_json(command: str) -> dict[str, str | None]:
    """Return a command under ``fix``, under ``lookAt`` if it only shows more, or advice in words under ``hint``."""
    head = head_of(command) if command else None
    return {key: command if head == one else None for key, one in _HEADS.items()}


def unreadable(what: str, error: DeployError) -> Row:
    """Return the row of something that could not be read."""
    command = re.split(r" (?='|--)", error.where)[0]  # without its flags, which may be a whole filter
    detail = f"{command}: {error.what}" if command else error.what
    fixes = [line for line in error.fix if not only_shows(line)]
    first = next(iter((*fixes, *error.fix)), "")
    return Row(what, UNREADABLE, detail.replace("\n", "; "), "unreadable", first, "unreadable")


def health_of(rows: Iterable[Row]) -> bool | None:
    """Return False if a row is a problem; None if there is no problem, but a row is unreadable; else True."""
    found = {row.health for row in rows}
    return False if "unhealthy" in found else None if "unreadable" in found else True


CAUSES: Sequence[Page] = ("function-missing", "publish", "server-errors", "connector-failing", "no-events")
"""Pages of which each is the effect of an earlier one, if both are there: the function is gone or cannot publish, so
that it answers 5xx, so that DT's requests fail, so that no event comes."""


def findings(rows: Iterable[Row]) -> list[Finding]:
    """Return what to do, problems before what could not be read. Rows with the same cause or command are one thing."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    rows = list(rows)
    there = [row for page in CAUSES for row in rows if row.health == "unhealthy" and row.page == page]
    for health in ("unhealthy", "unreadable"):
        for row in rows:
            if row.health == health:
                cause = there[0] if row in there else row
                grouped.setdefault((cause.runbook, cause.command), []).append(row)
    return [Finding(tuple(group), runbook, command) for (runbook, command), group in grouped.items()]


def by_command(found: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings by their command, so that a screen shows each command once."""
    grouped: dict[str, list[Finding]] = {}
    for finding in found:
        grouped.setdefault(finding.command, []).append(finding)
    return grouped


def on_one_screen(rows: Sequence[Row], most_of_a_kind: int = 6) -> list[Row]:
    """Return the rows of the screen: all problems and the key rows, and one row that counts the others.

    ``most_of_a_kind``: of more rows with the same state and page, the rest are counted in a row of their own.
    """
    shown: list[Row] = []
    seen: dict[tuple[str, str], int] = {}
    for row in _merged(rows):
        if row.health == "ok" and not row.is_key:
            continue
        kind = (row.state, row.page or row.what.partition(" ")[0])
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= most_of_a_kind:
            shown.append(row)
    more = [
        Row(f"{count - most_of_a_kind} more", state, "status --json shows all of them")
        for (state, _), count in seen.items()
        if count > most_of_a_kind
    ]
    rest = sum(row.health == "ok" and not row.is_key for row in rows)
    others = [Row("everything else", "ok", f"{rest} more as they should be")] if rest else []
    return [*shown, *more, *others]


def _merged(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, with one row for all that could not be read for the same reason."""
    same: dict[str, list[str]] = {}
    for row in rows:
        if row.health == "unreadable":
            same.setdefault(row.detail, []).append(row.what)
    merged: list[Row] = []
    for row in rows:
        if row.health != "unreadable":
            merged.append(row)
        elif names := same.pop(row.detail, None):
            others = f" and {len(names) - 1} more" if len(names) > 1 else ""
            merged.append(replace(row, what=f"{row.what}{others}"))
    return merged
