"""``audit`` as a process, with the real gcloud and DT's own package: it names the event that is missing."""

import json
import signal
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.clients import all_on, ask, gcloud
from tests.real_gcloud.test_follow import subscriptions, topic_url
from tests.real_gcloud.user import REAL_GCLOUD, User, struck

pytestmark = REAL_GCLOUD


@pytest.fixture
def auditor(user: User) -> User:
    """A user whose main topic keeps its messages, by the command that an error of ``audit`` names."""
    all_on(user.both_clouds.google.estate)
    for topic in ("dt-events", "dt-rejected"):
        assert ask(user.both_clouds, "PUT", topic_url(user, topic), {}).status == 200
    kept = "pubsub topics update dt-events --message-retention-duration=7d --project=demo-proj"
    assert gcloud(user.both_clouds, kept).returncode == 0
    assert gcloud(user.both_clouds, "pubsub subscriptions create dt-rejected --topic=dt-rejected").returncode == 0
    user.both_clouds.log.clear()
    return user


def happened(user: User, device: Any, minutes: int) -> dict[str, str]:
    """Let DT's history have an event of a device; return the attributes of its message."""
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    event = user.both_clouds.dt.devices.publish(device["name"], "temperature", {"value": 21.5, "updateTime": at})
    own = {"eventId": event["eventId"], "eventType": "temperature", "timestamp": event["timestamp"]}
    return {**own, "deviceId": device["name"].rpartition("/")[2], "projectId": user.both_clouds.dt.tenant.project}


def publish(user: User, *messages: dict[str, str], topic: str = "dt-events") -> None:
    """Publish messages with these attributes."""
    body = {"messages": [{"data": b64encode(b"{}").decode(), "attributes": one} for one in messages]}
    assert ask(user.both_clouds, "POST", f"{topic_url(user, topic)}:publish", body).status == 200


@pytest.mark.thorough
def test_the_missing_event_is_named_and_no_subscription_is_left(auditor: User, tmp_path: Path) -> None:
    device = auditor.both_clouds.dt.devices.create(auditor.both_clouds.dt.tenant.project, "temperature", {"name": "F"})
    there, double, rejected, missing = (happened(auditor, device, minutes) for minutes in (90, 30, 20, 10))
    publish(auditor, there, double, double)
    publish(auditor, {**rejected, "reason": "expired"}, topic="dt-rejected")
    picture = tmp_path / "audit.svg"

    command = ("audit", "--json", "--from=3h", f"--picture={picture}")
    process = auditor.starts(*command)
    printed, _ = process.communicate(timeout=400)

    assert process.returncode == 3, printed
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert [line["missing"]["eventId"] for line in lines if "missing" in line] == [missing["eventId"]]
    assert [line["rejected"]["eventId"] for line in lines if "rejected" in line] == [rejected["eventId"]]
    summary = lines[-1]["audited"]
    counts = {name: summary[name] for name in ("dt", "main", "missing", "rejected", "double")}
    assert counts == {"dt": 4, "main": 2, "missing": 1, "rejected": 1, "double": 1}
    assert "F, " in picture.read_text("utf-8")
    assert subscriptions(auditor) == ["dt-rejected"]
    assert auditor.both_clouds.log.not_played() == []


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_subscription_and_takes_no_message(auditor: User, number: signal.Signals) -> None:
    publish(auditor, {"eventId": "e", "reason": "expired"}, topic="dt-rejected")
    process = auditor.starts("audit")
    status, printed = struck(process, number, lambda: len(subscriptions(auditor)) == 2, alone=True)
    assert status == 1, printed
    assert "the messages of dt-rejected that were read come again within 2 min" in printed
    assert subscriptions(auditor) == ["dt-rejected"]
