"""Black box, both entry points: every row of the decision table over HTTP, with an embedded Pub/Sub."""

import select
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.blackbox.decision_table import ROWS, Row
from tests.blackbox.serving import ENTRY_POINTS, Answer, eventually, head, new_trace, read_raw_answer, variant
from tests.blackbox.stage import (
    BODY,
    KNOWN,
    OLDER_SECRET,
    ORGANIZATION_ID,
    SECRET,
    Outcome,
    Request,
    Stage,
    Surroundings,
    by_secret,
    changed,
    rejected_attributes,
    surroundings,
)
from tests.emulators.events import PROJECT_ID, SAMPLES, encode, sample_event
from tests.emulators.issuer import Fault as IssuerFault
from tests.emulators.issuer import new_key
from tests.emulators.pubsub.faults import Fault
from tests.emulators.signing import ORGANIZATION_HEADER
from tests.pace import in_time

USUAL_HEADERS = {"content-type", "content-length", "date", "server", "connection"}


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("entry_points")) as made:
        yield made


@pytest.fixture(scope="module", params=ENTRY_POINTS)
def entry_point(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def shared(entry_point: str, around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with around.stage(entry_point, tmp_path_factory.mktemp(entry_point), around.every_scheme) as running:
        yield running


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    yield shared
    shared.pubsub.clear_faults()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_row_has_its_status_answer_topic_and_log_line(stage: Stage, row: Row) -> None:
    for fault, topic in ((row.main, stage.topic), (row.rejected, stage.rejected_topic)):
        if fault:
            stage.pubsub.set_fault(fault.on(topic))
    calls_before = stage.calls()

    outcome = stage.send(row.make(stage))

    check_reply(outcome, row)
    check_messages(stage, outcome, row)
    check_calls(stage.calls() - calls_before, row)
    if not row.is_sampled:
        check_line(stage, outcome, row)


def check_reply(outcome: Outcome, row: Row) -> None:
    answer = outcome.answer
    assert answer.status == row.status
    assert answer.headers.keys() <= USUAL_HEADERS | {"allow", "retry-after"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get("allow") == ("POST" if row.status == 405 else None)
    assert answer.headers.get("retry-after") == ("5" if row.status == 503 else None)
    if row.name == "HEAD":
        assert answer.body == b""
    elif row.status == 200:
        assert answer.json == {"messageId": outcome.messages[0].message_id, "topic": row.topic}
    else:
        assert answer.json == {"error": row.reason}


def check_messages(stage: Stage, outcome: Outcome, row: Row) -> None:
    if not row.topic:
        assert not outcome.messages
        return
    (message,) = outcome.messages
    sent = row.make(stage).body
    assert message.data == (b"".join(sent) if isinstance(sent, tuple) else sent)
    assert message.topic == (stage.topic if row.topic == "events" else stage.rejected_topic)
    assert message.ordering_key == ""
    attributes = dict(message.attributes)
    assert attributes.pop("traceparent") == outcome.traceparent
    assert attributes.pop("contract") == "1"
    if row.topic == "rejected":
        assert is_now(attributes.pop("receivedAt"))
        assert attributes == rejected_attributes(message.data, row.reason, row.attributes)
    else:
        assert attributes == row.attributes


def check_calls(calls: int, row: Row) -> None:
    if row.calls is None:
        assert calls == (1 if row.topic else 0)
    elif row.calls < 3:
        assert calls == row.calls
    else:
        assert calls >= 3


def check_line(stage: Stage, outcome: Outcome, row: Row) -> None:
    (line,) = stage.function.lines_of(outcome.trace)
    assert line["severity"] == row.severity
    assert line.get("reason", "") == row.reason
    assert line["status"] == row.status
    assert "stack_trace" not in line
    assert line.get("messageId") == (outcome.messages[0].message_id if row.topic else None)
    assert ("origin" in line) == ("origin" in row.fields)
    assert row.fields.items() <= line.items()
    if row.topic:
        said = {name: line.get(name) for name in ("eventId", "eventType", "deviceId")}
        assert said == {name: row.attributes.get(name) for name in said}
        assert line["publishMs"] > 0


def is_now(text: str) -> bool:
    assert text.endswith("Z")
    return abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(seconds=20)


def test_a_refusal_without_a_signature_is_logged_again_after_a_second(stage: Stage) -> None:
    time.sleep(1.1)

    unsigned, forged = stage.send(Request()), stage.send(Request([("X-Dt-Signature", "x")]))
    no_post = stage.send(Request(method="PUT"))

    for outcome, severity, reason, status in (
        (unsigned, "INFO", "unsigned", 401),
        (forged, "WARNING", "signature", 401),
        (no_post, "DEBUG", "method", 405),
    ):
        (line,) = stage.function.lines_of(outcome.trace)
        assert (line["severity"], line["reason"], line["status"]) == (severity, reason, status)
        assert "stack_trace" not in line


def test_all_invalid_signatures_get_the_same_answer(stage: Stage) -> None:
    def seen(row: Row) -> tuple[object, ...]:
        answer = stage.send(row.make(stage)).answer
        return answer.body, sorted((name, value) for name, value in answer.headers.items() if name != "date")

    rows = [row for row in ROWS if row.number == 5 and row.make(stage).body == BODY]

    assert len({str(seen(row)) for row in rows}) == 1


@pytest.mark.parametrize("event_type", SAMPLES)
@pytest.mark.parametrize("scheme", ["secret", "key"])
def test_every_event_type_arrives_byte_for_byte_with_its_attributes(stage: Stage, event_type: str, scheme: str) -> None:
    event = sample_event(event_type, number=7, at=datetime.now(UTC))
    event["metadata"]["productNumber"] = "100110"
    body = encode(event)

    outcome = stage.send(by_secret(body) if scheme == "secret" else stage.by_key(body))

    (message,) = outcome.messages
    assert message.data == body
    assert message.attributes == {
        "contract": "1",
        "eventId": event["event"]["eventId"],
        "eventType": event_type,
        "deviceId": event["metadata"]["deviceId"],
        "projectId": PROJECT_ID,
        "timestamp": event["event"]["timestamp"],
        "deviceType": SAMPLES[event_type][0],
        "productNumber": "100110",
        "label.name": f"Demo {event_type}",
        "traceparent": outcome.traceparent,
    }
    assert outcome.answer.json == {"messageId": message.message_id, "topic": "events"}


def test_row_15_an_event_that_comes_twice_is_delivered_twice(stage: Stage) -> None:
    request = by_secret()

    first, second = stage.send(request), stage.send(request)

    assert [first.answer.status, second.answer.status] == [200, 200]
    assert first.messages[0].attributes["eventId"] == second.messages[0].attributes["eventId"]
    assert first.answer.json["messageId"] != second.answer.json["messageId"]


def test_a_request_without_a_trace_has_no_traceparent_attribute(stage: Stage) -> None:
    (message,) = stage.send(by_secret(), traced=False).messages

    assert message.attributes == {**KNOWN, "contract": "1"}


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL"])
def test_a_publish_failure_that_ends_before_the_deadline_is_invisible_to_the_sender(stage: Stage, code: str) -> None:
    stage.pubsub.set_fault(Fault.fail(code).on(stage.topic).times(2))

    outcome = stage.send(by_secret())

    assert outcome.answer.status == 200
    assert [message.data for message in outcome.messages] == [BODY]


def test_a_missing_topic_is_answered_at_once(stage: Stage) -> None:
    stage.pubsub.set_fault(Fault.fail("NOT_FOUND").on(stage.topic))

    in_time(stage.send(by_secret()).seconds, 0.5)


def test_one_connection_can_send_many_events(stage: Stage) -> None:
    with stage.function.connect() as connection:
        for expected, request in ((200, by_secret()), (401, by_secret(secret="x" * 40)), (200, by_secret(b"{"))):
            assert isinstance(request.body, bytes)
            connection.sendall(head(request.headers, length=len(request.body)) + request.body)
            assert read_raw_answer(connection).status == expected


def test_any_path_is_answered(stage: Stage) -> None:
    assert stage.function.send(by_secret().headers, BODY, path="/any/path?a=b").status == 200


def stalled(stage: Stage, *, drips: bool) -> tuple[Answer, float, str]:
    """Send a part of a body, perhaps further bytes slowly; return the answer, its seconds and its trace."""
    trace, traceparent = new_trace()
    with stage.function.connect() as connection:
        began_at = time.monotonic()
        connection.sendall(head([*by_secret().headers, ("traceparent", traceparent)], length=9999) + BODY[:10])
        while drips and not select.select([connection], [], [], 0.1)[0]:
            connection.sendall(b" ")
        answer = read_raw_answer(connection)
        seconds = time.monotonic() - began_at
        assert drips or connection.recv(1) == b"", "the connection cannot be used again"
    return answer, seconds, trace


def test_row_4_a_body_that_stalls_or_comes_slowly_is_answered_408_after_three_seconds(stage: Stage) -> None:
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda drips: stalled(stage, drips=drips), (False, True)))

    for answer, seconds, trace in ends:
        assert (answer.status, answer.json) == (408, {"error": "incomplete"})
        assert seconds > 2.5
        in_time(seconds, 4.5)
        check_incomplete(stage, trace)


@pytest.mark.parametrize("in_chunks", [False, True], ids=["announced", "in chunks"])
def test_row_4_a_client_that_disconnects_within_its_body_causes_one_log_line(stage: Stage, in_chunks: bool) -> None:  # noqa: FBT001
    trace, traceparent = new_trace()
    headers = [*by_secret().headers, ("traceparent", traceparent)]
    with stage.function.connect() as connection:
        part = b"20\r\n" + BODY[:10] if in_chunks else BODY[:10]
        connection.sendall(head(headers, length=None if in_chunks else len(BODY)) + part)
        time.sleep(0.1)

    check_incomplete(stage, trace)
    assert stage.send(by_secret()).answer.status == 200


def check_incomplete(stage: Stage, trace: str) -> None:
    (line,) = stage.function.lines_of(trace)
    assert (line["severity"], line["reason"]) == ("INFO", "incomplete")
    assert "stack_trace" not in line


def test_malformed_chunked_encoding_is_answered_4xx(stage: Stage) -> None:
    trace, traceparent = new_trace()
    with stage.function.connect() as connection:
        connection.sendall(head([*by_secret().headers, ("traceparent", traceparent)]) + b"no size\r\n\r\n")
        answer = read_raw_answer(connection)

    assert answer.status in {400, 408}
    check_incomplete(stage, trace)


def check_keys(stage: Stage, outcome: Outcome) -> None:
    assert (outcome.answer.status, outcome.answer.json) == (503, {"error": "keys"})
    assert outcome.answer.headers["retry-after"] == "5"
    assert not outcome.messages
    (line,) = stage.function.lines_of(outcome.trace)
    assert (line["severity"], line["reason"]) == ("CRITICAL", "keys")
    assert "stack_trace" not in line


def test_row_7_requests_are_answered_503_until_the_missing_secret_file_exists(
    entry_point: str, around: Surroundings, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    with around.stage(entry_point, tmp_path, {"DT_SIGNATURE_SECRET_FILE": str(file)}) as stage:
        check_keys(stage, stage.send(by_secret()))
        check_unsigned(stage.send(stage.by_key()))

        file.write_text(f"{SECRET}\n")

        assert eventually(lambda: stage.send(by_secret()).answer.status == 200)


@pytest.fixture(scope="module")
def filed(entry_point: str, around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Start a function with a secret file and all optional settings."""
    home = tmp_path_factory.mktemp(entry_point)
    (home / "secret").write_text(f"{SECRET}\n")
    settings = {"ORDERING_KEY": "device", "CLOUDEVENTS": "true", "DT_SIGNATURE_SECRET_FILE": str(home / "secret")}
    with around.stage(entry_point, home, settings) as stage:
        yield stage


def test_ordering_keys_and_cloud_events_are_published_if_the_settings_say_so(filed: Stage) -> None:
    (message,) = filed.send(by_secret(), traced=False).messages

    assert message.ordering_key == KNOWN["deviceId"]
    assert message.attributes == {
        **{name: value for name, value in KNOWN.items() if name != "label.name"},
        "contract": "1",
        "ce-specversion": "1.0",
        "ce-id": KNOWN["eventId"],
        "ce-source": f"//api.disruptive-technologies.com/projects/{PROJECT_ID}/devices/{KNOWN['deviceId']}",
        "ce-type": "com.disruptive-technologies.temperature",
        "ce-time": KNOWN["timestamp"],
        "ce-subject": KNOWN["deviceId"],
        "ce-dataschema": "urn:dt-pubsub:contract:1:temperature",
        "content-type": "application/json",
    }


def test_without_an_allow_list_events_of_every_project_are_delivered(filed: Stage) -> None:
    (message,) = filed.send(by_secret(changed("event.targetName", "projects/other/devices/d"))).messages

    assert message.topic == filed.topic
    assert message.ordering_key == "d"


def test_a_changed_secret_file_is_used_and_a_broken_one_keeps_the_last_valid_secrets(
    around: Surroundings, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{OLDER_SECRET}\n")
    with around.stage("ingest", tmp_path, {"DT_SIGNATURE_SECRET_FILE": str(file)}) as stage:
        assert stage.send(by_secret(secret=OLDER_SECRET)).answer.status == 200

        file.write_text(f"{SECRET}\n{OLDER_SECRET}\n")
        time.sleep(1.1)
        assert [stage.send(by_secret(secret=secret)).answer.status for secret in (SECRET, OLDER_SECRET)] == [200, 200]

        file.unlink()
        time.sleep(1.1)
        assert stage.send(by_secret(secret="x" * 40)).answer.status == 401
        assert stage.send(by_secret()).answer.status == 200


def check_unsigned(outcome: Outcome) -> None:
    assert (outcome.answer.status, outcome.answer.json) == (401, {"error": "unsigned"})


ISSUER_FAULTS: dict[str, tuple[IssuerFault, ...]] = {"ingest": ("redirect", "huge", "slow"), "ingest_wsgi": ("down",)}


def test_row_7_requests_are_answered_503_until_dts_keys_can_be_fetched(
    entry_point: str, around: Surroundings, tmp_path: Path
) -> None:
    issuer = around.issuer
    settings = {"DT_ORGANIZATION_ID": ORGANIZATION_ID, "DT_ISSUER": issuer.url}
    try:
        with around.stage(entry_point, tmp_path, settings) as stage:
            check_unsigned(stage.send(by_secret()))
            for fault in ISSUER_FAULTS[entry_point]:
                issuer.fault = fault
                outcome = stage.send(stage.by_key())
                check_keys(stage, outcome)
                in_time(outcome.seconds, 4.5)
                time.sleep(1.1)
            issuer.fault = None
            assert stage.send(stage.by_key()).answer.status == 200
    finally:
        issuer.fault = None


def test_keys_are_fetched_once_for_many_events_and_again_after_a_rotation(around: Surroundings, tmp_path: Path) -> None:
    issuer = around.issuer
    with around.stage("ingest", tmp_path, around.every_scheme) as stage:
        before = issuer.fetches.total()
        for refused in ("x", stage.by_key(sub="other").headers[0][1], stage.by_key(iss="other").headers[0][1]):
            assert stage.send(Request([(ORGANIZATION_HEADER, refused)])).answer.status == 401
        assert stage.send(by_secret().plus(*stage.by_key().headers)).answer.status == 200
        assert issuer.fetches.total() == before

        assert [stage.send(stage.by_key()).answer.status for _ in range(5)] == [200] * 5
        assert issuer.fetches.total() == before + 2

        issuer.rotate()
        assert [stage.send(stage.by_key()).answer.status for _ in range(5)] == [200] * 5
        assert issuer.fetches.total() == before + 4

        forged = stage.by_key(key_id="forged", key=new_key())
        assert [stage.send(forged).answer.status for _ in range(5)] == [401] * 5
        assert issuer.fetches.total() == before + 4


BROKEN = """
import function.wiring

class Broken:
    def __init__(self, requests):
        pass

    async def publish(self, topic, message, *, timeout_s):
        raise RuntimeError(TEXT, message.data)

TEXT = "canary-of-an-error"

function.wiring.RetryingPublisher = Broken
"""


def test_row_23_an_unexpected_error_is_an_empty_500_and_its_stack_trace_quotes_no_data(
    entry_point: str, around: Surroundings, tmp_path: Path
) -> None:
    with around.stage(entry_point, tmp_path, {"DT_SIGNATURE_SECRET": SECRET}, variant(tmp_path, BROKEN)) as stage:
        outcome = stage.send(by_secret())
        (line,) = stage.function.lines_of(outcome.trace)
        output = stage.function.output()

    assert (outcome.answer.status, outcome.answer.body) == (500, b"")
    assert (line["severity"], line["reason"], line["status"]) == ("ERROR", "internal", 500)
    assert "RuntimeError" in line["stack_trace"]
    assert "in publish" in line["stack_trace"]
    assert "canary" not in output
    assert "Traceback" not in output
