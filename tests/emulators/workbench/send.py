"""``make send`` sends signed events to a running workbench. ``make sign`` prints the headers for a file."""

import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from tests.emulators.signing import signed_headers
from tests.emulators.workbench import fresh, state
from tests.emulators.workbench.exchange import Exchange
from tests.emulators.workbench.fresh import Make
from tests.emulators.workbench.table import Table

ANSWER_S = 60.0
"""Seconds to wait for an answer. A workbench that is still starting answers when it has started."""

SENDERS = 16
"""Requests that are sent at the same time, if there is a rate."""

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to send. ``count``: None for each of ``makes`` once, or without end with a rate. ``rate``: a second."""

    makes: Sequence[Make]
    count: int | None
    rate: float | None

    def schedule(self) -> Iterator[tuple[float, Make]]:
        """Return the events in order, each with the seconds after the start at which it is sent."""
        count = self.count or (None if self.rate else len(self.makes))
        numbers = itertools.count() if count is None else range(count)
        for number in numbers:
            yield (number / self.rate if self.rate else 0.0, self.makes[number % len(self.makes)])


def send(port: int, wanted: Wanted, say: Say, table: Table) -> bool:
    """Send events to the workbench on this port until all are sent, or until Ctrl-C. Return whether all got a 200.

    Raises ``NotRunning``.
    """
    sender = _Sender(state.read(port), say, table)
    say(table.head())
    began_at = time.monotonic()
    with ThreadPoolExecutor(SENDERS if wanted.rate else 1) as pool, contextlib.suppress(KeyboardInterrupt):
        try:
            for at_s, make in wanted.schedule():
                if sender.lost.wait(max(0.0, began_at + at_s - time.monotonic())):
                    break
                pool.submit(sender.send, make)
            pool.shutdown()
        finally:
            pool.shutdown(cancel_futures=True)
    if sender.lost.is_set():
        raise state.not_running(port)
    say(f"\n{sender.summary()}")
    return {status for status, _ in sender.answers} == {200}


def sign(secret: Callable[[], str], file: Path, say: Say) -> bool:
    """Print the headers that sign the bytes of a file, one a line. ``secret`` may raise that nothing has one yet.

    Raises ``EventUnusable`` if the file cannot be read.
    """
    body = fresh.read(file)
    for name, value in signed_headers(body, secret(), now=time.time()).items():
        say(f"{name}: {value}")
    return True


class _Sender:
    """Sends events from several threads. ``lost`` is set if the workbench does not answer. ``answers``: counts."""

    def __init__(self, workbench: state.State, say: Say, table: Table) -> None:
        self._workbench, self._say, self._table = workbench, say, table
        self._lock = threading.Lock()
        self.lost = threading.Event()
        self.answers: Counter[tuple[int, str]] = Counter()

    def send(self, make: Make) -> None:
        """Send a new event, and show its answer."""
        if self.lost.is_set():
            return
        body = make()
        at, began_at = datetime.now().astimezone(), time.monotonic()
        try:
            status, reply = self._post(body)
        except (OSError, HTTPException, ValueError):
            self.lost.set()
            return
        with self._lock:
            self.answers[status, str(reply.get("topic", ""))] += 1
            self._say(self._table.row(Exchange(at, "POST", body, status, reply, time.monotonic() - began_at, ""), {}))

    def summary(self) -> str:
        """Return the number of events, and of the answers of each status."""
        counts = (f"{count} answered {status} {topic}".rstrip() for (status, topic), count in self.answers.items())
        return f"{self.answers.total()} sent: {', '.join(counts) or 'none answered'}"

    def _post(self, body: bytes) -> tuple[int, dict[str, object]]:
        address = urlsplit(self._workbench.url)
        headers = signed_headers(body, self._workbench.secret, now=time.time())
        connection = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_S)
        with contextlib.closing(connection):
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            read = json.loads(response.read() or b"{}")
            return response.status, read if isinstance(read, dict) else {}
