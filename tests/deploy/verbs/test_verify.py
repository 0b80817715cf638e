"""``verify`` against both clouds in memory; tests/deploy/proof has the tests of the proof itself."""

import pytest

from deploy.errors import DeployError, NotProven
from tests.deploy.stage import Stage


def test_verify_before_up_says_what_to_do(stage: Stage) -> None:
    stage.google.has_everything_on()
    with pytest.raises(DeployError, match="python -m deploy up"):
        stage.deployment().verify()


def test_an_accepted_unsigned_request_fails_the_proof(up: Stage) -> None:
    up.answers = [(200, "")]
    with pytest.raises(NotProven, match="200"):
        up.deployment().verify()


def test_a_verify_of_a_rolled_back_function_says_so(up: Stage) -> None:
    up.answers = [(200, ""), (200, "")]
    with pytest.raises(NotProven):
        up.deployment().verify()
    assert "not the newest revision" not in up.noted
    up.google.things["functions", "dt-pubsub"]["serviceConfig"]["allTrafficOnLatestRevision"] = False
    with pytest.raises(NotProven):
        up.deployment().verify()
    assert "note: not the newest revision of the function answers" in up.noted
