"""``replay`` as a process, with the real gcloud and a function that really answers: rejected events get to main."""

import json
import signal
import time
from base64 import b64decode
from datetime import UTC, datetime

import pytest

from tests.emulators.clients import ask
from tests.emulators.events import encode, sample_event
from tests.emulators.signing import signed_headers
from tests.real_gcloud.user import REAL_GCLOUD, Process, User, ended, struck

pytestmark = REAL_GCLOUD

PUBSUB = "https://pubsub.googleapis.com/v1/projects/demo-proj/subscriptions"
QUICK = (
    "import sys; from deploy.repair.replay import replayer; replayer.SETTLE_S, replayer.IDLE_S = 0.3, 0.05; "
    "from deploy.__main__ import main; sys.exit(main(sys.argv[1:]))"
)
"""``replay`` looks for half a minute for messages that a killed run may still hold; here it does so for a moment."""


def starts_replay(user: User, *flags: str) -> Process:
    return user.starts_python("-c", QUICK, "replay", *flags)


def delivered(user: User, body: bytes, at: float) -> str:
    """Post an event as DT has signed it at a time; return the topic that has it."""
    host = user.both_clouds.google.run.services["dt-pubsub"].host("demo-proj")
    answer = ask(user.both_clouds, "POST", f"https://{host}/", body, signed_headers(body, user.secret(), now=at))
    assert answer.status == 200, answer.body
    return str(answer.json["topic"])


def waiting(user: User, subscription: str) -> list[tuple[bytes, dict[str, str]]]:
    """Return the bodies and attributes that a reader of a subscription gets now, and give them back."""
    pulled = ask(
        user.both_clouds, "POST", f"{PUBSUB}/{subscription}:pull", {"maxMessages": 10, "returnImmediately": True}
    )
    received = pulled.json.get("receivedMessages", [])
    if received:
        nack = {"ackIds": [delivery["ackId"] for delivery in received], "ackDeadlineSeconds": 0}
        ask(user.both_clouds, "POST", f"{PUBSUB}/{subscription}:modifyAckDeadline", nack)
    messages = [delivery["message"] for delivery in received]
    return [(b64decode(message.get("data", "")), message.get("attributes", {})) for message in messages]


def test_what_the_function_has_rejected_gets_to_main_and_what_it_refuses_again_stays(owner: User) -> None:
    event = encode(sample_event("temperature", number=1, at=datetime.now(UTC)))
    assert delivered(owner, event, time.time() - 7200) == "rejected"
    assert delivered(owner, b'{"event": oops', time.time()) == "rejected"
    assert waiting(owner, "dt-events") == []
    owner.environ = {name: value for name, value in owner.environ.items() if not name.startswith("DT_")}

    status, output = ended(starts_replay(owner, "--dry-run"))
    assert status == 3, output
    assert ("would be on the main topic  " in output, "would be refused: malformed  " in output) == (True, True), output
    assert "another source" not in output
    assert len(waiting(owner, "dt-rejected")) == 2

    status, output = ended(starts_replay(owner, "--json", "--since=1h"))
    report = json.loads(output[output.index("{\n") :])
    assert status == 3, output
    assert (report["replayed"]["published"], report["replayed"]["refused"]) == (1, {"malformed": 1})
    ((body, attributes),) = waiting(owner, "dt-events")
    assert (body, attributes["origin"], attributes["eventType"]) == (event, "replay", "temperature")
    ((body, attributes),) = waiting(owner, "dt-rejected")
    assert (body, attributes["reason"]) == (b'{"event": oops', "malformed")

    status, output = ended(starts_replay(owner, "--reason=expired"))
    assert (status, "nothing to replay" in output) == (0, True), output
    assert owner.both_clouds.log.not_played() == []
    owner.keeps_secrets(output)


@pytest.mark.thorough
def test_after_a_fix_events_of_a_project_that_was_not_allowed_get_to_main(owner: User) -> None:
    event = encode(sample_event("humidity", number=1, at=datetime.now(UTC)))
    owner.brings_up(DEPLOY_SETTINGS="DT_PROJECT_IDS=bhmh0143iktucae701vz")
    assert delivered(owner, event, time.time()) == "rejected"

    status, output = ended(starts_replay(owner))
    assert (status, "1 message refused: foreign_project" in output) == (3, True), output

    project = json.loads(event)["event"]["targetName"].split("/")[1]
    owner.brings_up(DEPLOY_SETTINGS=f"DT_PROJECT_IDS={project}")
    status, output = ended(starts_replay(owner))
    assert (status, "1 message of 1 on the main topic" in output) == (0, True), output
    ((body, _),) = waiting(owner, "dt-events")
    assert (body, waiting(owner, "dt-rejected")) == (event, [])


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_loses_nothing_and_the_next_one_replays_the_rest(
    owner: User, number: signal.Signals
) -> None:
    events = [encode(sample_event("touch", number=count, at=datetime.now(UTC))) for count in range(6)]
    assert {delivered(owner, event, time.time() - 7200) for event in events} == {"rejected"}

    process = owner.starts("replay", "--rate=1")
    status, output = struck(process, number, lambda: waiting(owner, "dt-events"), alone=True)
    assert status == (3 if number == signal.SIGTERM else -signal.SIGKILL), output
    assert ("stopped: interrupted" in output) is (number == signal.SIGTERM)
    if number == signal.SIGTERM:
        left = {body for body, _ in waiting(owner, "dt-rejected")}
        assert left | {body for body, _ in waiting(owner, "dt-events")} == set(events)
        assert left

    status, output = owner.runs("replay")
    assert (status, waiting(owner, "dt-rejected")) == (0, []), output
    assert {body for body, _ in waiting(owner, "dt-events")} == set(events)
