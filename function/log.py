"""One JSON line for each request on standard output, in the format of Cloud Logging.

Fields: https://cloud.google.com/logging/docs/structured-logging. A line never contains a token, a secret or a body. An
unexpected error is logged with its stack but without its text, because the text could quote one of them.
"""

import contextlib
import json
import re
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
from function.sampling import Sampling
from function.settings import SEVERITIES, Severity
from function.signature import Origin

EMULATED = "emu"
"""The beginning of an emulated sensor's id. ``verify`` and ``rotate`` look for the lines of such sensors' events."""

LONGEST_WRITE = 4096
"""Maximum bytes of lines that are written at once: POSIX allows no other writer of a pipe in between (PIPE_BUF)."""

LONGEST_TEXT = 1024
"""Maximum characters of a field that is copied from the event, because an id could be as long as the body."""

LONGEST_EXECUTION_ID = 64
"""Maximum characters of the request's id, which functions-framework makes or copies from a header of the sender."""

LONGEST_WORD = 64
"""Maximum characters of an event type or a device id in a message."""

LONGEST_DETAIL = 200
"""Maximum characters of a detail in a message."""

MOST_FRAMES = 50
MOST_CAUSES = 5
"""Maximum frames of each error in a stack, the last ones, and maximum causes of an error."""

LARGEST_SPAN = (1 << 64) - 1

_TRACEPARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
"""https://www.w3.org/TR/trace-context/#traceparent-header-field-values. Only versions after 00 may have more fields."""
_CLOUD_TRACE = re.compile(r"(?P<trace>(?!0{32})[0-9a-f]{32})(?:/(?P<span>[^;]*))?(?:;.*)?")
"""https://cloud.google.com/trace/docs/trace-context#legacy-http-header"""
_NO_SPAN = "0" * 16


class Stream(Protocol):
    """The destination of the lines."""

    def write(self, data: bytes, /) -> object:
        """Write whole lines. They are lost if this raises ``OSError`` or ``ValueError``."""
        ...


class RequestContext(Struct):
    """The state of one request, which the receiver fills in and the log line shows. ``publish_ms``: milliseconds."""

    request: Request
    envelope: Envelope = NOTHING
    secret_index: int | None = None
    origin: Origin | None = None
    message: Message | None = None
    message_id: str | None = None
    publish_ms: float | None = None
    unusable_for: RelayError | None = None
    """The reason why an authentic event cannot be used; set when it has been kept, or is refused with 422."""


class Line(Struct, omit_defaults=True, rename="camel"):
    """The fields of a line, in the order in which they are written. Fields with their default are left out."""

    severity: Severity
    message: str
    reason: str = ""
    status: int | None = None
    detail: str | None = None
    stack_trace: str | None = field(default=None, name="stack_trace")
    suppressed: int = 0
    delivered: int = 0
    event_id: str | None = None
    event_type: str | None = None
    device_id: str | None = None
    secret_index: int | None = None
    origin: Origin | None = None
    publish_ms: float | None = None
    message_id: str | None = None
    schema_violation: str | None = None
    cut_attributes: tuple[str, ...] = ()
    dropped: int = 0
    trace: str | None = field(default=None, name="logging.googleapis.com/trace")
    span_id: str | None = field(default=None, name="logging.googleapis.com/spanId")
    labels: dict[str, str] | None = field(default=None, name="logging.googleapis.com/labels")

    def add_event(self, context: RequestContext) -> None:
        """Copy the known fields of the event and its message."""
        self.event_id = _truncated(context.envelope.event_id)
        self.event_type = _truncated(context.envelope.event_type)
        self.device_id = _truncated(context.envelope.device_id)
        self.secret_index, self.origin = context.secret_index, context.origin
        self.publish_ms = context.publish_ms and round(context.publish_ms, 2)
        self.message_id = context.message_id
        if context.message:
            self.schema_violation = context.message.attributes.get("schemaViolation")
            self.cut_attributes = context.message.cut

    def add_trace(self, request: Request, google_project: str) -> None:
        """Set the trace and the span of the request, and functions-framework's id of the request."""
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
    """Writes the lines. ``monotonic`` returns seconds of a clock that never steps back.

    ``one_of``: one of so many delivered events has a line, and the line counts them all. ``at_end`` is called with
    ``close`` at the first event that is counted, which has a line: SIGTERM may come before one has none.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        level: Severity,
        google_project: str,
        monotonic: Callable[[], float],
        one_of: int = 1,
        at_end: Callable[[Callable[[], None]], object] = lambda _: None,
    ) -> None:
        self._stream = stream
        self._level = SEVERITIES.index(level)
        self._google_project = google_project
        counts_delivered = self._level <= SEVERITIES.index(DELIVERED.severity)
        self._sampling = Sampling(
            one_of=one_of if counts_delivered else 1, monotonic=monotonic, at_first=lambda: at_end(self.close)
        )
        self._collected: list[bytes] = []
        self._collected_bytes = 0

    def request(self, context: RequestContext, outcome: Outcome, error: Exception | None = None) -> None:
        """Write the line of a request whose outcome is known."""
        if SEVERITIES.index(outcome.severity) < self._level:
            return
        counts = self._sampling.counts(outcome, is_wanted=_is_wanted(context, outcome))
        if counts is None:
            return
        line = Line(outcome.severity, outcome.message, outcome.reason, outcome.status, suppressed=counts.suppressed)
        line.delivered = counts.delivered
        if isinstance(error, RelayError):
            line.detail = _truncated(str(error)) or None
        elif error:
            line.stack_trace = _stack(error)
        line.add_event(context)
        line.add_trace(context.request, self._google_project)
        line.message = _message(line, outcome, error)
        if context.request.soon:
            self._collect(_encoded(line) + b"\n", context.request.soon)
        else:
            self._write(line)

    def problem(self, sentence: str, severity: Severity = "CRITICAL") -> None:
        """Write the line of a problem that belongs to no request, such as a secret file that cannot be read."""
        if SEVERITIES.index(severity) >= self._level:
            self._write(Line(severity, sentence))

    def close(self) -> None:
        """Write the line that counts the delivered events after the last line. From now on, each one has a line."""
        self._write_collected()
        if delivered := self._sampling.end():
            self._write(Line("INFO", f"delivered {delivered} more events without a line", delivered=delivered))

    def _collect(self, line: bytes, soon: Callable[[Callable[[], None]], object]) -> None:
        """Write this line with the others of the same turn of the event loop, at its end."""
        if self._collected_bytes + len(line) > LONGEST_WRITE:
            self._write_collected()
        self._collected.append(line)
        self._collected_bytes += len(line)
        if len(self._collected) == 1:
            soon(self._write_collected)

    def _write_collected(self) -> None:
        lines, self._collected, self._collected_bytes = self._collected, [], 0
        if lines:
            self._write_lines(b"".join(lines))

    def _write(self, line: Line) -> None:
        self._write_lines(_encoded(line) + b"\n")

    def _write_lines(self, lines: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # a line that cannot be written must not fail the request
            self._stream.write(lines)


def _is_wanted(context: RequestContext, outcome: Outcome) -> bool:
    """Return whether someone looks for this line: a warning, an older secret, an event of an operator or a test."""
    is_special = outcome is not DELIVERED or context.origin or context.secret_index
    return bool(is_special) or (context.envelope.device_id or "").startswith(EMULATED)


def dropped_line(count: int) -> bytes:
    """Return the line that says how many lines were dropped, because standard output was full."""
    sentence = f"{count} log lines were dropped, because standard output was not read in time"
    return _encoded(Line("WARNING", sentence, dropped=count)) + b"\n"


def traceparent(request: Request) -> str | None:
    """Return the request's W3C trace context in the form of version 00, or None if it is absent or malformed.

    A newer version is converted to version 00, as the specification says:
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
    """Return a decimal span id in 16 hexadecimal digits, or all zeros if it is invalid, so that the trace is kept."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 20
    span = int(text) if is_number else 0
    return f"{span:016x}" if span <= LARGEST_SPAN else _NO_SPAN


def _message(line: Line, outcome: Outcome, error: Exception | None) -> str:
    """Return the message of a line. ``gcloud functions logs read`` shows no other field."""
    event = _words(line.event_type, LONGEST_WORD) if line.event_type else "event" if line.device_id else ""
    if line.device_id:
        event = f"{event} of {_words(line.device_id, LONGEST_WORD)}"
    if line.origin:
        event = f"{event or 'event'} by {line.origin}"
    if outcome is DELIVERED:
        return f"{line.message} {event}" if event else line.message
    words = [line.message, event] if event else [line.message]
    if line.detail:
        words.append(_words(line.detail, LONGEST_DETAIL))
    elif error:
        words.append(type(error).__name__)
    words += [line.schema_violation] if line.schema_violation else []
    words += [f"cut {', '.join(line.cut_attributes)}"] if line.cut_attributes else []
    message = ": ".join(words)
    return f"{message} (and {line.suppressed} more like it)" if line.suppressed else message


def _words(text: str, most: int) -> str:
    """Return the beginning of a text with ``?`` for characters that could control a terminal."""
    text = text[:most]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def _encoded(line: Line) -> bytes:
    """Encode a line in ASCII: with ``msgspec``, which is fast, or else with ``json``, which can escape."""
    with contextlib.suppress(UnicodeEncodeError):  # a lone surrogate, which JSON can escape and UTF-8 cannot encode
        data = _encode(line)
        if data.isascii():
            return data
    return json.dumps(to_builtins(line)).encode()


_encode = Encoder().encode


def _truncated(text: str | None) -> str | None:
    return text and text[:LONGEST_TEXT]


def _stack(error: BaseException) -> str:
    """Return the frames and the types of an error and of its causes, first cause first.

    The texts of the errors are left out, because they could quote a secret or a body.
    """
    chain: list[BaseException] = [error]
    while len(chain) <= MOST_CAUSES and (cause := _cause(chain[-1])):
        chain.append(cause)
    return "\nled to:\n".join(_frames(link) for link in reversed(chain))


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _frames(error: BaseException) -> str:
    return "".join(traceback.format_tb(error.__traceback__, -MOST_FRAMES)) + type(error).__name__
