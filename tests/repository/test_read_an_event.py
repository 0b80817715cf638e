"""Reading an event, as in the README: the sample is a message of the function, and the commands do what it says."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.pubsub_v1 import PublisherClient, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from function.event import parse_body, read_envelope
from function.message import Message, event_message
from tests.blackbox.serving import eventually
from tests.emulators.clients import all_on, gcloud
from tests.emulators.clouds import clouds
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.events import encode
from tests.emulators.processes import free_port
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.control import Control
from tests.function.builders import settings, verified
from tests.repository.gcloud_lint import GCLOUD

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "README.md").read_text("utf-8").partition("\n## Read an event\n")[2].partition("\n## ")[0]
(COMMAND,) = re.findall(r"```sh\n(.*?)\n```", SECTION, re.DOTALL)
(SUBSCRIBER,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
(SAMPLE,) = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
TOPIC, SUBSCRIPTION = "projects/my-project/topics/dt-events", "projects/my-project/subscriptions/dt-events"


def sample() -> dict[str, Any]:
    """Return the sample message of the README."""
    read: dict[str, Any] = json.loads(SAMPLE)
    return read


def made() -> Message:
    """Return the message that the function makes of the sample's data."""
    body = encode(sample()["data"])
    return event_message(verified(body), read_envelope(parse_body(body)), None, settings())


def test_the_sample_has_the_attributes_that_the_function_makes_from_its_data() -> None:
    assert sample()["attributes"] == made().attributes
    assert [*sample()["attributes"]] == [*made().attributes]


def test_the_subscriber_has_ten_lines() -> None:
    assert len([line for line in SUBSCRIBER.splitlines() if line]) <= 10


def test_the_subscriber_prints_an_event_and_acknowledges_it(embedded: EmbeddedPubSub, tmp_path: Path) -> None:
    embedded.create_topic(TOPIC)
    embedded.create_subscription(SUBSCRIPTION, TOPIC)
    message = made()
    with PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(embedded.host))) as publisher:
        sent = PubsubMessage(data=message.data, attributes=dict(message.attributes))
        publisher.publish(topic=TOPIC, messages=[sent], timeout=10)
    program = tmp_path / "subscriber.py"
    program.write_text(SUBSCRIBER, "utf-8")
    environ = {**os.environ, "PUBSUB_EMULATOR_HOST": embedded.host}
    with (
        Control(embedded.host) as control,
        subprocess.Popen([sys.executable, program], env=environ, stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            is_acknowledged = eventually(lambda: control.unacknowledged(SUBSCRIPTION) == (0, 0))
        finally:
            process.kill()

    event = sample()["data"]["event"]
    assert line == f"{message.attributes['deviceId']} temperature {event['data']}\n"
    assert is_acknowledged


def test_the_subscriber_ends_with_an_error_if_no_pubsub_answers(tmp_path: Path) -> None:
    program = tmp_path / "subscriber.py"
    program.write_text(SUBSCRIBER.replace("timeout=30", "timeout=1"), "utf-8")
    environ = {**os.environ, "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{free_port()}"}  # nothing listens there
    line = [sys.executable, str(program)]
    done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "# raises if no Pub/Sub answers\n" in done.stderr


@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="there is no gcloud here")
@pytest.mark.timeout(600)
def test_the_pull_command_shows_an_event_and_leaves_it_for_subscribers() -> None:
    with clouds("embedded", estate=all_on(Estate())) as both_clouds:
        project = f"--project={both_clouds.google.estate.project}"
        gcloud(both_clouds, f"pubsub topics create dt-events {project}")
        gcloud(both_clouds, f"pubsub subscriptions create dt-events --topic=dt-events {project}")
        attributes = "--attribute=eventType=touch,deviceId=a-device"
        gcloud(both_clouds, f"pubsub topics publish dt-events --message=a-body {attributes} {project}")

        typed = ["bash", "-c", COMMAND.replace("--project=my-project", project)]
        environ = dict(both_clouds.environ)
        done = subprocess.run(typed, env=environ, capture_output=True, text=True, check=False, timeout=120)

        assert done.returncode == 0, done.stderr
        assert done.stdout == "touch\ta-device\ta-body\n"
        assert both_clouds.google.pubsub.measured(time.time())["dt-events"].messages == 1
