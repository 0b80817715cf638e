"""What a user needs to know after ``up``: where the events are, links, what it costs, how to remove it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.commands import read_events, verb_on, watch_events
from deploy.links import Link, links
from deploy.pages import page
from deploy.spec import Spec

COST = (
    "about $19 a month for a thousand sensors, and $1,256 for 100,000, at the default sizes; without events nothing "
    f"({page('cost.md')})"
)
"""The figures of docs/cost.md; a test compares the two."""

_NOT_ACKNOWLEDGED = "both leave all events to your subscribers"


@dataclass(frozen=True, slots=True)
class NextSteps:
    """What to know about one deployment. ``events`` and ``rejected``: ids of subscriptions; the others are commands."""

    events: str
    rejected: str
    read: str
    watch: str
    links: tuple[Link, ...]
    remove: str

    def as_json(self) -> dict[str, Any]:
        """Return the steps as ``--json`` prints them."""
        return {
            "events": self.events,
            "rejected": self.rejected,
            "read": self.read,
            "watch": self.watch,
            "links": [link.as_json() for link in self.links],
            "cost": COST,
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
            ("cost", COST),
            ("remove", self.remove),
        ]
        width = max(len(head) for head, _ in rows)
        return [f"{head:<{width}}  {text}" for head, text in rows]


def next_steps(spec: Spec, connectors: Mapping[str, Sequence[str]]) -> NextSteps:
    """Return the steps of a deployment. ``connectors``: by DT project, the display names of its connectors."""
    return NextSteps(
        events=spec.topic,
        rejected=spec.rejected_topic,
        read=read_events(spec),
        watch=watch_events(spec),
        links=links(spec, connectors),
        remove=verb_on("down", spec, spec.dt_projects),
    )
