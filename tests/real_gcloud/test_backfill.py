"""``backfill`` as a process, with a function that really answers: what DT's history has gets to the main topic."""

import json
import signal
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.emulators.clients import ask
from tests.real_gcloud.user import REAL_GCLOUD, User, struck

pytestmark = REAL_GCLOUD

EVENTS = 40


class MainTopic:
    """What the subscription of the main topic has had: messages are acknowledged when they are read."""

    def __init__(self, user: User) -> None:
        project = user.both_clouds.google.estate.project
        self._url = f"https://pubsub.googleapis.com/v1/projects/{project}/subscriptions/dt-events"
        self._clouds = user.both_clouds
        self.messages: list[dict[str, Any]] = []

    def read(self) -> int:
        """Read what is there, and return the number of all messages so far."""
        asked = {"maxMessages": 1000, "returnImmediately": True}
        received = ask(self._clouds, "POST", f"{self._url}:pull", asked).json.get("receivedMessages", [])
        if received:
            ids = [one["ackId"] for one in received]
            assert ask(self._clouds, "POST", f"{self._url}:acknowledge", {"ackIds": ids}).status == 200
        self.messages += [one["message"] for one in received]
        return len(self.messages)


def has_history(user: User) -> list[str]:
    """Add a sensor whose events DT has, and never sent; return the texts of these."""
    dt, now = user.both_clouds.dt, datetime.now(UTC)
    labels = {"name": "Fridge 2", "room": "B"}
    sensor = dt.devices.create(dt.tenant.project, "temperature", labels, "100110")["name"]
    texts = []
    for number in range(EVENTS):
        at = (now - timedelta(minutes=EVENTS - number)).isoformat().replace("+00:00", "Z")
        texts.append(
            f'{{"eventId":"e{number:02}","targetName":"{sensor}","eventType":"temperature",'
            f'"data":{{"temperature":{{"value":{number}.0,"updateTime":"{at}"}}}},"timestamp":"{at}"}}'
        )
        dt.devices.history.keep(sensor, texts[-1])
    return texts


def test_a_backfill_that_was_ended_goes_on_and_brings_every_event_as_dt_has_it(owner: User) -> None:
    texts, file, main = has_history(owner), owner.folder / "resume.json", MainTopic(owner)
    flags = ("backfill", "--from=2h", "--rate=10", f"--resume={file}")
    status, output = struck(owner.starts(*flags), signal.SIGTERM, lambda: main.read() >= 5, alone=True)
    assert (status, "interrupted: " in output, f"--resume={file}" in output) == (1, True, True), output

    status, output = owner.runs(*flags)
    assert (status, f"going on with {file}" in output) == (0, True), output
    assert EVENTS <= main.read() < EVENTS + 5
    bodies = [b64decode(message["data"]).decode() for message in main.messages]
    assert {body.partition(',"labels":')[0].removeprefix('{"event":') for body in bodies} == set(texts)
    assert json.loads(bodies[0])["metadata"]["productNumber"] == "100110"
    attributes = [message["attributes"] for message in main.messages]
    assert {(one["eventType"], one["origin"]) for one in attributes} == {("temperature", "backfill")}
    assert owner.both_clouds.log.not_played() == []
