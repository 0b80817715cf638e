"""Black box: the WSGI entry point behind six servers, with the main rows of the decision table."""

import time
from collections.abc import Iterator

import pytest

from tests.blackbox.decision_table import CAP, ROWS, Row, padded
from tests.blackbox.serving import ROOT, head, read_raw_answer
from tests.blackbox.stage import BODY, Request, Stage, Surroundings, by_secret, surroundings
from tests.blackbox.test_decision_table import check_calls, check_line, check_messages
from tests.blackbox.wsgi_hosts import HOSTS, Host
from tests.pace import in_time

CHOSEN = {
    *("1-GET", "1-HEAD", "1-DELETE", "2-no header", "2-no header and a body over the cap"),
    *("3-one byte over, announced", "5-no token", "5-unknown secret", "5-and a body over the cap"),
    *("6-secret, another body", "8-secret, 65 s ahead", "9-secret", "10-empty", "10-no JSON", "11-no event"),
    *("12-other project", "13-unknown type", "14-event.data None", "17-exactly the cap", "17-newest secret", "17-key"),
    *("18-UNAVAILABLE", "19-NOT_FOUND", "20-and kept", "21-PERMISSION_DENIED"),
}
CHUNKED = {"gunicorn", "functions-framework --debug", "flask run", "cheroot", "waitress", "werkzeug"}
"""Servers that read bodies in chunks; wsgiref does not."""


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("hosts")) as made:
        yield made


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def shared(host: str, around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    settings = {**around.every_scheme, "PYTHONPATH": str(ROOT)}
    with around.stage(host, tmp_path_factory.mktemp("host"), settings, kind=Host) as running:
        yield running


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    yield shared
    shared.pubsub.clear_faults()


def test_the_chosen_rows_exist_in_the_table() -> None:
    assert {str(row) for row in ROWS} >= CHOSEN


@pytest.mark.parametrize("row", [row for row in ROWS if str(row) in CHOSEN], ids=str)
def test_every_main_row_holds_behind_every_server(stage: Stage, row: Row) -> None:
    for fault, topic in ((row.main, stage.topic), (row.rejected, stage.rejected_topic)):
        if fault:
            stage.pubsub.set_fault(fault.on(topic))
    calls_before = stage.calls()

    outcome = stage.send(row.make(stage))

    assert outcome.answer.status == row.status
    if row.status == 200:
        assert outcome.answer.json == {"messageId": outcome.messages[0].message_id, "topic": row.topic}
    elif row.name != "HEAD":
        assert outcome.answer.json == {"error": row.reason}
    check_messages(stage, outcome, row)
    check_calls(stage.calls() - calls_before, row)
    if not row.is_sampled:
        check_line(stage, outcome, row)


def test_a_body_in_chunks_is_read_if_the_server_supports_chunks(stage: Stage, host: str) -> None:
    outcome = stage.send(by_secret().chunked(100))

    assert outcome.answer.status == (200 if host in CHUNKED else 408)
    assert [message.data for message in outcome.messages] == ([BODY] if host in CHUNKED else [])


def test_an_event_is_answered_while_its_connection_stays_open(stage: Stage) -> None:
    with stage.function.connect() as connection:
        began_at = time.monotonic()
        connection.sendall(head(by_secret().headers, length=len(BODY)) + BODY)
        assert read_raw_answer(connection).status == 200
    in_time(time.monotonic() - began_at, 2.5, "and not after the time that a body has")


def test_valid_and_invalid_requests_in_turn_are_delivered_and_refused(stage: Stage) -> None:
    large = padded(CAP)
    requests = [by_secret(), Request(), by_secret(secret="x" * 40), by_secret(large), by_secret(b"{"), by_secret()]

    assert [stage.send(request).answer.status for request in requests] == [200, 401, 401, 200, 200, 200]
