"""The function as it really runs: a process of its own behind functions-framework, on the loopback address.

Support for tests, not a test: processes, a plain HTTP client, and the log lines of the function.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar
from uuid import uuid4

from tests.emulators.processes import free_port

ROOT = Path(__file__).parents[2]
ENTRY_POINTS = ("ingest", "ingest_wsgi")
DOORS = ENTRY_POINTS  # the former name, for importers outside of this repository
START_S = 90.0
LINE_S = 30.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; ``headers`` by name in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body, parsed as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Exit:
    """How a process ended by itself: its exit status and output."""

    code: int
    output: str


class Function:
    """A function behind one of its entry points, with only this environment; a context manager."""

    def __init__(
        self, entry_point: str, environ: Mapping[str, str], home: Path, source: Path = ROOT / "main.py"
    ) -> None:
        self.port = free_port()
        self._output = home / f"{entry_point}-{self.port}.log"
        self._home = tempfile.TemporaryDirectory(
            prefix="home-"
        )  # a short path, because gunicorn makes a socket below it
        with self._outputs(home) as (output, errors):
            self._process = subprocess.Popen(
                self._command(entry_point, source),
                cwd=home,
                env={"HOME": self._home.name, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    def _command(self, entry_point: str, source: Path) -> list[str]:
        """Return the framework's own command."""
        command = str(Path(sys.executable).with_name("functions-framework"))
        return [command, "--host=127.0.0.1", f"--port={self.port}", f"--target={entry_point}", f"--source={source}"]

    @contextlib.contextmanager
    def _outputs(self, _home: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        """Return where its standard output and standard error go."""
        with self._output.open("wb") as output:
            yield output, output

    def __enter__(self) -> Self:
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """End it as Cloud Run does, leave no process behind, and return its exit status."""
        self._process.terminate()
        try:
            return self._process.wait(30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._home.cleanup()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all its processes meanwhile, as Cloud Run does between requests."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def exit(self) -> Exit:
        """Wait for the process to end by itself, and return how it ended."""
        try:
            return Exit(self._process.wait(START_S), self.output())
        finally:
            self.stop()

    def output(self) -> str:
        """Return what it has written to standard output and standard error so far."""
        return self._output.read_text("utf-8")

    def lines(self) -> list[dict[str, Any]]:
        """Return the complete lines of its output; each has to be JSON."""
        return [json.loads(line) for line in self.output().split("\n")[:-1]]

    def lines_of(self, trace: str) -> list[dict[str, Any]]:
        """Return the lines of the request with this trace, as soon as there is one."""
        return eventually(lambda: [line for line in self.lines() if trace_of(line) == trace])

    def send(
        self, headers: Headers = (), body: bytes | Iterable[bytes] = b"", method: str = "POST", path: str = "/"
    ) -> Answer:
        """Send one request on a connection of its own; a body of several parts is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.connect()
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if isinstance(body, bytes):
                connection.putheader("Content-Length", str(len(body)))
            else:
                connection.putheader("Transfer-Encoding", "chunked")
            with contextlib.suppress(
                ConnectionError
            ):  # the server refused early and did not read the rest; its answer is there
                connection.endheaders(body, encode_chunked=not isinstance(body, bytes))
            return read_answer(connection)

    def connect(self) -> socket.socket:
        """Open a plain TCP connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def cpu_s(self) -> float:
        """Return the seconds of CPU that the serving process has used."""
        fields = Path(f"/proc/{self.worker()}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def rss_bytes(self) -> int:
        """Return the memory that the serving process uses now."""
        return self._status("VmRSS")

    def threads(self) -> int:
        """Return how many threads the serving process has."""
        return len(list(Path(f"/proc/{self.worker()}/task").iterdir()))

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self.worker()}/status").read_text("ascii")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(name))

    def worker(self) -> int:
        """Return the id of the serving process."""
        pid = self._process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()[0])

    def _wait_until_it_answers(self) -> None:
        gives_up_at = time.monotonic() + START_S
        while True:
            try:
                self.send(method="GET")
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > gives_up_at:
                    raise AssertionError(f"the function did not start: {self.output()}") from None
                time.sleep(0.05)
            else:
                return


def read_answer(connection: http.client.HTTPConnection) -> Answer:
    """Read the answer to the request on this connection."""
    response = connection.getresponse()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def read_raw_answer(connection: socket.socket) -> Answer:
    """Read the answer to the request on a plain TCP connection."""
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def head(headers: Headers, *, length: int | None = None) -> bytes:
    """Return the head of a request, whose body is announced by its length or in chunks."""
    announced = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
    lines = [f"{name}: {value}" for name, value in [("Host", "localhost"), *headers, announced]]
    return "\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode("latin-1")


def new_trace() -> tuple[str, str]:
    """Return a new trace id and the ``traceparent`` that carries it."""
    trace = uuid4().hex
    return trace, f"00-{trace}-{uuid4().hex[:16]}-01"


def trace_of(line: Mapping[str, Any]) -> str:
    """Return the trace id of a log line, or an empty text."""
    return str(line.get("logging.googleapis.com/trace", "")).rpartition("/")[2]


def eventually(look: Callable[[], T], timeout_s: float = LINE_S) -> T:
    """Look repeatedly until there is a result, and return it; after ``timeout_s`` return the last one."""
    gives_up_at = time.monotonic() + timeout_s
    while not (seen := look()) and time.monotonic() < gives_up_at:
        time.sleep(0.01)
    return seen


def variant(folder: Path, beforehand: str) -> Path:
    """Write a ``main.py`` that runs this text first, and is the real one afterwards."""
    source = folder / "main.py"
    path = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
    source.write_text(path + beforehand + (ROOT / "main.py").read_text("utf-8"), "utf-8")
    return source
