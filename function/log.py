"""One JSON line per request on standard output, as Cloud Logging reads it.

Fields: https://cloud.google.com/logging/docs/structured-logging. No token, no secret and no body is ever written,
and an unforeseen error's stack without its message, which could quote one of them.
"""

import contextlib
import json
import re
import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field, to_builtins
from msgspec.json import Encoder

from function.config import SEVERITIES, Severity
from function.errors import RelayError
from function.event import NOTHING, Envelope
from function.exchange import Request
from function.message import Message
from function.outcomes import Outcome

SAMPLE_S = 1.0
"""Seconds between two lines of the same sampled reason."""

LONGEST_TEXT = 1024
"""Characters of an event's own that a field shows: an id could be as long as its body."""

LONGEST_EXECUTION_ID = 64
"""Characters of the id that functions-framework gives a request, or takes over from its sender."""

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-[0-9a-f]{2}"
)
"""https://www.w3.org/TR/trace-context/#traceparent-header-field-values"""
_CLOUD_TRACE = re.compile(r"(?P<trace>(?!0{32})[0-9a-f]{32})(?:/(?P<span>[0-9]{1,20}))?(?:;.*)?")
"""https://cloud.google.com/trace/docs/trace-context#legacy-http-header"""


class Stream(Protocol):
    """Where lines go."""

    def write(self, data: bytes, /) -> object:
        """Write bytes."""
        ...

    def flush(self) -> object:
        """Let nothing written wait."""
        ...


class Entry(Struct):
    """What becomes known of one request on its way, for its log line."""

    request: Request
    envelope: Envelope = NOTHING
    secret_index: int | None = None
    message: Message | None = None
    message_id: str | None = None
    publish_ms: float | None = None


class Line(Struct, omit_defaults=True, rename="camel"):
    """The fields of a line, in the order they are written. What is not known is left out."""

    severity: Severity
    message: str
    reason: str = ""
    status: int | None = None
    detail: str | None = None
    stack_trace: str | None = field(default=None, name="stack_trace")
    suppressed: int = 0
    event_id: str | None = None
    event_type: str | None = None
    device_id: str | None = None
    secret_index: int | None = None
    publish_ms: float | None = None
    message_id: str | None = None
    schema_violation: str | None = None
    cut_attributes: tuple[str, ...] = ()
    trace: str | None = field(default=None, name="logging.googleapis.com/trace")
    span_id: str | None = field(default=None, name="logging.googleapis.com/spanId")
    labels: dict[str, str] | None = field(default=None, name="logging.googleapis.com/labels")

    def tell_event(self, entry: Entry) -> None:
        """Take over what is known of the event and its message."""
        self.event_id = _shown(entry.envelope.event_id)
        self.event_type = _shown(entry.envelope.event_type)
        self.device_id = _shown(entry.envelope.device_id)
        self.secret_index = entry.secret_index
        self.publish_ms = entry.publish_ms and round(entry.publish_ms, 2)
        self.message_id = entry.message_id
        if entry.message:
            self.schema_violation = entry.message.attributes.get("schemaViolation")
            self.cut_attributes = entry.message.cut

    def tell_trace(self, request: Request, google_project: str) -> None:
        """Name the trace that the request is part of, and the id that functions-framework gave it."""
        w3c = _TRACEPARENT.fullmatch(request.header("traceparent") or "")
        cloud = _CLOUD_TRACE.fullmatch(request.header("x-cloud-trace-context") or "")
        if found := w3c or cloud:
            self.trace = f"projects/{google_project}/traces/{found['trace']}"
            span = found["span"] if w3c else f"{int(found['span'] or 0):016x}"
            if len(span) == 16 and int(span, 16):
                self.span_id = span
        if execution_id := request.header("function-execution-id"):
            self.labels = {"execution_id": execution_id[:LONGEST_EXECUTION_ID]}


class Log:
    """Writes the lines. ``monotonic`` gives seconds of a clock that never steps back."""

    def __init__(self, stream: Stream, *, level: Severity, google_project: str, monotonic: Callable[[], float]) -> None:
        self._stream = stream
        self._level = SEVERITIES.index(level)
        self._google_project = google_project
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._samples: dict[str, _Sample] = {}

    def decided(self, entry: Entry, outcome: Outcome, error: Exception | None = None) -> None:
        """Write the line of a request whose outcome is known."""
        if SEVERITIES.index(outcome.severity) < self._level:
            return
        suppressed = self._suppressed(outcome)
        if suppressed is None:
            return
        line = Line(outcome.severity, outcome.sentence, outcome.reason, outcome.status, suppressed=suppressed)
        if isinstance(error, RelayError):
            line.detail = _shown(str(error)) or None
        elif error:
            line.stack_trace = _stack(error)
        line.tell_event(entry)
        line.tell_trace(entry.request, self._google_project)
        self._write(line)

    def failing(self, sentence: str, severity: Severity = "CRITICAL") -> None:
        """Write a line on what is wrong beside any request, such as a secret file that cannot be read."""
        self._write(Line(severity, sentence))

    def _suppressed(self, outcome: Outcome) -> int | None:
        """How many lines of this reason were left out since the last one; ``None``: this one is left out too."""
        if not outcome.sampled:
            return 0
        now = self._monotonic()
        with self._lock:
            sample = self._samples.get(outcome.reason, _Sample(float("-inf"), 0))
            is_due = now - sample.written_at >= SAMPLE_S
            self._samples[outcome.reason] = (
                _Sample(now, 0) if is_due else _Sample(sample.written_at, sample.suppressed + 1)
            )
        return sample.suppressed if is_due else None

    def _write(self, line: Line) -> None:
        data = _encoded(line) + b"\n"
        with self._lock, contextlib.suppress(OSError, ValueError):  # a line that cannot be written costs no event
            self._stream.write(data)
            self._stream.flush()


class _Sample(Struct, frozen=True):
    written_at: float
    suppressed: int


def traceparent(request: Request) -> str | None:
    """Give the request's W3C trace context, if it has a well-formed one."""
    value = request.header("traceparent")
    return value if value and _TRACEPARENT.fullmatch(value) else None


def _encoded(line: Line) -> bytes:
    """Encode a line in ASCII: by ``msgspec``, which is fast, or else by ``json``, which can escape."""
    with contextlib.suppress(UnicodeEncodeError):  # half a surrogate pair, which JSON can write and UTF-8 cannot
        data = _encode(line)
        if data.isascii():
            return data
    return json.dumps(to_builtins(line)).encode()


_encode = Encoder().encode


def _shown(text: str | None) -> str | None:
    return text and text[:LONGEST_TEXT]


def _stack(error: Exception) -> str:
    return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
