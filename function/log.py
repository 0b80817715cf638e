"""One JSON line per request on standard output, as Cloud Logging reads it.

Fields: https://cloud.google.com/logging/docs/structured-logging. No token, no secret and no body is ever written,
and an unforeseen error's stack without its message, which could quote one of them.
"""

import contextlib
import json
import math
import re
import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field, to_builtins
from msgspec.json import Encoder

from function.errors import RelayError
from function.event import NOTHING, Envelope
from function.http import Request
from function.message import Message
from function.outcomes import DELIVERED, Outcome
from function.settings import SEVERITIES, Severity

SAMPLE_S = 1.0
"""Seconds between two lines of the same sampled reason."""

LONGEST_TEXT = 1024
"""Characters of an event's own that a field shows: an id could be as long as its body."""

LONGEST_EXECUTION_ID = 64
"""Characters of the id that functions-framework gives a request, or takes over from its sender."""

LONGEST_WORD = 64
"""Characters of an event type or a device id in a message."""

LONGEST_DETAIL = 200
"""Characters of a detail in a message."""

MOST_FRAMES = 50
MOST_CAUSES = 5
"""What a stack shows: the last frames of an error, and of the errors that led to it."""

LARGEST_SPAN = (1 << 64) - 1

_TRACEPARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
"""https://www.w3.org/TR/trace-context/#traceparent-header-field-values; only newer versions have more fields."""
_CLOUD_TRACE = re.compile(r"(?P<trace>(?!0{32})[0-9a-f]{32})(?:/(?P<span>[^;]*))?(?:;.*)?")
"""https://cloud.google.com/trace/docs/trace-context#legacy-http-header"""
_NO_SPAN = "0" * 16


class Stream(Protocol):
    """Where lines go."""

    def write(self, data: bytes, /) -> object:
        """Write one line. ``OSError`` and ``ValueError`` lose it."""
        ...


class Entry(Struct):
    """What becomes known of one request on its way, for its log line."""

    request: Request
    envelope: Envelope = NOTHING
    secret_index: int | None = None
    message: Message | None = None
    message_id: str | None = None
    publish_ms: float | None = None
    rejected_for: RelayError | None = None
    """Why the event is on the rejected topic, once that topic has acknowledged it."""


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
    dropped: int = 0
    trace: str | None = field(default=None, name="logging.googleapis.com/trace")
    span_id: str | None = field(default=None, name="logging.googleapis.com/spanId")
    labels: dict[str, str] | None = field(default=None, name="logging.googleapis.com/labels")

    def add_event(self, entry: Entry) -> None:
        """Take over what is known of the event and its message."""
        self.event_id = _truncated(entry.envelope.event_id)
        self.event_type = _truncated(entry.envelope.event_type)
        self.device_id = _truncated(entry.envelope.device_id)
        self.secret_index = entry.secret_index
        self.publish_ms = entry.publish_ms and round(entry.publish_ms, 2)
        self.message_id = entry.message_id
        if entry.message:
            self.schema_violation = entry.message.attributes.get("schemaViolation")
            self.cut_attributes = entry.message.cut

    def add_trace(self, request: Request, google_project: str) -> None:
        """Name the trace that the request is part of, and the id that functions-framework gave it."""
        w3c = _trace_context(request)
        cloud = _CLOUD_TRACE.fullmatch(request.header("x-cloud-trace-context") or "")
        if found := w3c or cloud:
            self.trace = f"projects/{google_project}/traces/{found['trace']}"
            span = found["span"] if w3c else _cloud_span(found["span"] or "")
            if span != _NO_SPAN:
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
            line.detail = _truncated(str(error)) or None
        elif error:
            line.stack_trace = _stack(error)
        line.add_event(entry)
        line.add_trace(entry.request, self._google_project)
        line.message = _message(line, outcome, error)
        self._write(line)

    def failing(self, sentence: str, severity: Severity = "CRITICAL") -> None:
        """Write a line on what is wrong beside any request, such as a secret file that cannot be read."""
        if SEVERITIES.index(severity) >= self._level:
            self._write(Line(severity, sentence))

    def _suppressed(self, outcome: Outcome) -> int | None:
        """How many lines of this reason were left out since the last one; ``None``: this one is left out too."""
        if not outcome.sampled:
            return 0
        now = self._monotonic()
        with self._lock:
            sample = self._samples.get(outcome.reason, _Sample(-math.inf, 0))
            is_due = now - sample.written_at >= SAMPLE_S
            self._samples[outcome.reason] = (
                _Sample(now, 0) if is_due else _Sample(sample.written_at, sample.suppressed + 1)
            )
        return sample.suppressed if is_due else None

    def _write(self, line: Line) -> None:
        with contextlib.suppress(OSError, ValueError):  # a line that cannot be written costs no event
            self._stream.write(_encoded(line) + b"\n")


class _Sample(Struct, frozen=True):
    written_at: float
    suppressed: int


def dropped_line(count: int) -> bytes:
    """Return the line that says how many lines were dropped, because standard output took no more."""
    sentence = f"{count} log lines were dropped, because standard output was not read in time"
    return _encoded(Line("WARNING", sentence, dropped=count)) + b"\n"


def traceparent(request: Request) -> str | None:
    """Return the request's W3C trace context, if it has a well-formed one, as version 00 has it.

    A newer version's is understood as far as 00 goes, and passed on as that:
    https://www.w3.org/TR/trace-context/#versioning-of-traceparent.
    """
    found = _trace_context(request)
    if not found:
        return None
    if found["version"] == "00":
        return found[0]
    return f"00-{found['trace']}-{found['span']}-{int(found['flags'], 16) & 1:02x}"


def _trace_context(request: Request) -> re.Match[str] | None:
    found = _TRACEPARENT.fullmatch(request.header("traceparent") or "")
    return None if found and found["version"] == "00" and found["more"] else found


def _cloud_span(text: str) -> str:
    """Return a span as Cloud Logging writes it; an odd one as none, so that its trace survives."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 20
    span = int(text) if is_number else 0
    return f"{span:016x}" if span <= LARGEST_SPAN else _NO_SPAN


def _message(line: Line, outcome: Outcome, error: Exception | None) -> str:
    """Return what ``gcloud functions logs read`` shows, which is all of a line that it shows."""
    event = _words(line.event_type, LONGEST_WORD) if line.event_type else "event" if line.device_id else ""
    if line.device_id:
        event = f"{event} of {_words(line.device_id, LONGEST_WORD)}"
    if outcome is DELIVERED:
        return f"{line.message} {event}" if event else line.message
    words = [line.message, event] if event else [line.message]
    if line.detail:
        words.append(_words(line.detail, LONGEST_DETAIL))
    elif error:
        words.append(type(error).__name__)
    words += [line.schema_violation] if line.schema_violation else []
    words += [f"cut {', '.join(line.cut_attributes)}"] if line.cut_attributes else []
    told = ": ".join(words)
    return f"{told} (and {line.suppressed} more like it)" if line.suppressed else told


def _words(text: str, most: int) -> str:
    """Return a text's beginning for a terminal: control characters could change what it shows."""
    text = text[:most]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def _encoded(line: Line) -> bytes:
    """Encode a line in ASCII: by ``msgspec``, which is fast, or else by ``json``, which can escape."""
    with contextlib.suppress(UnicodeEncodeError):  # half a surrogate pair, which JSON can write and UTF-8 cannot
        data = _encode(line)
        if data.isascii():
            return data
    return json.dumps(to_builtins(line)).encode()


_encode = Encoder().encode


def _truncated(text: str | None) -> str | None:
    return text and text[:LONGEST_TEXT]


def _stack(error: BaseException) -> str:
    """Return the frames and the kinds of an error and of those that led to it, first cause first, and no text of any.

    An error's text could quote a secret or a body.
    """
    chain: list[BaseException] = [error]
    while len(chain) <= MOST_CAUSES and (cause := _cause(chain[-1])):
        chain.append(cause)
    return "\nled to:\n".join(_frames(link) for link in reversed(chain))


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _frames(error: BaseException) -> str:
    return "".join(traceback.format_tb(error.__traceback__, -MOST_FRAMES)) + type(error).__name__
