"""receiver: the whole decision table, row by row, and that every 2xx is an acknowledged event.

The numbers of the rows are those of the design. The tests of the other modules have the refusals of those modules.
"""

import asyncio
import gc
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import (
    BodyIncomplete,
    KeysUnavailable,
    PublishMisconfigured,
    PublishRefused,
    PublishTransient,
    PublishUnacknowledged,
)
from function.http import Reply, Request
from function.log import Log
from function.message import Message
from function.receiver import LARGE_BODIES_BYTES, Receiver
from function.signature import ORIGINS, PublicKey
from function.verifier import OrganizationScheme, Scheme, SecretScheme, Verifier
from tests.emulators.events import PROJECT_ID, SAMPLES
from tests.function.builders import (
    ABSENT,
    ISSUER,
    NOW,
    OLD_SECRET,
    ORGANIZATION_ID,
    REJECTED_TOPIC,
    SECRET,
    TOPIC,
    WRONG_SECRET,
    body,
    event,
    key_token,
    request,
    secret_token,
    settings,
    sha256,
    signed,
    thorough,
)
from tests.function.fakes import FakeClock, FakeKeys, FakePublisher, FakeSecrets, run_skipping, slept_s

BODY = body()


@dataclass
class Relay:
    """A receiver with its fakes and its log."""

    publisher: FakePublisher = field(default_factory=FakePublisher)
    secrets: FakeSecrets = field(default_factory=lambda: FakeSecrets(SECRET, OLD_SECRET))
    keys: FakeKeys = field(default_factory=FakeKeys)
    environ: dict[str, str] = field(default_factory=dict)
    monotonic: Callable[[], float] = slept_s
    page: io.BytesIO = field(default_factory=io.BytesIO)

    async def receive(self, asked: Request) -> Reply:
        """Return the reply of the receiver."""
        return await self.receiver().receive(asked)

    def receiver(self) -> Receiver:
        """Return the receiver."""
        schemes: list[Scheme] = [
            SecretScheme(self.secrets),
            OrganizationScheme(ORGANIZATION_ID, ISSUER, self.keys),
        ]
        verifier = Verifier(schemes, now=FakeClock(), leeway_s=60)
        made = settings(LOG_LEVEL="DEBUG", **self.environ)
        log = Log(self.page, level=made.log_level, google_project="demo", monotonic=self.monotonic)
        return Receiver(made, verifier, self.publisher, log, now=FakeClock(), monotonic=self.monotonic)

    def answer(self, asked: Request) -> Reply:
        """Return the receiver's reply."""
        return run_skipping(self.receive(asked))

    @property
    def line(self) -> dict[str, Any]:
        """Return the only line of the log."""
        (text,) = self.page.getvalue().splitlines()
        line: dict[str, Any] = json.loads(text)
        return line

    @property
    def topics(self) -> list[str]:
        """Return the topics that have acknowledged a message."""
        return [topic for topic, _ in self.publisher.acknowledged]


def refused(relay: Relay, asked: Request, status: int, severity: str, reason: str) -> Reply:
    """Check the answer and the log line of a request, and that nothing of it was published."""
    reply = relay.answer(asked)
    assert relay.topics == []
    assert (reply.status, json.loads(reply.body)) == (status, {"error": reason})
    assert (relay.line["severity"], relay.line["reason"], relay.line["status"]) == (severity, reason, status)
    assert reply.headers.get("Retry-After") == ("5" if status == 503 else None)
    return reply


def kept(relay: Relay, asked: Request, content: bytes, severity: str, reason: str) -> dict[str, str]:
    """Check that a request was kept on the rejected topic and answered 200. Return the message's attributes."""
    reply = relay.answer(asked)
    ((topic, message),) = relay.publisher.acknowledged
    assert (topic, message.data) == (REJECTED_TOPIC, content)
    assert (reply.status, json.loads(reply.body)) == (200, {"messageId": "id-1", "topic": "rejected"})
    assert (relay.line["severity"], relay.line["reason"], relay.line["messageId"]) == (severity, reason, "id-1")
    assert (message.attributes["reason"], message.attributes["bodySha256"]) == (reason, sha256(content))
    return dict(message.attributes)


def delivered(relay: Relay, asked: Request, content: bytes, severity: str = "INFO") -> dict[str, str]:
    """Check that a request's event is on the main topic and answered 200. Return the message's attributes."""
    reply = relay.answer(asked)
    ((topic, message),) = relay.publisher.acknowledged
    assert (topic, message.data) == (TOPIC, content)
    assert (reply.status, json.loads(reply.body)) == (200, {"messageId": "id-1", "topic": "events"})
    assert (relay.line["severity"], relay.line.get("reason"), relay.line["messageId"]) == (severity, None, "id-1")
    return dict(message.attributes)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", ""])
def test_row_01_any_method_but_post_is_answered_405_even_if_it_is_signed(method: str) -> None:
    reply = refused(Relay(), signed(BODY, method=method), 405, "DEBUG", "method")
    assert reply.headers == {"Allow": "POST"}
    assert reply.is_early


async def unreadable(limit: int) -> bytes:
    raise AssertionError(limit)


@pytest.mark.parametrize("values", [[], [""], ["a", "b"], ["a" * 4097], ["a,b"]])
def test_row_02_an_unsigned_request_is_refused_and_its_body_is_never_read(values: list[str]) -> None:
    reply = refused(Relay(), Request("POST", {"x-dt-signature": values}, unreadable), 401, "INFO", "unsigned")
    assert reply.is_early


def test_row_02_a_scheme_that_is_not_configured_counts_as_absent() -> None:
    relay = Relay()
    log = Log(relay.page, level="INFO", google_project="demo", monotonic=slept_s)
    verifier = Verifier([SecretScheme(relay.secrets)], now=FakeClock(), leeway_s=60)
    receiver = Receiver(settings(), verifier, relay.publisher, log, now=FakeClock(), monotonic=slept_s)
    asked = Request("POST", {"dt-asymmetric-signature": [key_token(BODY)]}, unreadable)
    assert run_skipping(receiver.receive(asked)).status == 401
    assert relay.line["reason"] == "unsigned"


@pytest.mark.parametrize("limit", [len(BODY) - 1, 1])
def test_row_03_a_body_over_the_limit_is_refused(limit: int) -> None:
    relay = Relay(environ={"MAX_BODY_BYTES": str(limit)})
    assert refused(relay, signed(BODY), 413, "WARNING", "too_large").is_early


def test_row_03_a_body_of_exactly_the_limit_is_read() -> None:
    delivered(Relay(environ={"MAX_BODY_BYTES": str(len(BODY))}), signed(BODY), BODY)


def test_row_04_a_client_that_leaves_is_answered_408() -> None:
    async def leave(limit: int) -> bytes:
        raise BodyIncomplete(f"the client left before {limit}")

    asked = Request("POST", {"x-dt-signature": [secret_token(BODY)]}, leave)
    assert refused(Relay(), asked, 408, "INFO", "incomplete").is_early


@pytest.mark.parametrize(("stalled_s", "status"), [(2.9, 200), (3.1, 408), (10**9, 408)])
def test_row_04_a_client_that_stalls_for_over_three_seconds_is_answered_408(stalled_s: float, status: int) -> None:
    async def stall(limit: int) -> bytes:
        await asyncio.sleep(stalled_s)
        return BODY[:limit]

    relay = Relay()
    assert relay.answer(Request("POST", {"x-dt-signature": [secret_token(BODY)]}, stall)).status == status
    assert relay.line.get("reason") == (None if status == 200 else "incomplete")


@pytest.mark.parametrize("token", ["junk", "a.b.c", secret_token(BODY, WRONG_SECRET), key_token(BODY, sub="x")])
@pytest.mark.parametrize("header", ["x-dt-signature", "dt-asymmetric-signature"])
def test_row_05_a_bad_token_is_refused(header: str, token: str) -> None:
    reply = refused(Relay(), request(BODY, {header: token}), 401, "WARNING", "signature")
    assert not reply.is_early


@pytest.mark.parametrize("token", ["junk", secret_token(BODY, WRONG_SECRET)])
@pytest.mark.parametrize("header", ["x-dt-signature", "dt-asymmetric-signature"])
def test_row_05_a_bad_token_is_refused_and_its_body_is_never_read(header: str, token: str) -> None:
    refused(Relay(), Request("POST", {header: [token]}, unreadable), 401, "WARNING", "signature")


def test_row_06_a_valid_token_for_another_body_is_refused() -> None:
    asked = request(BODY + b" ", {"x-dt-signature": secret_token(BODY)})
    refused(Relay(), asked, 401, "ERROR", "checksum")


def test_row_07_a_request_without_available_secrets_is_answered_503() -> None:
    refused(Relay(secrets=FakeSecrets(fails=KeysUnavailable("no file"))), signed(BODY), 503, "CRITICAL", "keys")


def test_row_07_a_request_without_available_keys_is_answered_503() -> None:
    asked = request(BODY, {"dt-asymmetric-signature": key_token(BODY)})
    refused(Relay(keys=FakeKeys(fails=KeysUnavailable("no key set"))), asked, 503, "CRITICAL", "keys")


def test_row_07_the_body_is_never_read_without_secrets() -> None:
    asked = Request("POST", {"x-dt-signature": [secret_token(BODY)]}, unreadable)
    refused(Relay(secrets=FakeSecrets(fails=KeysUnavailable("no file"))), asked, 503, "CRITICAL", "keys")


def test_row_06_dts_own_key_may_prove_a_body_that_the_secrets_token_does_not() -> None:
    relay = Relay()
    tokens = {"x-dt-signature": secret_token(b"another"), "dt-asymmetric-signature": key_token(BODY)}
    delivered(relay, request(BODY, tokens), BODY)
    assert "secretIndex" not in relay.line


def test_row_08_a_token_from_the_future_is_answered_503() -> None:
    asked = request(BODY, {"x-dt-signature": secret_token(BODY, iat=NOW + 61)})
    refused(Relay(), asked, 503, "ERROR", "clock")


def test_row_09_an_expired_event_is_kept_with_all_known_fields() -> None:
    asked = request(BODY, {"x-dt-signature": secret_token(BODY, iat=NOW - 3660, exp=NOW - 60)})
    attributes = kept(Relay(), asked, BODY, "WARNING", "expired")
    assert attributes["eventType"] == "temperature"
    assert attributes["receivedAt"] == "2025-10-09T08:53:20Z"


@pytest.mark.parametrize("content", [b"", b"junk", b"[]", b"\xff", b'{"a": NaN}', b'{"a":' * 100_000])
def test_row_09_expired_has_precedence_over_the_other_faults_of_an_event(content: bytes) -> None:
    asked = request(content, {"x-dt-signature": secret_token(content, iat=NOW - 3660, exp=NOW - 60)})
    kept(Relay(environ={"MAX_BODY_BYTES": "900000"}), asked, content, "WARNING", "expired")


@pytest.mark.parametrize(
    "content",
    [b"", b"junk", b"[]", b"\xff\xfe", BODY.decode().encode("utf-16"), b'{"a": NaN}', b'{"a":' + b"[" * 200],
)
def test_row_10_a_body_that_is_not_a_json_object_is_kept_unchanged(content: bytes) -> None:
    attributes = kept(Relay(), signed(content), content, "ERROR", "malformed")
    assert set(attributes) == {"contract", "reason", "receivedAt", "bodySha256"}


@pytest.mark.parametrize("name", ["eventId", "eventType", "targetName"])
@pytest.mark.parametrize("value", [ABSENT, None, "", 5, "\ud800"])
def test_row_11_an_event_without_an_envelope_is_kept_with_its_known_fields(name: str, value: Any) -> None:
    content = json.dumps(event(**{name: value})).encode()
    attributes = kept(Relay(), signed(content), content, "ERROR", "no_envelope")
    assert attributes["deviceId"] == "emu0007dr2b5vjs7396g"
    assert name not in attributes


@pytest.mark.parametrize("allowed", ["other", f"{PROJECT_ID}x,{PROJECT_ID.upper()}"])
def test_row_12_an_event_of_another_project_is_kept(allowed: str) -> None:
    relay = Relay(environ={"DT_PROJECT_IDS": allowed})
    assert kept(relay, signed(BODY), BODY, "WARNING", "foreign_project")["projectId"] == PROJECT_ID


def test_row_12_an_event_of_an_allowed_project_is_delivered() -> None:
    delivered(Relay(environ={"DT_PROJECT_IDS": f"other,{PROJECT_ID}"}), signed(BODY), BODY)


def test_row_12_the_metadata_cannot_move_an_event_into_an_allowed_project() -> None:
    content = json.dumps({**event(targetName="projects/p/devices/d"), "metadata": {"projectId": PROJECT_ID}}).encode()
    kept(Relay(environ={"DT_PROJECT_IDS": PROJECT_ID}), signed(content), content, "WARNING", "foreign_project")


STRANGE = {
    "an unknown type": event(eventType="radiation", data={"radiation": {}}),
    "an unknown member": {**event(), "version": 2, "event": {**event()["event"], "trace": "x"}},
    "labels null": {**event(), "labels": None},
    "metadata null": {**event(), "metadata": None},
    "neither labels nor metadata": {"event": event()["event"]},
    "no time": event(timestamp=ABSENT),
}


@pytest.mark.parametrize("whole", STRANGE.values(), ids=STRANGE)
def test_row_13_an_event_with_added_or_missing_members_is_delivered_unchanged(whole: dict[str, Any]) -> None:
    content = json.dumps(whole, indent=1).encode()
    delivered(Relay(), signed(content), content)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"temperature": {"value": "warm", "updateTime": "2026-01-01T00:00:00Z"}}, ".temperature.value"),
        ({"temperature": {"value": 1, "updateTime": "\ud800"}}, ".temperature"),
        (None, ""),
    ],
)
def test_row_14_data_that_contradict_their_type_are_delivered_with_the_path(data: object, path: str) -> None:
    content = json.dumps(event(data=data)).encode()
    relay = Relay()
    attributes = delivered(relay, signed(content), content, "WARNING")
    assert attributes["schemaViolation"] == relay.line["schemaViolation"] == f"$.event.data{path}"


def test_row_15_a_duplicate_is_delivered_again() -> None:
    relay = Relay()
    replies = [relay.answer(signed(BODY)) for _ in range(2)]
    assert [json.loads(reply.body)["messageId"] for reply in replies] == ["id-1", "id-2"]
    assert relay.topics == [TOPIC, TOPIC]


def test_row_16_an_attribute_over_the_limit_is_cut_and_the_body_is_complete() -> None:
    content = json.dumps({**event(), "labels": {"room": "ø" * 600}}).encode()
    relay = Relay(environ={"LABEL_ATTRIBUTES": "room"})
    assert delivered(relay, signed(content), content, "WARNING")["label.room"] == "ø" * 512
    assert relay.line["cutAttributes"] == ["label.room"]


@pytest.mark.parametrize("event_type", SAMPLES)
def test_row_17_a_valid_event_is_delivered(event_type: str) -> None:
    content = body(event_type)
    relay = Relay()
    assert delivered(relay, signed(content), content)["eventType"] == event_type
    assert (relay.line["eventType"], relay.line["secretIndex"]) == (event_type, 0)


def test_row_17_the_index_of_an_older_secret_is_logged() -> None:
    relay = Relay()
    delivered(relay, request(BODY, {"x-dt-signature": secret_token(BODY, OLD_SECRET)}), BODY)
    assert relay.line["secretIndex"] == 1


def test_row_17_an_event_that_dts_own_key_proves_is_delivered() -> None:
    relay = Relay()
    delivered(relay, request(BODY, {"dt-asymmetric-signature": key_token(BODY)}), BODY)
    assert "secretIndex" not in relay.line


def test_row_17_a_trace_is_passed_on_and_logged() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    relay = Relay()
    assert delivered(relay, signed(BODY, traceparent=trace), BODY)["traceparent"] == trace
    assert relay.line["logging.googleapis.com/spanId"] == "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("error", "severity", "reason"),
    [
        pytest.param(PublishTransient("UNAVAILABLE"), "WARNING", "publish", id="row 18"),
        pytest.param(PublishMisconfigured("NOT_FOUND"), "CRITICAL", "publish_config", id="row 19"),
        pytest.param(PublishUnacknowledged("0 ids"), "ERROR", "publish", id="row 22"),
    ],
)
def test_rows_18_19_22_an_event_that_the_main_topic_does_not_acknowledge_is_answered_503_and_not_kept(
    error: Exception, severity: str, reason: str
) -> None:
    relay = Relay(publisher=FakePublisher({TOPIC: error}))
    refused(relay, signed(BODY), 503, severity, reason)
    assert len(relay.publisher.timeouts_s) == 1


def test_row_20_an_event_that_the_main_topic_calls_invalid_is_kept() -> None:
    relay = Relay(publisher=FakePublisher({TOPIC: PublishRefused("INVALID_ARGUMENT")}))
    assert kept(relay, signed(BODY), BODY, "ERROR", "invalid_argument")["eventType"] == "temperature"
    assert relay.line["detail"] == "INVALID_ARGUMENT"


class Picky(FakePublisher):
    """Topics that call every message with one of these attributes invalid."""

    def __init__(self, *attributes: str) -> None:
        super().__init__()
        self.attributes = set(attributes)
        self.tried: list[str] = []

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Acknowledge, or refuse."""
        self.tried.append(topic)
        if self.attributes & message.attributes.keys():
            raise PublishRefused("INVALID_ARGUMENT")
        return await super().publish(topic, message, timeout_s=timeout_s)


def test_row_20_an_event_with_an_attribute_that_no_topic_accepts_is_kept_without_its_attributes() -> None:
    publisher = Picky("label.name")
    relay = Relay(publisher=publisher, environ={"LABEL_ATTRIBUTES": "name"})
    attributes = kept(relay, signed(BODY), BODY, "ERROR", "invalid_argument")
    assert attributes.keys() == {"contract", "reason", "receivedAt", "bodySha256"}
    assert "label.name" in relay.line["cutAttributes"]
    assert relay.line["eventId"] == event()["event"]["eventId"]
    assert publisher.tried == [TOPIC, REJECTED_TOPIC, REJECTED_TOPIC]


def test_row_12_a_foreign_event_with_an_attribute_that_no_topic_accepts_is_kept_without_its_attributes() -> None:
    relay = Relay(publisher=Picky("eventId"), environ={"DT_PROJECT_IDS": "another"})
    attributes = kept(relay, signed(BODY), BODY, "WARNING", "foreign_project")
    assert attributes.keys() == {"contract", "reason", "receivedAt", "bodySha256"}


def test_row_21_a_message_that_is_also_refused_without_its_attributes_is_not_tried_again() -> None:
    publisher = Picky("reason", "label.name")
    refused(
        Relay(publisher=publisher, environ={"LABEL_ATTRIBUTES": "name"}),
        signed(BODY),
        503,
        "CRITICAL",
        "publish_rejected",
    )
    assert publisher.tried == [TOPIC, REJECTED_TOPIC, REJECTED_TOPIC]


@pytest.mark.parametrize("error", [PublishTransient, PublishMisconfigured, PublishRefused, PublishUnacknowledged])
@pytest.mark.parametrize("content", [BODY, b"junk"])
def test_row_21_an_event_is_answered_503_if_the_rejected_topic_fails_too(
    error: type[Exception], content: bytes
) -> None:
    failing = FakePublisher({TOPIC: PublishRefused("INVALID_ARGUMENT"), REJECTED_TOPIC: error("why")})
    relay = Relay(publisher=failing)
    refused(relay, signed(content), 503, "CRITICAL", "publish_rejected")
    assert relay.line["detail"] == "why"


@pytest.mark.parametrize("content", [BODY, b"junk"])
def test_row_23_an_unexpected_error_is_answered_500_without_a_body(content: bytes) -> None:
    failing = FakePublisher(dict.fromkeys((TOPIC, REJECTED_TOPIC), ZeroDivisionError(SECRET)))
    relay = Relay(publisher=failing)
    reply = relay.answer(signed(content))
    assert (reply.status, reply.body, dict(reply.headers)) == (500, b"", {})
    assert (relay.line["severity"], relay.line["reason"]) == ("ERROR", "internal")
    assert relay.line["stack_trace"].endswith("ZeroDivisionError")
    assert SECRET.encode() not in relay.page.getvalue()


def sent_by(origin: object, content: bytes = BODY, **claims: Any) -> Request:
    """Return a request of an operator."""
    return request(content, {"x-dt-signature": secret_token(content, origin=origin, **claims)})


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    ("content", "severity"), [(BODY, "INFO"), (body(data={"temperature": {"value": "warm"}}), "WARNING")]
)
def test_row_17_an_event_that_an_operator_sends_is_delivered_and_says_so(
    origin: str, content: bytes, severity: str
) -> None:
    relay = Relay()
    assert delivered(relay, sent_by(origin, content), content, severity)["origin"] == origin
    assert relay.line["origin"] == origin


OLD: dict[str, Any] = {"iat": NOW - 3660, "exp": NOW - 60}
UNUSABLE: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "row 9": (BODY, OLD, "expired"),
    "row 9 and 10": (b"junk", OLD, "expired"),
    "row 10": (b"junk", {}, "malformed"),
    "row 11": (body(eventId=ABSENT), {}, "no_envelope"),
    "row 12": (body(targetName="projects/another/devices/d"), {}, "foreign_project"),
}


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(("content", "claims", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_row_24_an_unusable_event_that_an_operator_sends_is_refused_with_its_reason_and_no_topic_is_tried(
    origin: str, content: bytes, claims: dict[str, Any], reason: str
) -> None:
    relay = Relay(environ={"DT_PROJECT_IDS": PROJECT_ID})
    reply = refused(relay, sent_by(origin, content, **claims), 422, "WARNING", reason)
    assert relay.publisher.timeouts_s == []
    assert relay.line["origin"] == origin
    assert (dict(reply.headers), reply.is_early) == ({}, False)


def test_row_24_an_operators_event_that_the_main_topic_calls_invalid_is_refused_and_not_kept() -> None:
    publisher = Picky("label.name")
    relay = Relay(publisher=publisher, environ={"LABEL_ATTRIBUTES": "name"})
    refused(relay, sent_by("replay"), 422, "WARNING", "invalid_argument")
    assert publisher.tried == [TOPIC]
    assert relay.line["detail"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("origin", [None, True, 1, "", "live", "Replay", ["replay"], {"replay": 1}])
def test_row_05_an_origin_of_no_command_is_a_malformed_token(origin: object) -> None:
    refused(Relay(), sent_by(origin), 401, "WARNING", "signature")


@pytest.mark.parametrize("origin", ["replay", "live", None, []])
def test_row_10_an_origin_that_dts_own_key_has_signed_changes_nothing(origin: object) -> None:
    relay = Relay()
    asked = request(b"junk", {"dt-asymmetric-signature": key_token(b"junk", origin=origin)})
    assert "origin" not in kept(relay, asked, b"junk", "ERROR", "malformed")
    assert "origin" not in relay.line


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [(PublishTransient("UNAVAILABLE"), 503, "publish"), (PublishMisconfigured("NOT_FOUND"), 503, "publish_config")],
)
def test_rows_18_19_an_operators_event_that_is_not_acknowledged_is_put_off_as_any_other(
    error: Exception, status: int, reason: str
) -> None:
    relay = Relay(publisher=FakePublisher({TOPIC: error}))
    refused(relay, sent_by("backfill"), status, "WARNING" if reason == "publish" else "CRITICAL", reason)
    assert relay.line["origin"] == "backfill"


def test_every_row_of_the_design_has_its_test() -> None:
    named = [name.split("_")[2:5] for name in globals() if name.startswith(("test_row_", "test_rows_"))]
    assert {int(word) for words in named for word in words if word.isdecimal()} == set(range(1, 25))


def test_a_request_that_is_cancelled_stays_cancelled() -> None:
    async def leave() -> None:
        relay = Relay()
        relay.publisher.slow_s = 1
        task = asyncio.create_task(relay.receive(signed(BODY)))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert relay.topics == []

    run_skipping(leave())


async def took_s(relay: Relay, asked: Request) -> float:
    await relay.receive(asked)
    return slept_s()


def slow_request(body_s: float, **headers: str) -> Request:
    async def read(limit: int) -> bytes:
        await asyncio.sleep(body_s)
        return BODY[:limit]

    return Request("POST", {name.replace("_", "-"): [value] for name, value in headers.items()}, read)


@pytest.mark.parametrize("body_s", [0.0, 2.9])
@pytest.mark.parametrize("is_main_refusing", [True, False])
def test_every_answer_leaves_within_seven_seconds_however_slow_the_body_and_the_topics_are(
    body_s: float, *, is_main_refusing: bool
) -> None:
    errors = {
        TOPIC: PublishRefused("") if is_main_refusing else PublishTransient(""),
        REJECTED_TOPIC: PublishTransient(""),
    }
    relay = Relay(publisher=FakePublisher(errors), environ={"PUBLISH_TIMEOUT_SECONDS": "6.5"})
    relay.publisher.slow_s = 100
    assert run_skipping(took_s(relay, slow_request(body_s, x_dt_signature=secret_token(BODY)))) <= 7.0
    assert max(relay.publisher.timeouts_s) <= 6.5
    assert sum(relay.publisher.timeouts_s) <= 7.0 - body_s + 0.001


class HangingSecrets(FakeSecrets):
    """Secrets that never arrive."""

    async def secrets(self) -> list[bytes]:
        """Wait for ever."""
        await asyncio.sleep(1e6)
        return []


@dataclass
class Bodies:
    """Large bodies that arrive slowly, and the maximum number of them that are read at once."""

    most: int = 0
    now: int = 0

    def request(self, announced: str, *, seconds: float = 0.5) -> Request:
        """Return a request that announces this many bytes, or a chunked one."""

        async def read(limit: int) -> bytes:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(seconds)
            self.now -= 1
            return BODY[:limit]

        headers = {"x-dt-signature": [secret_token(BODY)], "content-length": [announced] if announced else []}
        return Request("POST", headers, read)


async def statuses_of(relay: Relay, *asked: Request) -> list[int]:
    receiver = relay.receiver()
    return [reply.status for reply in await asyncio.gather(*(receiver.receive(one) for one in asked))]


LARGEST = {"MAX_BODY_BYTES": "9000000"}


@pytest.mark.parametrize(("announced", "most"), [("9000000", 3), ("", 3), ("junk", 3), ("5000000", 5), ("262145", 12)])
def test_large_bodies_take_turns_so_that_memory_is_bounded(announced: str, most: int) -> None:
    bodies, relay = Bodies(), Relay(environ=LARGEST)

    assert run_skipping(statuses_of(relay, *(bodies.request(announced) for _ in range(12)))) == [200] * 12
    assert bodies.most == most


@pytest.mark.parametrize(("announced", "environ"), [("262144", LARGEST), ("0", LARGEST), ("262144", {}), ("", {})])
def test_bodies_of_the_usual_size_do_not_wait(announced: str, environ: dict[str, str]) -> None:
    bodies, relay = Bodies(), Relay(environ=environ)

    assert run_skipping(statuses_of(relay, *(bodies.request(announced) for _ in range(120)))) == [200] * 120
    assert bodies.most == 120


def test_a_large_body_that_does_not_fit_is_answered_503_in_time() -> None:
    async def main() -> tuple[list[int], float]:
        bodies = Bodies()
        return await statuses_of(relay, *(bodies.request("9000000", seconds=2.9) for _ in range(9))), slept_s()

    relay = Relay(environ=LARGEST)
    statuses, seconds = run_skipping(main())
    assert sorted(statuses) == [200] * 6 + [503] * 3
    assert seconds <= 7.0
    assert b"put off: too many large bodies at once: no room for a body of up to 9000000 bytes" in relay.page.getvalue()


def test_eighty_concurrent_events_above_the_usual_size_are_all_delivered() -> None:
    bodies, relay = Bodies(), Relay(environ=LARGEST)
    asked = [bodies.request("330000", seconds=2) for _ in range(80)]

    assert run_skipping(statuses_of(relay, *asked)) == [200] * 80
    assert bodies.most == 80


def test_a_large_body_gives_its_bytes_back_however_its_request_ends() -> None:
    async def main() -> list[list[int]]:
        receiver_of = Relay(environ=LARGEST)
        receiver = receiver_of.receiver()
        ends = []
        for _ in range(5):
            bodies = [Bodies().request("9000000", seconds=9) for _ in range(LARGE_BODIES_BYTES // 9_000_000)]
            ends.append([reply.status for reply in await asyncio.gather(*(receiver.receive(one) for one in bodies))])
        return ends

    assert run_skipping(main()) == [[408] * 3] * 5


def test_secrets_that_never_arrive_time_out_and_the_answer_leaves_in_time() -> None:
    relay = Relay(secrets=HangingSecrets())

    assert run_skipping(took_s(relay, slow_request(2.9, x_dt_signature=secret_token(BODY)))) <= 7.0
    assert (relay.line["reason"], relay.line["status"]) == ("keys", 503)
    assert relay.line["detail"] == "no secrets or keys within 2.5 s"


class HangingKeys(FakeKeys):
    """Keys that never arrive."""

    async def key(self, key_id: str) -> PublicKey:
        """Wait for ever."""
        del key_id
        await asyncio.sleep(1e6)
        raise KeysUnavailable("never")


def test_the_wait_of_a_large_body_is_taken_from_the_time_for_keys() -> None:
    async def main() -> tuple[int, float]:
        others = asyncio.gather(*(receiver.receive(Bodies().request("9000000", seconds=2.9)) for _ in range(3)))
        await asyncio.sleep(0.01)
        asked = slow_request(
            2.9,
            x_dt_signature=secret_token(b"another body"),
            dt_asymmetric_signature=key_token(BODY),
            content_length="9000000",
        )
        began_at = slept_s()
        reply = await receiver.receive(asked)
        ended_at = slept_s()
        await others
        return reply.status, ended_at - began_at

    receiver = Relay(keys=HangingKeys(), environ=LARGEST).receiver()
    status, seconds = run_skipping(main())
    assert status == 503
    assert seconds == pytest.approx(7.0)


class SlowAtFirst(FakeSecrets):
    """Secrets that take long the first time."""

    async def secrets(self) -> list[bytes]:
        """Return the secrets."""
        if not self.asked:
            self.asked.append("secrets")
            await asyncio.sleep(2.4)
        return await super().secrets()


def test_the_waits_for_secrets_and_for_the_budget_are_taken_from_the_time_for_a_large_body() -> None:
    async def main() -> tuple[int, float]:
        headers = {"x_dt_signature": secret_token(BODY), "content_length": "9000000"}
        asked = asyncio.create_task(receiver.receive(slow_request(9, **headers)))
        await asyncio.sleep(2.3)
        others = asyncio.gather(*(receiver.receive(Bodies().request("9000000", seconds=2.9)) for _ in range(3)))
        reply = await asked
        ended_at = slept_s()
        await others
        return reply.status, ended_at

    receiver = Relay(secrets=SlowAtFirst(), environ=LARGEST).receiver()
    status, seconds = run_skipping(main())
    assert status == 408
    assert seconds == pytest.approx(7.0)


def test_a_publish_has_the_configured_timeout() -> None:
    relay = Relay()
    relay.answer(signed(BODY))
    assert relay.publisher.timeouts_s == [4.0]
    assert relay.line["publishMs"] == 0


def test_the_logged_publish_time_does_not_include_earlier_steps() -> None:
    relay = Relay()
    relay.publisher.slow_s = 1.5
    run_skipping(relay.receive(slow_request(2.0, x_dt_signature=secret_token(BODY))))
    assert relay.line["publishMs"] == 1500


def test_a_kept_event_has_its_trace() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    attributes = kept(Relay(), signed(b"junk", traceparent=trace), b"junk", "ERROR", "malformed")
    assert attributes["traceparent"] == trace


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (signed(BODY, method="GET"), "only POST is answered"),
        (slow_request(9, x_dt_signature=secret_token(BODY)), "no whole body within 3.0 s"),
        (
            request(BODY, {"x-dt-signature": secret_token(BODY, iat=NOW - 300, exp=NOW - 200)}),
            "the token has expired",
        ),
        (signed(BODY), f"project {PROJECT_ID}"),
    ],
)
def test_the_error_says_what_is_wrong(asked: Request, words: str) -> None:
    relay = Relay(environ={"DT_PROJECT_IDS": "another"})
    relay.answer(asked)
    assert relay.line["detail"] == words


def test_the_publish_time_is_logged_even_if_the_publish_failed() -> None:
    relay = Relay(publisher=FakePublisher({TOPIC: PublishTransient("")}))
    relay.publisher.slow_s = 1.5
    relay.answer(signed(BODY))
    assert relay.line["publishMs"] == 1500


TOKENS = {"x-dt-signature": secret_token(BODY), "dt-asymmetric-signature": key_token(BODY)}


@pytest.mark.parametrize("header", TOKENS)
@given(data=st.data())
@thorough
def test_one_changed_bit_of_token_or_body_is_never_2xx_and_publishes_nothing(header: str, data: st.DataObject) -> None:
    token = TOKENS[header].encode()
    flipped = bytearray(token + BODY)
    bit = data.draw(st.integers(0, 8 * len(flipped) - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    relay = Relay()
    text, content = flipped[: len(token)].decode("latin-1"), bytes(flipped[len(token) :])
    assert relay.answer(request(content, {header: text})).status == 401
    assert relay.topics == []


@given(
    content=st.one_of(st.binary(max_size=300), st.just(BODY)),
    secret=st.sampled_from([SECRET, WRONG_SECRET]),
    origin=st.sampled_from([None, "replay", "backfill", "live"]),
    is_main_down=st.booleans(),
    is_rejected_down=st.booleans(),
)
@thorough
def test_every_2xx_is_an_acknowledged_event(
    content: bytes,
    secret: str,
    *,
    origin: str | None,
    is_main_down: bool,
    is_rejected_down: bool,
) -> None:
    down = {TOPIC: is_main_down, REJECTED_TOPIC: is_rejected_down}
    relay = Relay(publisher=FakePublisher({topic: PublishTransient("") for topic, is_down in down.items() if is_down}))
    claims = {"origin": origin} if origin else {}
    reply = relay.answer(request(content, {"x-dt-signature": secret_token(content, secret, **claims)}))
    assert (reply.status == 200) == (len(relay.publisher.acknowledged) == 1)
    assert all(message.data == content for _, message in relay.publisher.acknowledged)
    assert relay.topics == [] or secret == SECRET
    assert origin is None or REJECTED_TOPIC not in relay.topics


@pytest.mark.parametrize(
    ("asked", "status"), [(signed(b"not JSON"), 200), (sent_by("replay", b"not JSON"), 422)], ids=["kept", "refused"]
)
def test_unusable_events_leave_no_reference_cycle_that_keeps_their_bodies_in_memory(
    asked: Request, status: int
) -> None:
    relay = Relay()
    receiver = relay.receiver()

    async def answer(count: int) -> int:
        gc.collect()
        for _ in range(count):
            assert (await receiver.receive(asked)).status == status
        return gc.collect()

    gc.disable()
    try:
        assert asyncio.run(answer(100)) < 100
    finally:
        gc.enable()
