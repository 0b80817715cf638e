"""``make serve``: keeps the function and a Pub/Sub running, shows each request, and starts the changed function."""

import contextlib
import os
import queue
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from tests.emulators.backend import KINDS, Choice, pubsub_for
from tests.emulators.events import encode, sample_event
from tests.emulators.function_process import SOURCE, FunctionProcess
from tests.emulators.ingestion import make_topics
from tests.emulators.signing import signed_headers
from tests.emulators.workbench import filters, state
from tests.emulators.workbench.door import Door, listen
from tests.emulators.workbench.exchange import Exchange
from tests.emulators.workbench.function_log import Fields, FunctionLog, LogLine
from tests.emulators.workbench.given import DEFAULT_TOPICS, PROJECT, SECRET, Given
from tests.emulators.workbench.live import Workbench, live_page
from tests.emulators.workbench.pasted import curl, send_command, subscriber_lines
from tests.emulators.workbench.reload import Reloading, stamps_of
from tests.emulators.workbench.table import Table

_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}
"""What the code prints is in the log at once."""

Say = Callable[[str], object]

WAIT_S = 0.1
"""Seconds that the workbench waits for a request before it looks at the files and the log."""

LOG_S = 0.3
"""Seconds that the row of a rejected event or of a failure waits for its line in the log, which has the reason."""


@dataclass(frozen=True, slots=True)
class Options:
    """``shows_log``: whether the function's log is shown as well."""

    choice: Choice
    port: int
    shows_log: bool


def serve(options: Options, environ: Mapping[str, str], say: Say, table: Table) -> NoReturn:
    """Keep everything running until a signal comes, and show each request. Raises ``OfflineError`` at the start."""
    given = Given.of(environ, secrets.token_hex(32))
    url = f"http://127.0.0.1:{options.port}/"
    exchanges: queue.Queue[Exchange] = queue.Queue()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(options.port))
        say("starting a Pub/Sub and the function ...")
        folder = stack.enter_context(state.folder_of(options.port))
        state.write(folder, state.State(url, given.secret))
        backend = stack.enter_context(pubsub_for(options.choice, environ, say))
        is_given = backend.kind == "emulator" and environ.get("PUBSUB_EMULATOR_HOST")
        source = ", from PUBSUB_EMULATOR_HOST: not of this run" if is_given else ""
        say(f"Pub/Sub   {KINDS[backend.kind]} at {backend.host}{source}")
        if not filters.are_applied(backend.host, PROJECT):
            say(f"warning   {filters.WARNING}")
        door = Door(exchanges.put)
        log = stack.enter_context((folder / "function.log").open("a+b"))
        function = Reloading(
            lambda: FunctionProcess({**given.settings(backend.host), **_UNBUFFERED}, log),
            lambda: stamps_of(SOURCE),
            lambda port: setattr(door, "function_port", port),
            lambda text: say(f"{datetime.now().astimezone():%H:%M:%S}  {text}"),
        )
        stack.callback(function.end)
        function.wait_until_ready()
        topics = {given.topic(name): name == "PUBSUB_REJECTED_TOPIC" for name in DEFAULT_TOPICS}
        make_topics(backend.host, topics)
        page = stack.enter_context(live_page(Workbench(url, options.port, given.secret, backend.host, topics), say))
        _introduce(say, given, folder / "function.log", url)
        say(f"page      {page.address} shows the events in a browser; this address works once")
        _say_commands(say, given, backend.host, url, options.port)
        say(table.head())
        reader = stack.enter_context(contextlib.closing(FunctionLog(folder / "function.log")))
        stack.enter_context(door.open(listener))
        shown = _Shown(table, reader, say, shows_log=options.shows_log)
        while True:
            with contextlib.suppress(queue.Empty):  # without a timeout, a Ctrl-C just before the wait is not noticed
                shown.exchange(exchanges.get(timeout=WAIT_S))
            shown.log()
            function.look()


class _Shown:
    """Shows requests and the log's lines: each line once, and that of a request after the request."""

    def __init__(self, table: Table, log: FunctionLog, say: Say, *, shows_log: bool) -> None:
        self._table, self._log, self._say = table, log, say
        self._shows_log = shows_log
        self._lines: list[tuple[float, LogLine]] = []

    def exchange(self, exchange: Exchange) -> None:
        """Show a request."""
        give_up_at = time.monotonic() + LOG_S
        self._read()
        while exchange.needs_log and not self._fields(exchange) and time.monotonic() < give_up_at:
            time.sleep(0.01)
            self._read()
        self._say(self._table.row(exchange, self._fields(exchange)))
        self._show(lambda line, _: line.request == exchange.execution_id)

    def log(self) -> None:
        """Show the other new lines of the log. The line of a request waits for the request for a moment."""
        self._read()
        now = time.monotonic()
        self._show(lambda line, read_at: not line.request or now - read_at > LOG_S)

    def _read(self) -> None:
        lines = self._log.new_lines()
        if self._shows_log:
            self._lines += [(time.monotonic(), line) for line in lines]

    def _show(self, is_due: Callable[[LogLine, float], bool]) -> None:
        for read_at, line in [*self._lines]:
            if is_due(line, read_at):
                self._lines.remove((read_at, line))
                self._say(f"  log  {line.readable()}")

    def _fields(self, exchange: Exchange) -> Fields:
        return self._log.of_request(exchange.execution_id)


def _introduce(say: Say, given: Given, log: Path, url: str) -> None:
    say(f"function  main.py:ingest at {url}, restarted when main.py or function/ changes")
    say(f"settings  {given.shown()}")
    say(f"secret    {f'{SECRET}, from the environment' if SECRET in given.from_environ else 'made up for this run'}")
    topics = ", ".join(given.topic(name) for name in DEFAULT_TOPICS)
    say(f"topics    {topics}; each has a subscription of its name")
    say(f"log       {log}, removed at the end; LOG=1 shows it here")


def _say_commands(say: Say, given: Given, host: str, url: str, port: int) -> None:
    is_windows = os.name == "nt"
    lines = subscriber_lines(host, given.topic("PUBSUB_TOPIC"), sys.executable, is_windows=is_windows)
    say("\nReceive events, in a second terminal: paste these three lines\n\n" + "\n".join(lines))
    say(f"\nSend signed events, in a third one: {send_command(port, is_windows=is_windows)}")
    body = encode(sample_event("temperature", number=2, at=datetime.now(UTC)))
    command = curl(url, body, signed_headers(body, given.secret, now=time.time()))
    say(f"or with curl; this signature holds for an hour:\n\n{command}\n")
    say(f"waiting for requests on {url} (Ctrl-C ends everything)\n")
