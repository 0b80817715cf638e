"""Server-sent events: the messages of a feed, and the state of the connection, as frames for one page.

Every frame with messages has an id, ``RUN-NUMBER``. A browser that reconnects sends the last id that it got, and gets
the messages after it. Messages that the feed no longer has, and those of an earlier run, are a gap; the page gets a
note about it.
Protocol: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from deploy.live.web.rows import row
from deploy.live.web.shown import Shown

RETRY_MS = 1_000
"""Milliseconds after which a browser reconnects."""

LOOK_S = 1.0
"""Seconds after which the stream looks whether its page has gone."""

GATHER_S = 0.05
"""Seconds in which further messages join the first one's frame, so that a flood does not make a frame of each."""

MAX_EVENTS = 200
MAX_CHARACTERS = 1_000_000
"""What a frame has at most, unless one message is longer."""


class Stream:
    """The frames for one page. ``is_over``: whether the page or the server has ended. ``now``: monotonic seconds.

    ``pause`` waits for some seconds, or less if the server ends.
    """

    def __init__(
        self, shown: Shown, is_over: Callable[[], bool], now: Callable[[], float], pause: Callable[[float], object]
    ) -> None:
        self._source, self._feed, self._connection = shown.source, shown.feed, shown.connection
        self._read, self._beat_s = shown.read, shown.beat_s
        self._is_over, self._now, self._pause = is_over, now, pause

    def frames(self, last_id: str) -> Iterator[bytes]:
        """Yield frames until the page or the server ends. ``last_id``: of the last frame that the page got, or ""."""
        number = number_of(last_id, self._source.run)
        yield f"retry: {RETRY_MS}\n\n".encode()
        yield _frame("hello", {**asdict(self._source), "beatMs": self._beat_s * 1000})
        beat_at, status = self._now(), self._connection.get()
        while not self._is_over():
            for found in self._messages(number):
                number, frame = found
                yield frame
            shown = self._connection.get()
            if self._now() >= beat_at or status.state != shown.state:
                yield _frame("state", {**asdict(shown), "newest": number})
                beat_at, status = self._now() + self._beat_s, shown
            if self._feed.wait(number, min(LOOK_S, max(0.0, beat_at - self._now()))):
                self._pause(GATHER_S)

    def _messages(self, number: int) -> Iterator[tuple[int, bytes]]:
        """Yield frames with the messages after this number, each with the number of its last message."""
        kept, lost = self._feed.since(number)
        if lost:
            yield number + lost, _frame("gap", {"lost": lost}, f"{self._source.run}-{number + lost}")
        texts: list[str] = []
        characters = 0
        for at, message in kept:
            texts.append(json.dumps(row(at, message, self._read(message))))
            characters += len(texts[-1])
            if len(texts) >= MAX_EVENTS or characters > MAX_CHARACTERS or at == kept[-1][0]:
                yield at, _written("events", f"[{','.join(texts)}]", f"{self._source.run}-{at}")
                texts, characters = [], 0


def number_of(last_id: str, run: str) -> int:
    """Return the number in an id of this run. It is 0 if the id is another run's, or none at all."""
    of_run, _, number = last_id.rpartition("-")
    return int(number) if of_run == run and number.isascii() and number.isdecimal() and len(number) < 16 else 0


def _frame(event: str, data: Any, frame_id: str = "") -> bytes:
    return _written(event, json.dumps(data), frame_id)


def _written(event: str, data: str, frame_id: str) -> bytes:
    """Return a frame. JSON that Python writes is ASCII without line breaks."""
    return f"{f'id: {frame_id}' if frame_id else ':'}\nevent: {event}\ndata: {data}\n\n".encode("ascii")
