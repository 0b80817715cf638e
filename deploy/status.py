"""What ``status`` shows: the function, the secret's age, connectors and deliveries, and what is amiss. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from deploy.plan import Observed
from deploy.resources.connector import owned
from deploy.resources.function import Function
from deploy.resources.signature_secret import SignatureSecret, newest_version
from deploy.spec import Spec
from deploy.steps import Step

DAY_S = 86400

Metrics = Mapping[str, Any]
"""What DT counted of one connector in the last three hours."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing, how it is, and what more there is to say."""

    what: str
    state: str
    detail: str

    def as_json(self) -> dict[str, str]:
        """Give what ``status --json`` prints."""
        return asdict(self)


def all_rows(
    spec: Spec, steps: Sequence[Step], observed: Observed, counted: Mapping[str, Metrics], now: float
) -> list[Row]:
    """Give a row for each step of a plan, and one for each connector's deliveries; ``counted`` is by connector's id."""
    secret = SignatureSecret(spec).title
    age = {secret: _age(newest_version(observed.facts.get(secret, {})), now)}
    return [
        *(
            Row(
                each.resource,
                "ok" if each.action == "keep" else each.action,
                f"{each.reason}{age.get(each.resource, '')}",
            )
            for each in steps
        ),
        *(
            Row(f"deliveries from {project}", each.status, _deliveries(counted.get(each.id, {})))
            for project, found in observed.connectors.items()
            for each in owned(spec, found, observed.url(spec))
        ),
    ]


def on_one_screen(rows: Sequence[Row], spec: Spec) -> list[Row]:
    """Put everything that is in order into one row, but for function, secret and connectors."""
    always = (Function(spec).title, SignatureSecret(spec).title, "connector in ", "deliveries from ")
    shown = [row for row in rows if row.state != "ok" or row.what.startswith(always)]
    rest = len(rows) - len(shown)
    return [*shown, *([Row("everything else", "ok", f"{rest} more as they should be")] if rest else [])]


def _deliveries(counted: Metrics) -> str:
    told = f"last 3 h: {counted.get('successCount', 0)} delivered, {counted.get('errorCount', 0)} not"
    return f"{told}, p99 {counted.get('latency99p', '-')}"


def _age(version: Mapping[str, Any] | None, now: float) -> str:
    if version is None or not version.get("createTime"):
        return ""
    days = int((now - datetime.fromisoformat(version["createTime"]).timestamp()) // DAY_S)
    return f", {days} {'day' if days == 1 else 'days'} old"
