"""What a user needs to know after ``up``: where the events are, links, what it costs, how to remove it. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.commands import query_events, read_events, verb_on, watch_events
from deploy.links import Link, links
from deploy.pages import page
from deploy.spec import Spec

COST = (
    "about $4 a month for a thousand sensors, and with the profile large $127 for 100,000; without events next to "
    f"nothing ({page('cost.md')})"
)
"""The figures of docs/cost.md; a test compares the two."""

BIGQUERY_COST = (
    "with BigQuery $1.33 a month more for a thousand sensors, and $132 for 100,000; what is stored after a year, $3.41 "
    f"and $361 a month; queries beyond 1 TiB a month come on top ({page('bigquery.md')})"
)
"""The figures of docs/bigquery.md; a test compares the two."""

BIGQUERY_BEYOND = (
    "beyond that, BigQuery stores the events, which after a year is $3.41 a month for a thousand sensors and $361 for "
    f"100,000; queries beyond 1 TiB a month come on top ({page('bigquery.md')})"
)
"""What the cost of this deployment leaves out, which has the writing in it; a test compares it with the page."""

_NOT_ACKNOWLEDGED = "both leave all events to your subscribers"


@dataclass(frozen=True, slots=True)
class NextSteps:
    """What to know about one deployment. ``events`` and ``rejected``: ids of subscriptions; the others are commands.

    ``alerts``: who gets them, and how to keep that setting; empty if these settings make no alerts. ``dataset``: where
    events are stored in BigQuery, and how to keep that setting, ``query``: a command; both empty without BigQuery.
    ``bigquery_cost``: what BigQuery costs beside ``cost``.
    """

    events: str
    rejected: str
    read: str
    watch: str
    links: tuple[Link, ...]
    remove: str
    cost: str = COST
    alerts: str = ""
    dataset: str = ""
    query: str = ""
    bigquery_cost: str = BIGQUERY_COST

    def as_json(self) -> dict[str, Any]:
        """Return the steps as ``--json`` prints them."""
        bigquery = {"dataset": self.dataset, "query": self.query, "cost": self.bigquery_cost}
        return {
            "events": self.events,
            "rejected": self.rejected,
            "read": self.read,
            "watch": self.watch,
            "alerts": self.alerts or None,
            "bigquery": bigquery if self.dataset else None,
            "links": [link.as_json() for link in self.links],
            "cost": self.cost,
            "remove": self.remove,
        }

    def lines(self) -> list[str]:
        """Return the steps as text, each line with a heading. A line must not be wrapped, as it is to be pasted."""
        rows = [
            ("events", f"subscription {self.events}; unusable ones: subscription {self.rejected}"),
            ("read one", self.read),
            ("watch", self.watch),
            ("", _NOT_ACKNOWLEDGED),
            *((link.what, f"{link.url} ({link.then})" if link.then else link.url) for link in self.links),
            *([("BigQuery", self.dataset), ("query it", self.query)] if self.dataset else []),
            *([("alerts", self.alerts)] if self.alerts else []),
            ("cost", self.cost),
            *([("", self.bigquery_cost)] if self.dataset else []),
            ("remove", self.remove),
        ]
        width = max(len(head) for head, _ in rows)
        return [f"{head:<{width}}  {text}" for head, text in rows]


def alerts_words(spec: Spec, *, typed: bool) -> str:
    """Return who gets the alerts, and how to keep that. ``typed``: the setting is only in flags."""
    if not spec.alerts.are_on:
        return ""
    to = f"to {', '.join((*(spec.alerts.emails or ()), *(spec.alerts.channels or ())))} ({page('alerts.md')})"
    kept = _unless_kept(_toml(spec), "them as they are") if typed else ""
    return f"{to}{kept}"


def dataset_words(spec: Spec, *, typed: bool) -> str:
    """Return where the events are stored in BigQuery, and how to keep that. ``typed``: the setting is only a flag."""
    if not spec.bigquery.is_on:
        return ""
    line = f" bigquery = {{ dataset = {json.dumps(spec.bigquery.dataset)} }}"
    kept = _unless_kept(line, "it as it is") if typed else ""
    return f"dataset {spec.bigquery.dataset}: query its views ({page('bigquery.md')}){kept}"


def _unless_kept(line: str, unchanged: str) -> str:
    """Return what the next ``up`` does without a line of deploy.toml."""
    return f"; unless deploy.toml has this line, the next up leaves {unchanged}:{line}"


def _toml(spec: Spec) -> str:
    """Return the lines of deploy.toml that keep the alerts, in one line, as TOML allows for a table."""
    lists = {"emails": spec.alerts.emails, "channels": spec.alerts.channels}
    kept = ", ".join(f"{name} = {json.dumps(list(values))}" for name, values in lists.items() if values)
    return f" alerts = {{ {kept} }}"


def next_steps(
    spec: Spec,
    connectors: Mapping[str, Sequence[str]],
    *,
    cost: str = "",
    alerts_are_typed: bool = False,
    dataset_is_typed: bool = False,
) -> NextSteps:
    """Return the steps of a deployment. ``connectors``: by DT project, the display names of its connectors.

    ``cost``: what a month costs, in words; if it is not known, the cost of two usual sizes takes its place.
    Only the known one has in it what is written into BigQuery.
    ``alerts_are_typed``, ``dataset_is_typed``: they are set by flags only, which the next command does not know.
    """
    return NextSteps(
        events=spec.topic,
        rejected=spec.rejected_topic,
        read=read_events(spec),
        watch=watch_events(spec),
        links=links(spec, connectors),
        remove=verb_on("down", spec, spec.dt_projects),
        cost=f"{cost} ({page('cost.md')})" if cost else COST,
        alerts=alerts_words(spec, typed=alerts_are_typed),
        dataset=dataset_words(spec, typed=dataset_is_typed),
        query=query_events(spec) if spec.bigquery.is_on else "",
        bigquery_cost=BIGQUERY_BEYOND if cost else BIGQUERY_COST,
    )
