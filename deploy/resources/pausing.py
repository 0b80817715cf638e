"""Pausing and resuming this deployment's connectors: the steps, and the times of which DT delivers no events. Pure.

A disabled connector loses the events of its pause, and those that DT was still repeating: DT delivers neither of them
later. https://developer.disruptive-technologies.com/docs/data-connectors/advanced-configurations
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploy.program import PROGRAM
from deploy.resources.connector import (
    MADE_PAUSED,
    PAUSED,
    Connector,
    connector_id,
    name_in_memory,
    paused_at,
    paused_words,
)
from deploy.steps import Change, ConnectorCall, Step, keep, update
from deploy.times import utc

ACTIVE = "ACTIVE"
RETRY_HOURS = 12
"""Hours for which DT repeats an event that was not accepted."""

HISTORY_DAYS = 30
"""Days for which DT's history of a device keeps its events."""

_OFF = (
    "DT had switched the connector off after five days of failed deliveries, and delivers none of the events of that "
    f"time later: neither those that failed for more than {RETRY_HOURS} h before it went off, nor any since. DT does "
    "not say when that was; the function's log has the last event before. "
    f"`{PROGRAM} backfill --from=TIME` sends those of the last {HISTORY_DAYS} days from DT's history"
)

Owned = Mapping[str, Sequence[Connector]]
"""This deployment's connectors in each DT project."""

Since = Mapping[str, str]
"""The times at which ``pause`` paused connectors, by ``PROJECT/CONNECTOR``."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The time of which DT delivers no events of a project. ``since``: empty if its beginning is not known.

    ``was_off``: DT itself had switched the connector off.
    """

    project: str
    since: str
    until: str
    was_off: bool = False

    def as_json(self) -> dict[str, str | None]:
        """Return it as ``resume --json`` and ``up --json`` print it."""
        return {"dtProject": self.project, "from": self.since or None, "until": self.until}

    def sentence(self) -> str:
        """Return it in words, with the time until which DT's history has the first of the events."""
        if self.was_off:
            return f"{self.project}: {_OFF}"
        if not self.since:
            kept = f"`{PROGRAM} backfill --from=TIME --to={self.until}` sends those of the last {HISTORY_DAYS} days"
            return f"{self.project}: DT delivers no events from before {self.until}; since when is not known; {kept}"
        last = _parsed(self.since) + timedelta(days=HISTORY_DAYS)
        command = f"{PROGRAM} backfill --from={self.since} --to={self.until}"
        kept = f"`{command}` sends them from DT's history, which has the first until {utc(last.timestamp())}"
        return f"{self.project}: DT delivers no events from {self.since} to {self.until}; {kept}"


def plan_pause(owned: Owned, since: Since) -> tuple[Step, ...]:
    """Return the steps that pause connectors. A connector that is paused already stays as it is."""
    return tuple(_paused(project, connector, since) for project, connector in _each(owned)) + _absent(owned)


def plan_resume(owned: Owned, since: Since, *, by_hand: bool) -> tuple[Step, ...]:
    """Return the steps that resume connectors. ``by_hand``: also those that ``pause`` did not pause."""
    steps = (_resumed(project, connector, since, by_hand=by_hand) for project, connector in _each(owned))
    return tuple(steps) + _absent(owned)


def paused_after_pause(owned: Owned, since: Since, now: str) -> dict[str, str]:
    """Return what to remember before a pause: the connectors that ``pause`` paused before, and those of now."""
    found = [(project, connector.id, connector.status) for project, connector in _each(owned)]
    times = {
        name_in_memory(project, name): paused_at(since, project, name) if status == PAUSED else now
        for project, name, status in found
    }
    return {name: time for name, time in times.items() if time}


def since_with_new(owned: Owned, since: Since, named: Sequence[str]) -> dict[str, str]:
    """Return what to remember before ``up`` makes connectors of a paused deployment, which are then paused as well.

    Return {} if it makes none, or if the deployment is not paused: ``pause`` must have paused a connector, and none may
    be active. ``named``: the DT projects that need a connector.
    """
    paused = [paused_at(since, project, found.id) for project, found in _each(owned) if found.status == PAUSED]
    new = [project for project in named if not owned.get(project)]
    if not new or not any(paused) or any(connector.status == ACTIVE for _, connector in _each(owned)):
        return {}
    return {**since, **{name_in_memory(project, MADE_PAUSED): max(paused) for project in new}}


def undelivered(steps: Sequence[Step], since: Since, now: str) -> list[Undelivered]:
    """Return the time of which DT delivers no events, for each connector that these steps have switched on."""
    switched_on = [
        (step.call, change.old)
        for step in steps
        for change in step.changes
        if isinstance(step.call, ConnectorCall) and (change.setting, change.new) == ("status", ACTIVE)
    ]
    return [
        Undelivered(call.project, paused_at(since, call.project, call.connector), now, was_off=before != PAUSED)
        for call, before in switched_on
    ]


def losses(steps: Sequence[Step]) -> str:
    """Return what DT loses if these steps pause connectors, in words."""
    projects = ", ".join(dict.fromkeys(step.call.project for step in steps if isinstance(step.call, ConnectorCall)))
    return (
        f"During the pause DT sends nothing from {projects}, and does not send it later. Events that DT is still "
        f"repeating, for up to {RETRY_HOURS} h, are dropped, too.\n"
        f"DT's history keeps the events for {HISTORY_DAYS} days: `{PROGRAM} backfill` sends them from there."
    )


def _each(owned: Owned) -> Iterator[tuple[str, Connector]]:
    return ((project, connector) for project, connectors in owned.items() for connector in connectors)


def _absent(owned: Owned) -> tuple[Step, ...]:
    return tuple(
        keep(connector_id(project), "there is no connector of this deployment")
        for project, connectors in owned.items()
        if not connectors
    )


def _paused(project: str, connector: Connector, since: Since) -> Step:
    if connector.status == PAUSED:
        return keep(connector_id(project), paused_words(connector, paused_at(since, project, connector.id)))
    off = f"{connector.id}: DT has switched it off; paused, it stays off also after up"
    return _set(project, connector, PAUSED, f"{connector.id} is ACTIVE" if connector.status == ACTIVE else off)


def _resumed(project: str, connector: Connector, since: Since, *, by_hand: bool) -> Step:
    name, at = connector.id, paused_at(since, project, connector.id)
    if connector.status == ACTIVE:
        before = f"; it was paused at {at}, and resumed since" if at else ""
        return keep(connector_id(project), f"{name} is ACTIVE{before}")
    if connector.status != PAUSED:
        why = "switched off by DT, after five days of failed deliveries, and not paused: it goes off again unless the "
        return _set(project, connector, ACTIVE, f"{name} is {connector.status}: {why}cause is gone")
    if at:
        return _set(project, connector, ACTIVE, f"{name} was paused at {at}")
    if by_hand:
        return _set(project, connector, ACTIVE, f"{name} was paused in DT Studio, since when is not known")
    why = f"was paused in DT Studio, and not by `{PROGRAM} pause`: it stays so, unless --all is given"
    return keep(connector_id(project), f"{name} {why}")


def _set(project: str, connector: Connector, status: str, reason: str) -> Step:
    call = ConnectorCall("PATCH", project, connector.id, {"status": status})
    return update(connector_id(project), (Change("status", connector.status, status),), call, reason)


def _parsed(written: str) -> datetime:
    return datetime.fromisoformat(written)
