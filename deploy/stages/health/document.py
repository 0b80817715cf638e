"""The readings as JSON, for ``status --json``: numbers instead of words. docs/operations.md describes it. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from deploy.errors import DeployError
from deploy.google.event_log import LogLine
from deploy.google.request_counts import RequestCounts
from deploy.resources.bigquery.subscription import state_of, table_of
from deploy.resources.catalog import subscriptions_of
from deploy.resources.connector import Connector
from deploy.resources.signature_secret import SignatureSecret, newest_version, number_of
from deploy.spec import Spec
from deploy.stages.health.connector_rows import deliveries_of
from deploy.stages.health.cost_row import estimate
from deploy.stages.health.event_rows import by_kind
from deploy.stages.health.gaps import gap_of, newest_at_dt
from deploy.stages.health.readings import Readings
from deploy.stages.health.resource_rows import live_versions, revision_of, secret_age_s
from deploy.stages.health.rotation_row import rotation_row
from deploy.stages.health.row import Row, command_as_json, findings
from deploy.stages.observed import written_by
from deploy.steps import pending
from deploy.times import utc

Json = dict[str, Any]


def document(spec: Spec, readings: Readings, rows: list[Row]) -> Json:
    """Return all readings. What could not be read, or does not exist, is null."""
    return {
        "at": utc(readings.at),
        "function": _function(spec, readings),
        "drift": _drift(readings),
        "connectors": [
            _connector(project, connector, readings.deliveries.get(connector.id))
            for project in readings.connectors
            for connector in readings.observed.owned_in(project, spec)
        ],
        "requests": _requests(readings.requests),
        "lastEvent": _line(readings.newest_event),
        "lastDay": _last_day(spec, readings),
        "backlogs": _backlogs(spec, readings),
        "bigquery": _bigquery(spec, readings),
        "rejected": _rejected(readings),
        "secret": _secret(spec, readings),
        "rotation": rotation.as_json() if (rotation := rotation_row(spec, readings)) else None,
        "cost": _cost(spec, readings),
        "findings": [
            {
                "what": [row.what for row in found.rows],
                "runbook": found.runbook,
                **command_as_json(found.command),
            }
            for found in findings(rows)
        ],
    }


def _function(spec: Spec, readings: Readings) -> Json | None:
    url = readings.observed.url(spec)
    if not url:
        return None
    return {
        "name": spec.name,
        "region": spec.region,
        "revision": revision_of(spec, readings.observed) or None,
        "version": readings.observed.version(spec),
        "url": url,
    }


def _drift(readings: Readings) -> list[str] | None:
    if isinstance(readings.steps, DeployError):
        return None
    return [step.resource for step in pending(tuple(readings.steps))]


def _connector(project: str, connector: Connector, counted: Mapping[str, Any] | DeployError | None) -> Json:
    delivered, failed, p99_s = None, None, None
    if counted is not None and not isinstance(counted, DeployError):
        delivered, failed, p99_s = deliveries_of(counted)
    return {
        "dtProject": project,
        "id": connector.id,
        "displayName": connector.display_name,
        "status": connector.status,
        "delivered": delivered,
        "failed": failed,
        "p99Seconds": p99_s,
    }


def _requests(requests: RequestCounts | DeployError) -> Json | None:
    return None if isinstance(requests, DeployError) else {"hours": 3, "byKind": by_kind(requests)}


def _last_day(spec: Spec, readings: Readings) -> Json | None:
    if isinstance(readings.requests, DeployError):
        return None
    gap, newest = gap_of(spec, readings), newest_at_dt(spec, readings)
    found = gap and {"start": utc(gap.start), "end": utc(gap.end), "usual": gap.usual, "isRepeated": gap.is_repeated}
    delivered = sum(readings.requests.delivered.values())
    backfilled = utc(readings.backfilled.at) if isinstance(readings.backfilled, LogLine) else None
    return {
        "delivered": delivered,
        "gap": found,
        "backfilledAt": backfilled,
        "newestAtDt": None if newest is None else utc(newest),
    }


def _line(line: LogLine | DeployError | None) -> Json | None:
    if not isinstance(line, LogLine):
        return None
    return {
        "at": utc(line.at),
        "eventType": line.event_type or None,
        "deviceId": line.device_id or None,
        "eventId": line.event_id or None,
    }


def _bigquery(spec: Spec, readings: Readings) -> Json | None:
    found = written_by(spec, readings.google_side)
    return None if found is None else {"table": table_of(found), "state": state_of(found) or "ACTIVE"}


def _backlogs(spec: Spec, readings: Readings) -> list[Json] | None:
    backlog = readings.backlog
    if isinstance(backlog, DeployError):
        return None
    return [
        {
            "subscription": name,
            "messages": found.messages if (found := backlog.get(name)) else None,
            "oldestSeconds": found.oldest_s if found else None,
            "measuredAt": utc(found.measured_at) if found else None,
        }
        for name in [subscription.name for subscription in subscriptions_of(spec)]
    ]


def _rejected(readings: Readings) -> list[Json] | None:
    if isinstance(readings.problems, DeployError):
        return None
    kept = [line for line in readings.problems if line.is_kept]
    newest = {reason: next(line for line in kept if line.reason == reason) for reason in {line.reason for line in kept}}
    return [
        {"reason": reason, "count": count, "newest": {**(_line(newest[reason]) or {}), "detail": newest[reason].detail}}
        for reason, count in Counter(line.reason for line in kept).most_common()
    ]


def _secret(spec: Spec, readings: Readings) -> Json | None:
    newest = newest_version(readings.observed.of(SignatureSecret(spec)))
    if newest is None:
        return None
    age_s = secret_age_s(spec, readings)
    return {
        "name": spec.secret,
        "version": number_of(newest),
        "ageSeconds": None if age_s is None else int(age_s),
        "liveVersions": live_versions(spec, readings.observed),
    }


def _cost(spec: Spec, readings: Readings) -> Json | None:
    found = estimate(spec, readings)
    if found is None:
        return None
    requests = readings.requests
    measured = requests if isinstance(requests, RequestCounts) and requests.measured_s else None
    return {
        **found.as_json(),
        "requestsPerSecond": round(measured.per_s, 6) if measured else None,
        "measuredSeconds": int(measured.measured_s) if measured else None,
    }
