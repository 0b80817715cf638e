"""``follow`` as a process, with the real gcloud and Google's API over TLS: an event is a line, and nothing is left."""

import signal
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from tests.blackbox.serving import eventually
from tests.emulators.clients import all_on, ask
from tests.emulators.events import PROJECT_ID, encode, sample_event
from tests.real_gcloud.user import PATIENCE_S, REAL_GCLOUD, User, ended, struck

pytestmark = REAL_GCLOUD


@pytest.fixture
def follower(user: User) -> User:
    """A user whose project has the topics of a deployment, and who has no login at DT."""
    all_on(user.both_clouds.google.estate)
    for topic in ("dt-events", "dt-rejected"):
        assert ask(user.both_clouds, "PUT", topic_url(user, topic), {}).status == 200
    user.environ = {name: value for name, value in user.environ.items() if not name.startswith("DT_")}
    user.both_clouds.log.clear()
    return user


def topic_url(user: User, topic: str) -> str:
    return f"https://pubsub.googleapis.com/v1/projects/{user.both_clouds.google.estate.project}/topics/{topic}"


def publish(user: User, topic: str, data: bytes, **attributes: str) -> None:
    """Publish a message."""
    message = {"data": b64encode(data).decode(), "attributes": attributes}
    assert ask(user.both_clouds, "POST", f"{topic_url(user, topic)}:publish", {"messages": [message]}).status == 200


def subscriptions(user: User) -> list[str]:
    """Return the ids of all subscriptions."""
    return [name.rpartition("/")[2] for name in user.both_clouds.google.left() if "/subscriptions/" in name]


def test_an_event_and_a_rejected_one_are_lines_and_the_subscriptions_are_gone_afterwards(follower: User) -> None:
    process = follower.starts("follow", "--count=2", "--for=300s")
    eventually(lambda: len(subscriptions(follower)) == 2, PATIENCE_S)

    event = encode(sample_event("temperature", number=1, at=datetime.now(UTC)))
    publish(follower, "dt-events", event, eventId="e", eventType="temperature", projectId=PROJECT_ID)
    publish(follower, "dt-rejected", b'{"event": oops', reason="malformed")
    status, printed = ended(process)

    assert status == 0, printed
    assert "live: events of dt-pubsub from now on" in printed
    assert "temperature         Demo temperature      24.9 °C" in printed
    assert "14 bytes, not a JSON object  rejected: malformed, its body is not valid JSON" in printed
    assert "1 event in" in printed
    assert subscriptions(follower) == []
    assert follower.both_clouds.log.not_played() == []


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_0_and_leaves_no_subscription(follower: User, number: signal.Signals) -> None:
    process = follower.starts("follow")
    status, printed = struck(process, number, lambda: len(subscriptions(follower)) == 2, alone=True)
    assert status in {0, 1}, printed  # 1 if it came before the run was live
    assert subscriptions(follower) == []


@pytest.mark.thorough
def test_what_a_killed_run_leaves_behind_the_next_one_removes(follower: User) -> None:
    struck(follower.starts("follow"), signal.SIGKILL, lambda: len(subscriptions(follower)) == 2)
    left = subscriptions(follower)
    assert len(left) == 2

    status, printed = follower.runs("follow", "--for=3s")
    assert (status, subscriptions(follower)) == (0, left), printed  # it may be the run of a colleague

    project = follower.both_clouds.google.estate.project
    for name in left:
        url = f"https://pubsub.googleapis.com/v1/projects/{project}/subscriptions/{name}"
        labels = {"dt-pubsub-follow": "dt-pubsub", "dt-pubsub-seen": "1"}
        ask(follower.both_clouds, "PATCH", url, {"subscription": {"labels": labels}, "updateMask": "labels"})
    status, printed = follower.runs("follow", "--for=5s")
    assert (status, subscriptions(follower)) == (0, []), printed
