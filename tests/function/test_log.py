"""log: one JSON line per request, with the known fields and without secrets."""

import errno
import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from function.errors import Expired, Malformed, PublishTransient, Unsigned
from function.event import parse_body, read_envelope
from function.log import Log, RequestContext, Stream, dropped_line, traceparent
from function.message import Message
from function.outcomes import BY_ERROR, BY_ERROR_WITH_ORIGIN, DELIVERED, DELIVERED_WITH_WARNING, INTERNAL, Outcome
from function.settings import SEVERITIES, Severity
from tests.function.builders import SECRET, body, request, secret_token
from tests.function.fakes import FakeClock, Page

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def context(**headers: str) -> RequestContext:
    return RequestContext(request(body(), headers))


def test_the_line_of_a_delivered_event_has_all_its_fields() -> None:
    known = context()
    known.envelope = read_envelope(parse_body(body()))
    known.secret_index, known.message_id, known.publish_ms = 0, "id-1", 12.3456
    known.origin = "replay"
    known.message = Message(b"", {"schemaViolation": "$.event.data"}, cut=("label.room",))
    assert Page().line(known) == {
        "severity": "INFO",
        "message": "delivered temperature of emu0007dr2b5vjs7396g by replay",
        "status": 200,
        "eventId": known.envelope.event_id,
        "eventType": "temperature",
        "deviceId": "emu0007dr2b5vjs7396g",
        "secretIndex": 0,
        "origin": "replay",
        "publishMs": 12.35,
        "messageId": "id-1",
        "schemaViolation": "$.event.data",
        "cutAttributes": ["label.room"],
    }


def test_unknown_fields_are_not_written() -> None:
    error = Unsigned("no header")
    line = Page().line(context(), BY_ERROR[Unsigned], error)
    assert line == {
        "severity": "INFO",
        "message": "refused: no signature: no header",
        "reason": "unsigned",
        "status": 401,
        "detail": "no header",
    }


def test_each_line_ends_with_its_only_line_break() -> None:
    page = Page()
    known = context()
    known.envelope = structs.replace(known.envelope, event_id="a\nb\u2028\ud800")
    page.log.request(known, DELIVERED)
    written = page.stream.getvalue()
    assert written.isascii()
    assert written.endswith(b"}\n")
    assert len(written.splitlines()) == 1


@pytest.mark.parametrize("level", SEVERITIES)
def test_lines_below_the_level_are_not_written(level: Severity) -> None:
    page = Page(level)
    for severity in SEVERITIES:
        page.log.request(context(), replace(DELIVERED, severity=severity))
    assert [line["severity"] for line in page.lines] == list(SEVERITIES[SEVERITIES.index(level) :])


def test_a_problem_beside_the_requests_is_critical_and_logged_at_every_level() -> None:
    page = Page("CRITICAL")
    page.log.problem("the secret file cannot be read")
    assert page.lines == [{"severity": "CRITICAL", "message": "the secret file cannot be read"}]


def test_an_expected_error_has_its_detail_and_no_stack() -> None:
    line = Page().line(context(), BY_ERROR[PublishTransient], PublishTransient("UNAVAILABLE: try again"))
    assert line["detail"] == "UNAVAILABLE: try again"
    assert "stack_trace" not in line


def test_an_error_without_text_has_no_detail() -> None:
    assert "detail" not in Page().line(context(), BY_ERROR[PublishTransient], PublishTransient(""))


def test_the_stack_of_an_unexpected_error_is_written_without_its_text() -> None:
    def fail() -> None:
        raise KeyError(SECRET)

    try:
        fail()
    except KeyError as error:
        line = Page().line(context(), INTERNAL, error)
    frames = [frame for frame in line["stack_trace"].splitlines() if "File" in frame]
    assert [frame.startswith('  File "') for frame in frames] == [True, True]
    assert "in fail" in frames[1]
    assert line["stack_trace"].endswith("KeyError")
    assert "detail" not in line
    assert SECRET not in json.dumps({**line, "stack_trace": line["stack_trace"].replace("raise KeyError(SECRET)", "")})


def test_no_token_and_no_body_is_ever_written() -> None:
    page = Page()
    token = secret_token(body())
    for outcome in (*BY_ERROR.values(), DELIVERED, INTERNAL):
        page.log.request(context(**{"x-dt-signature": token, "authorization": token}), outcome)
    assert len(page.lines) == len(BY_ERROR) + 2
    for part in (*token.split("."), "targetName", "24.9"):
        assert part.encode() not in page.stream.getvalue()


@pytest.mark.parametrize(
    ("headers", "span"),
    [
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, SPAN),
        ({"traceparent": f"00-{TRACE}-{SPAN}-00", "x-cloud-trace-context": "f" * 32}, SPAN),
        ({"x-cloud-trace-context": f"{TRACE}/255;o=1"}, "00000000000000ff"),
        ({"x-cloud-trace-context": f"{TRACE}/18446744073709551615"}, "f" * 16),
        ({"x-cloud-trace-context": TRACE}, None),
        ({"x-cloud-trace-context": f"{TRACE}/1", "traceparent": "junk"}, "0" * 15 + "1"),
        ({"traceparent": f"01-{TRACE}-{SPAN}-01"}, SPAN),
        ({"traceparent": f"fe-{TRACE}-{SPAN}-ff-more-{'x' * 99}"}, SPAN),
        ({"x-cloud-trace-context": f"{TRACE}/x"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/0;o=1"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/-1;o=1"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/{SPAN};o=1"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/18446744073709551616;o=1"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/{'9' * 5000};o=1"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/1/2;o=1;x=2"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/000000000000000000255"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/00000000000000000255"}, "00000000000000ff"),
    ],
)
def test_a_trace_is_written_in_the_form_of_cloud_logging(headers: dict[str, str], span: str | None) -> None:
    line = Page().line(context(**headers))
    assert line["logging.googleapis.com/trace"] == f"projects/demo/traces/{TRACE}"
    assert line.get("logging.googleapis.com/spanId") == span


@pytest.mark.parametrize("header", ["traceparent", "x-cloud-trace-context"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "junk",
        TRACE[:-1],
        TRACE.upper(),
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        "{}" * 500,
    ],
)
def test_a_malformed_trace_is_left_out(header: str, value: str) -> None:
    line = Page().line(context(**{header: value}))
    assert not [name for name in line if name.startswith("logging.")]


def test_the_execution_id_is_a_label_of_the_line() -> None:
    line = Page().line(context(**{"function-execution-id": "abc123"}))
    assert line["logging.googleapis.com/labels"] == {"execution_id": "abc123"}


def test_only_a_well_formed_traceparent_is_passed_on() -> None:
    whole = f"00-{TRACE}-{SPAN}-01"
    assert traceparent(request(b"", {"traceparent": whole})) == whole
    random = f"00-{TRACE}-{SPAN}-03"  # https://www.w3.org/TR/trace-context-2/#random-trace-id-flag
    assert traceparent(request(b"", {"traceparent": random})) == random
    assert traceparent(request(b"", {"traceparent": whole + "-extra"})) is None
    assert traceparent(request(b"", {"traceparent": f"00-{TRACE}-{'0' * 16}-01"})) is None
    assert traceparent(request(b"", {"traceparent": []})) is None
    assert traceparent(request(b"", {})) is None


@pytest.mark.parametrize(
    ("newer", "as_known"),
    [
        (f"01-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"),
        (f"02-{TRACE}-{SPAN}-02-and-more", f"00-{TRACE}-{SPAN}-00"),
        (f"fe-{TRACE}-{SPAN}-ff-", f"00-{TRACE}-{SPAN}-01"),
    ],
)
def test_a_newer_traceparent_is_passed_on_as_version_00(newer: str, as_known: str) -> None:
    assert traceparent(request(b"", {"traceparent": newer})) == as_known


ODD = Message(b"", {"schemaViolation": "$.event.data.temperature"}, cut=("label.room",))
SEEN = structs.replace(read_envelope(parse_body(body())), event_type="temperature", device_id="emu1")


@pytest.mark.parametrize(
    ("outcome", "error", "message"),
    [
        (DELIVERED, None, "delivered temperature of emu1"),
        (
            DELIVERED_WITH_WARNING,
            None,
            f"{DELIVERED_WITH_WARNING.message}: temperature of emu1: $.event.data.temperature: cut label.room",
        ),
        (
            BY_ERROR[Expired],
            Expired("its time is over"),
            f"{BY_ERROR[Expired].message}: temperature of emu1: its time",
        ),
        (
            BY_ERROR[PublishTransient],
            PublishTransient("UNAVAILABLE"),
            "put off: Pub/Sub did not acknowledge: temperature of emu1: UNAVAILABLE",
        ),
        (INTERNAL, ZeroDivisionError(SECRET), "failed: an unforeseen error: temperature of emu1: ZeroDivisionError"),
    ],
)
def test_the_message_of_a_line_says_the_result_and_the_event(
    outcome: Outcome, error: Exception | None, message: str
) -> None:
    known = RequestContext(
        request(body(), {}), envelope=SEEN, message=ODD if outcome is DELIVERED_WITH_WARNING else None
    )
    assert Page().line(known, outcome, error)["message"].startswith(message)


def test_the_message_of_a_refused_request_of_an_operator_names_its_command_even_without_an_event() -> None:
    known = context()
    known.origin = "backfill"
    line = Page().line(known, BY_ERROR_WITH_ORIGIN[Malformed], Malformed("not one JSON object in UTF-8"))
    assert line["message"] == "refused: no JSON object: event by backfill: not one JSON object in UTF-8"
    assert (line["severity"], line["status"], line["reason"]) == ("WARNING", 422, "malformed")


@pytest.mark.parametrize(
    ("event_type", "device_id", "message"),
    [
        ("temperature", None, "delivered temperature"),
        (None, "emu1", "delivered event of emu1"),
        (None, None, "delivered"),
        ("x" * 99, "y" * 99, f"delivered {'x' * 64} of {'y' * 64}"),
        ("a\n\x1b[2J", "b\u202e", "delivered a??[2J of b?"),
    ],
)
def test_the_message_of_a_line_is_short_and_cannot_control_a_terminal(
    event_type: str | None, device_id: str | None, message: str
) -> None:
    known = context()
    known.envelope = structs.replace(SEEN, event_type=event_type, device_id=device_id)
    assert Page().line(known)["message"] == message


def test_the_message_of_a_line_has_the_beginning_of_a_long_detail_and_all_cut_attributes() -> None:
    known = RequestContext(request(body(), {}), message=Message(b"", {}, cut=("label.room", "label.floor")))
    line = Page().line(known, BY_ERROR[PublishTransient], PublishTransient("x" * 999))
    assert line["message"] == f"put off: Pub/Sub did not acknowledge: {'x' * 200}: cut label.room, label.floor"
    assert line["detail"] == "x" * 999


def test_every_field_that_is_copied_from_the_event_is_truncated() -> None:
    known = context(**{"function-execution-id": "x" * 65})
    known.envelope = structs.replace(SEEN, event_id="i" * 1025, event_type="t" * 1025, device_id="d" * 1025)
    line = Page().line(known, BY_ERROR[PublishTransient], PublishTransient("e" * 1025))
    assert [len(line[name]) for name in ("eventId", "eventType", "deviceId", "detail")] == [1024] * 4
    assert line["logging.googleapis.com/labels"] == {"execution_id": "x" * 64}


def test_a_stack_shows_the_last_five_causes_of_a_long_chain_in_order() -> None:
    error: Exception = KeyError(0)
    for kind in (IndexError, OSError, TypeError, ValueError, LookupError, ArithmeticError, RuntimeError):
        effect = kind()
        effect.__cause__ = error
        error = effect
    assert Page().line(context(), INTERNAL, error)["stack_trace"].split("\nled to:\n") == [
        *("OSError", "TypeError", "ValueError", "LookupError", "ArithmeticError", "RuntimeError"),
    ]


def test_a_deep_stack_shows_the_frames_next_to_the_error() -> None:
    def deep(depth: int) -> int:
        return deep(depth - 1) if depth else innermost()

    def innermost() -> int:
        raise ZeroDivisionError

    try:
        deep(200)
    except ZeroDivisionError as error:
        stack = Page().line(context(), INTERNAL, error)["stack_trace"]
    assert "in innermost" in stack
    assert "[Previous line repeated 46 more times]" in stack, (
        "which is 50 frames, three of them written out and one more"
    )
    assert "in test_of_a_deep_stack" not in stack


def test_the_message_of_a_sampled_reason_says_how_many_lines_were_left_out() -> None:
    page = Page()
    for seconds in (0, 0, 0, 2):
        page.clock.advance(seconds)
        page.log.request(context(), BY_ERROR[Unsigned])
    assert page.lines[-1]["message"] == "refused: no signature (and 2 more like it)"


def test_one_dropped_line_is_reported() -> None:
    assert json.loads(dropped_line(1))["dropped"] == 1


def test_dropped_lines_are_reported() -> None:
    assert json.loads(dropped_line(3)) == {
        "severity": "WARNING",
        "message": "3 log lines were dropped, because standard output was not read in time",
        "dropped": 3,
    }


def failing_for_a_cause(*, is_explicit: bool) -> Exception:
    def fetch() -> None:
        raise KeyError(f"canary of a cause {SECRET}")

    def answer() -> None:
        try:
            fetch()
        except KeyError as cause:
            error = ZeroDivisionError(f"canary {SECRET}")
            if is_explicit:
                raise error from cause
            raise error  # noqa: B904  # the other way to chain

    try:
        answer()
    except ZeroDivisionError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("is_explicit", [True, False])
def test_a_stack_shows_the_causes_of_an_error_without_any_text(is_explicit: bool) -> None:  # noqa: FBT001
    page = Page()
    stack = page.line(context(), INTERNAL, failing_for_a_cause(is_explicit=is_explicit))["stack_trace"]
    assert "in fetch" in stack
    assert "in answer" in stack
    assert stack.count("KeyError\nled to:\n") == 1
    assert stack.endswith("ZeroDivisionError")
    assert SECRET.encode() not in page.stream.getvalue()


def test_a_cause_that_the_code_suppresses_is_not_shown() -> None:
    error = failing_for_a_cause(is_explicit=True)
    error.__cause__ = None
    assert "KeyError" not in Page().line(context(), INTERNAL, error)["stack_trace"].splitlines()


def test_the_stack_of_an_endless_recursion_is_short() -> None:
    def again(depth: int) -> int:
        return again(depth + 1) if depth < 500 else 1 // 0

    try:
        again(0)
    except ZeroDivisionError as error:
        line = Page().line(context(), INTERNAL, error)
    assert len(json.dumps(line)) < 20_000


def test_lines_of_many_threads_are_not_mixed() -> None:
    page = Page()

    def write() -> None:
        for _ in range(50):
            page.log.problem("x" * 200)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(page.lines) == 400


class Full:
    """A stream whose writes fail."""

    def write(self, data: bytes, /) -> object:
        """Fail."""
        raise OSError(errno.ENOSPC, f"no space left for {len(data)} bytes")

    def flush(self) -> object:
        """Fail."""
        raise BrokenPipeError


def closed() -> io.BytesIO:
    """A stream that has been closed: Python raises ValueError for that."""
    stream = io.BytesIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Full(), closed()], ids=["full", "closed"])
def test_a_line_that_cannot_be_written_fails_no_request(stream: Stream) -> None:
    log = Log(stream, level="INFO", google_project="demo", monotonic=FakeClock())
    log.request(context(), DELIVERED)
    log.problem("anything")


class Turn:
    """A turn of the event loop, which ends when a test says so."""

    def __init__(self) -> None:
        self.at_end: list[Callable[[], None]] = []

    def context(self) -> RequestContext:
        """Return the context of a request of this turn."""
        return RequestContext(structs.replace(request(body(), {}), soon=self.at_end.append))

    def end(self) -> None:
        """End the turn."""
        while self.at_end:
            self.at_end.pop(0)()


class Writes(list[bytes]):
    """A stream that keeps every write."""

    def write(self, data: bytes, /) -> None:
        """Keep the bytes."""
        self.append(data)


def test_the_lines_of_one_turn_are_written_at_its_end_in_one_write() -> None:
    writes, turn = Writes(), Turn()
    log = Log(writes, level="INFO", google_project="demo", monotonic=FakeClock())
    for _ in range(3):
        log.request(turn.context(), DELIVERED)
    log.request(context(), DELIVERED)  # a request of a server that has no turns
    assert [data.count(b"\n") for data in writes] == [1]
    turn.end()
    assert [data.count(b"\n") for data in writes] == [1, 3]
    log.request(turn.context(), DELIVERED)
    turn.end()
    assert [data.count(b"\n") for data in writes] == [1, 3, 1]


def test_a_write_has_no_more_bytes_than_a_pipe_takes_as_a_whole() -> None:
    writes, turn = Writes(), Turn()
    log = Log(writes, level="INFO", google_project="demo", monotonic=FakeClock())
    for _ in range(200):
        log.request(turn.context(), DELIVERED)
    turn.end()
    assert sum(data.count(b"\n") for data in writes) == 200
    line = len(writes[-1].splitlines()[0]) + 1
    assert all(4096 - line < len(data) <= 4096 for data in writes[:-1])


def test_lines_of_a_turn_that_never_ends_are_written_when_the_log_is_closed() -> None:
    writes, turn = Writes(), Turn()
    log = Log(writes, level="INFO", google_project="demo", monotonic=FakeClock())
    log.request(turn.context(), DELIVERED)
    log.close()
    assert len(writes) == 1
