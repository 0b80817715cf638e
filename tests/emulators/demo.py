"""``run`` sends one event of every type through the whole path, and checks its bytes."""

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from json import JSONDecodeError, loads

from deploy.live.readings import event_text
from tests.emulators.backend import Choice
from tests.emulators.events import SAMPLES, encode, sample_event
from tests.emulators.ingestion import REJECTED, Answer, Ingestion, Received, ingestion

Say = Callable[[str], object]

RECEIVE_S = 10.0
"""Seconds that the demo waits for the message of an event that the function has acknowledged."""

_ROW = "{:<18}  {:<20}  {:<25}  {:>16}  {:>8}  {}"
_NARROW_ROW = "{:<18} {:<20} {:<25} {:>6} {}"
"""A row for terminals of 80 columns: without the message id."""

WIDE = 105
"""Columns of a row with the message id."""

Row = Callable[..., str]


def run(choice: Choice, environ: Mapping[str, str], say: Say, *, columns: int = WIDE) -> bool:
    """Send one signed event of each type, and three wrong requests. Return whether every check passed."""
    row = _row_of(columns)
    with ingestion(choice, environ, say=say) as path:
        say("")
        say(row("type", "device", "reading", "message id", "latency", "bytes"))
        passed = [_is_relayed(path, event_type, number, say, row) for number, event_type in enumerate(SAMPLES, start=1)]
        say("")
        say(f"{sum(passed)} of {len(passed)} events came back as they were sent")
        refusals = [*_refusals(path)]
        say(" · ".join(refusal.sentence for refusal in refusals))
        return all(passed) and all(refusal.is_right for refusal in refusals)


def _is_relayed(path: Ingestion, event_type: str, number: int, say: Say, row: Row) -> bool:
    body = encode(sample_event(event_type, number=number, at=datetime.now(UTC)))
    began_at = time.monotonic()
    answer = path.post(body)
    if answer.status != 200:
        say(f"{event_type:<18}  the function answered {answer.status} {answer.reply}")
        return False
    message = _message(path, answer)
    if message is None:
        say(f"{event_type:<18}  acknowledged as message {answer.reply['messageId']}, but not received")
        return False
    is_equal = message.data == body and message.attributes.get("eventType") == event_type
    latency = f"{(message.at - began_at) * 1000:.0f} ms"
    say(_shown(row, message, latency=latency, last="equal" if is_equal else "DIFFERENT"))
    return is_equal


@dataclass(frozen=True, slots=True)
class _Refusal:
    sentence: str
    is_right: bool


def _refusals(path: Ingestion) -> Iterator[_Refusal]:
    body = encode(sample_event("temperature", number=1, at=datetime.now(UTC)))
    yield _refusal("unsigned", path.post(body, is_signed=False), 401, "unsigned")
    yield _refusal("tampered", path.post(body + b" ", signed_body=body), 401, "checksum")
    malformed = b'{"event": oops'
    answer = path.post(malformed)
    message = _message(path, answer)
    is_kept = message is not None and (message.topic, message.data) == (REJECTED, malformed)
    kept = "kept whole on the rejected topic" if is_kept else "NOT KEPT"
    yield _Refusal(f"malformed: {answer.status} {kept}", answer.status == 200 and is_kept)


def _refusal(kind: str, answer: Answer, status: int, reason: str) -> _Refusal:
    return _Refusal(
        f"{kind}: {answer.status} {answer.reply.get('error')}",
        (answer.status, answer.reply) == (status, {"error": reason}),
    )


def _message(path: Ingestion, answer: Answer) -> Received | None:
    """Return the message that the function's answer names, or None. Messages of an earlier run are skipped."""
    give_up_at = time.monotonic() + RECEIVE_S
    with suppress(queue.Empty):
        while True:
            message = path.received.get(timeout=max(0, give_up_at - time.monotonic()))
            if (message.topic, message.message_id) == (answer.reply.get("topic"), answer.reply.get("messageId")):
                return message
    return None


def _row_of(columns: int) -> Row:
    """Return a function that formats six cells as a row; a narrow terminal gets no message id."""
    if columns >= WIDE:
        return _ROW.format
    return _narrow


def _narrow(kind: str, device: str, words: str, _: str, latency: str, last: str) -> str:
    return _NARROW_ROW.format(kind, device, words, latency, last)


def _shown(row: Row, message: Received, *, latency: str, last: str) -> str:
    try:
        body = loads(message.data)
        words = event_text(body["event"])
    except (JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        words = message.attributes.get("reason", "not an event")
    attributes = message.attributes
    return row(
        attributes.get("eventType", "-"), attributes.get("deviceId", "-"), words, message.message_id, latency, last
    )
