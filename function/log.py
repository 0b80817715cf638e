"""One JSON line per request on standard output, as Cloud Logging reads it.

Fields: https://cloud.google.com/logging/docs/structured-logging. No token, no secret and no body is ever written,
and an unforeseen error's stack without its message, which could quote one of them.
"""

import contextlib
import json
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

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

    def write(self, text: str, /) -> object:
        """Write a text."""
        ...

    def flush(self) -> object:
        """Let nothing written wait."""
        ...


@dataclass(slots=True)
class Entry:
    """What becomes known of one request on its way, for its log line."""

    request: Request
    envelope: Envelope = NOTHING
    secret_index: int | None = None
    message: Message | None = None
    message_id: str | None = None
    publish_ms: float | None = None

    def fields(self) -> Iterator[tuple[str, Any]]:
        """Name and value of what is known; a value of ``None`` or of nothing is not written."""
        yield "eventId", _shown(self.envelope.event_id)
        yield "eventType", _shown(self.envelope.event_type)
        yield "deviceId", _shown(self.envelope.device_id)
        yield "secretIndex", self.secret_index
        yield "publishMs", self.publish_ms and round(self.publish_ms, 2)
        yield "messageId", self.message_id
        if self.message:
            yield "schemaViolation", self.message.attributes.get("schemaViolation")
            yield "cutAttributes", self.message.cut


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
        self._write(
            severity=outcome.severity,
            message=outcome.sentence,
            reason=outcome.reason,
            status=outcome.status,
            detail=_shown(str(error)) if isinstance(error, RelayError) else None,
            stack_trace=None if error is None or isinstance(error, RelayError) else _stack(error),
            suppressed=suppressed or None,
            **dict(entry.fields()),
            **_trace_fields(entry.request, self._google_project),
        )

    def failing(self, sentence: str) -> None:
        """Write a line on what is wrong beside any request, such as a secret file that cannot be read."""
        self._write(severity="CRITICAL", message=sentence)

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

    def _write(self, **fields: Any) -> None:
        line = json.dumps({name: value for name, value in fields.items() if value or value == 0})
        with self._lock, contextlib.suppress(OSError):  # a line that cannot be written costs no event
            self._stream.write(line + "\n")
            self._stream.flush()


@dataclass(frozen=True, slots=True)
class _Sample:
    written_at: float
    suppressed: int


def traceparent(request: Request) -> str | None:
    """Give the request's W3C trace context, if it has a well-formed one."""
    value = request.header("traceparent")
    return value if value and _TRACEPARENT.fullmatch(value) else None


def _trace_fields(request: Request, google_project: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    w3c = _TRACEPARENT.fullmatch(request.header("traceparent") or "")
    cloud = _CLOUD_TRACE.fullmatch(request.header("x-cloud-trace-context") or "")
    if found := w3c or cloud:
        fields["logging.googleapis.com/trace"] = f"projects/{google_project}/traces/{found['trace']}"
        span = found["span"] if w3c else f"{int(found['span'] or 0):016x}"
        if len(span) == 16 and int(span, 16):
            fields["logging.googleapis.com/spanId"] = span
    if execution_id := request.header("function-execution-id"):
        fields["logging.googleapis.com/labels"] = {"execution_id": execution_id[:LONGEST_EXECUTION_ID]}
    return fields


def _shown(text: str | None) -> str | None:
    return text and text[:LONGEST_TEXT]


def _stack(error: Exception) -> str:
    return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
