"""log: one JSON line per request, with what is known and without what is secret."""

import errno
import io
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from function.config import SEVERITIES, Severity
from function.errors import ChecksumMismatch, PublishTransient, SignatureInvalid, Unsigned
from function.event import parse_body, read_envelope
from function.log import Entry, Log, Stream, traceparent
from function.message import Message
from function.outcomes import BY_ERROR, DELIVERED, INTERNAL, Outcome
from tests.builders import SECRET, body, request, secret_token
from tests.fakes import FakeClock

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


class Page:
    """A log on a page that can be read."""

    def __init__(self, level: Severity = "DEBUG") -> None:
        self.stream = io.BytesIO()
        self.clock = FakeClock()
        self.log = Log(self.stream, level=level, google_project="demo", monotonic=self.clock)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Give the lines, read."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def line(self, entry: Entry, outcome: Outcome = DELIVERED, error: Exception | None = None) -> dict[str, Any]:
        """Write the line of one request and read it."""
        self.log.decided(entry, outcome, error)
        return self.lines[-1]


def entry(**headers: str) -> Entry:
    return Entry(request(body(), headers))


def test_a_delivered_events_line_tells_what_an_operator_looks_for() -> None:
    known = entry()
    known.envelope = read_envelope(parse_body(body()))
    known.secret_index, known.message_id, known.publish_ms = 0, "id-1", 12.3456
    known.message = Message(b"", {"schemaViolation": "$.event.data"}, cut=("label.room",))
    assert Page().line(known) == {
        "severity": "INFO",
        "message": "delivered",
        "status": 200,
        "eventId": known.envelope.event_id,
        "eventType": "temperature",
        "deviceId": "emu0007dr2b5vjs7396g",
        "secretIndex": 0,
        "publishMs": 12.35,
        "messageId": "id-1",
        "schemaViolation": "$.event.data",
        "cutAttributes": ["label.room"],
    }


def test_what_is_not_known_is_not_written() -> None:
    error = Unsigned("no header")
    line = Page().line(entry(), BY_ERROR[Unsigned], error)
    assert line == {
        "severity": "INFO",
        "message": "refused: no signature",
        "reason": "unsigned",
        "status": 401,
        "detail": "no header",
    }


def test_each_line_ends_and_holds_no_line_break_within() -> None:
    page = Page()
    known = entry()
    known.envelope = structs.replace(known.envelope, event_id="a\nb\u2028\ud800")
    page.log.decided(known, DELIVERED)
    written = page.stream.getvalue()
    assert written.isascii()
    assert written.endswith(b"}\n")
    assert len(written.splitlines()) == 1


@pytest.mark.parametrize("level", SEVERITIES)
def test_lines_below_the_level_are_not_written(level: Severity) -> None:
    page = Page(level)
    for severity in SEVERITIES:
        page.log.decided(entry(), replace(DELIVERED, severity=severity))
    assert [line["severity"] for line in page.lines] == list(SEVERITIES[SEVERITIES.index(level) :])


def test_what_fails_beside_any_request_is_critical_at_every_level() -> None:
    page = Page("CRITICAL")
    page.log.failing("the secret file cannot be read")
    assert page.lines == [{"severity": "CRITICAL", "message": "the secret file cannot be read"}]


def test_a_sampled_reason_has_one_line_a_second_and_the_next_one_counts_the_rest() -> None:
    page = Page()
    for seconds in (0, 0, 0.5, 0.499, 0.001, 0, 5):
        page.clock.advance(seconds)
        page.log.decided(entry(), BY_ERROR[Unsigned])
    assert [line.get("suppressed") for line in page.lines] == [None, 3, 1]


def test_each_reason_is_sampled_for_itself() -> None:
    page = Page()
    for error in (Unsigned, SignatureInvalid, Unsigned, SignatureInvalid):
        page.log.decided(entry(), BY_ERROR[error])
    assert [line["reason"] for line in page.lines] == ["unsigned", "signature"]


def test_a_reason_that_is_not_sampled_has_every_line() -> None:
    page = Page()
    for _ in range(3):
        page.log.decided(entry(), BY_ERROR[ChecksumMismatch])
    assert len(page.lines) == 3


def test_an_expected_error_has_its_detail_and_no_stack() -> None:
    line = Page().line(entry(), BY_ERROR[PublishTransient], PublishTransient("UNAVAILABLE: try again"))
    assert line["detail"] == "UNAVAILABLE: try again"
    assert "stack_trace" not in line


def test_an_error_that_says_nothing_has_no_detail() -> None:
    assert "detail" not in Page().line(entry(), BY_ERROR[PublishTransient], PublishTransient(""))


def test_an_unforeseen_errors_stack_is_written_without_its_text() -> None:
    def fail() -> None:
        raise KeyError(SECRET)

    try:
        fail()
    except KeyError as error:
        line = Page().line(entry(), INTERNAL, error)
    assert "in fail" in line["stack_trace"]
    assert line["stack_trace"].endswith("KeyError")
    assert "detail" not in line
    assert SECRET not in json.dumps({**line, "stack_trace": line["stack_trace"].replace("raise KeyError(SECRET)", "")})


def test_no_token_and_no_body_is_ever_written() -> None:
    page = Page()
    token = secret_token(body())
    for outcome in (*BY_ERROR.values(), DELIVERED, INTERNAL):
        page.log.decided(entry(**{"x-dt-signature": token, "authorization": token}), outcome)
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
    ],
)
def test_a_trace_is_written_as_cloud_logging_wants_it(headers: dict[str, str], span: str | None) -> None:
    line = Page().line(entry(**headers))
    assert line["logging.googleapis.com/trace"] == f"projects/demo/traces/{TRACE}"
    assert line.get("logging.googleapis.com/spanId") == span


@pytest.mark.parametrize("header", ["traceparent", "x-cloud-trace-context"])
@pytest.mark.parametrize(
    "value",
    ["", "junk", TRACE[:-1], TRACE.upper(), f"00-{TRACE}-{SPAN}", f"{TRACE}/x", f"00-{TRACE}-{SPAN}-01\n", "{}" * 500],
)
def test_a_malformed_trace_is_left_out(header: str, value: str) -> None:
    line = Page().line(entry(**{header: value}))
    assert not [name for name in line if name.startswith("logging.")]


def test_the_execution_id_is_a_label_of_the_line() -> None:
    line = Page().line(entry(**{"function-execution-id": "abc123"}))
    assert line["logging.googleapis.com/labels"] == {"execution_id": "abc123"}


def test_only_a_well_formed_traceparent_is_handed_on() -> None:
    whole = f"00-{TRACE}-{SPAN}-01"
    assert traceparent(request(b"", {"traceparent": whole})) == whole
    assert traceparent(request(b"", {"traceparent": whole + "-extra"})) is None
    assert traceparent(request(b"", {"traceparent": []})) is None
    assert traceparent(request(b"", {})) is None


def test_lines_of_many_threads_do_not_run_into_each_other() -> None:
    page = Page()

    def write() -> None:
        for _ in range(50):
            page.log.failing("x" * 200)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(page.lines) == 400


class Full:
    """A stream that nothing can be written to."""

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
def test_a_line_that_cannot_be_written_costs_no_request(stream: Stream) -> None:
    log = Log(stream, level="INFO", google_project="demo", monotonic=FakeClock())
    log.decided(entry(), DELIVERED)
    log.failing("anything")
