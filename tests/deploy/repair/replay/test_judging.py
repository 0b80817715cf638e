"""The function of this checkout as a judge: it says what the deployed one would answer to ``replay``."""

import json

import pytest

from deploy.errors import DeployError
from deploy.repair.replay.judging import Judge
from deploy.repair.republisher import Verdict
from tests.function.fakes import FakeClock

TOPICS = {"PUBSUB_TOPIC": "projects/p/topics/events", "PUBSUB_REJECTED_TOPIC": "projects/p/topics/rejected"}
SOURCES = {"DT_SIGNATURE_SECRET_FILE": "/not/here", "DT_ORGANIZATION_ID": "abc", "LOG_EXECUTION_ID": "true"}
EVENT = json.dumps({"event": {"eventId": "e", "eventType": "touch", "targetName": "projects/p1/devices/d"}}).encode()


def judge(**variables: str) -> Judge:
    clock = FakeClock()
    return Judge({**TOPICS, **SOURCES, **variables}, clock, clock)


@pytest.mark.parametrize(
    ("body", "variables", "verdict"),
    [
        (EVENT, {}, Verdict("published", message_id="-")),
        (EVENT, {"DT_PROJECT_IDS": "p1"}, Verdict("published", message_id="-")),
        (EVENT, {"DT_PROJECT_IDS": "p2"}, Verdict("refused", "foreign_project", status=422)),
        (b"{}", {}, Verdict("refused", "no_envelope", status=422)),
        (b"\xff", {}, Verdict("refused", "malformed", status=422)),
        (EVENT, {"MAX_BODY_BYTES": "10"}, Verdict("failed", "413 too_large", status=413)),
    ],
)
def test_it_answers_by_the_code_of_this_checkout_and_the_settings_of_the_deployed_function(
    body: bytes, variables: dict[str, str], verdict: Verdict
) -> None:
    assert judge(**variables).judge(body) == verdict


def test_settings_that_this_checkout_does_not_accept_are_named() -> None:
    with pytest.raises(DeployError, match="PUBSUB_TOPIC: required"):
        judge(PUBSUB_TOPIC="")
