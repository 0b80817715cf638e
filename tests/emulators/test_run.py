"""``make run`` and ``make serve``, run as commands."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path

import pytest

from function.schema import EVENT_TYPES, find_violation
from tests.emulators.events import SAMPLES, encode, sample_event

pytestmark = pytest.mark.tools

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def command(*arguments: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    """``python -m tests.emulators``, in a process group of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.emulators", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def read_until(process: "subprocess.Popen[str]", text: str) -> list[str]:
    """Return the printed lines up to the first one with this text."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError(f"{text!r} was never printed, but: {lines} {process.stderr and process.stderr.read()}")


def is_listening(port: int) -> bool:
    """Return whether a server listens on this port of the loopback address."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def ports(lines: list[str]) -> list[int]:
    """Return the ports of Pub/Sub and function, from the first two printed lines."""
    return [int(line.rstrip("/").rpartition(":")[2]) for line in lines if "127.0.0.1:" in line][:2]


@pytest.mark.parametrize("pubsub", ["embedded", "auto"])
def test_run_shows_every_event_type_as_received_and_ends_with_0(pubsub: str) -> None:
    with command("run", "--pubsub", pubsub) as process:
        output, errors = process.communicate(timeout=240)

    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    for event_type in SAMPLES:
        assert sum(line.startswith(f"{event_type} ") and line.endswith(" equal") for line in lines) == 1
    assert "24.9 °C" in output
    assert f"{len(SAMPLES)} of {len(SAMPLES)} events came back as they were sent" in lines
    assert "unsigned: 401 unsigned · tampered: 401 checksum · malformed: 200 kept whole on the rejected topic" in lines
    assert not any(is_listening(port) for port in ports(lines))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_interrupted_leaves_nothing_running(number: signal.Signals) -> None:
    with command("run", "--pubsub", "embedded") as process:
        lines = read_until(process, "function ")
        process.send_signal(number)
        process.communicate(timeout=120)

        assert process.returncode == 128 + number
        assert not any(is_listening(port) for port in ports(lines))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's kernel ends children with their parent")
def test_run_killed_by_sigkill_leaves_nothing_running(tmp_path: Path) -> None:
    with command("run", "--pubsub", "embedded", TMPDIR=str(tmp_path)) as process:
        lines = read_until(process, "function ")
        process.kill()
        process.wait(10)

        give_up_at = time.monotonic() + 15
        while any(is_listening(port) for port in ports(lines)):
            assert time.monotonic() < give_up_at, "the function outlived the command"
            time.sleep(0.1)


def test_run_reports_that_the_chosen_emulator_does_not_answer() -> None:
    with command("run", "--pubsub", "emulator", PUBSUB_EMULATOR_HOST="127.0.0.1:1") as process:
        output, errors = process.communicate(timeout=120)

    assert process.returncode == 1
    assert errors.startswith("error: no emulator answers at PUBSUB_EMULATOR_HOST=127.0.0.1:1")
    assert "Traceback" not in output + errors


def test_run_uses_the_embedded_pubsub_if_the_emulator_does_not_answer_and_says_so() -> None:
    with command("run", PUBSUB_EMULATOR_HOST="127.0.0.1:1") as process:
        output, _ = process.communicate(timeout=240)

    assert process.returncode == 0
    assert output.startswith("using the embedded Pub/Sub: no emulator answers at PUBSUB_EMULATOR_HOST=127.0.0.1:1")


def test_the_curl_that_serve_prints_delivers_an_event_that_serve_shows() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with command("serve", "--pubsub", "embedded", "--port", str(port)) as process:
        curl = shlex.split(next(line for line in read_until(process, "curl ") if line.startswith("curl ")))
        read_until(process, "message id")
        assert curl[:3] == ["curl", "-i", f"http://127.0.0.1:{port}/"]
        headers = [value.split(": ", 1) for flag, value in pairwise(curl[3:]) if flag == "-H"]
        with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("POST", "/", curl[-1].encode(), dict(headers))
            status = connection.getresponse().status

        shown = read_until(process, "temperature")[-1]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)

    assert (status, process.returncode) == (200, 0)
    assert "24.9 °C" in shown
    assert " 200 events " in shown
    assert "nothing is left running" in errors


@pytest.mark.parametrize("port", ["0", "-1", "65536", "http"])
def test_serve_reports_an_invalid_port(port: str) -> None:
    with command("serve", "--pubsub", "embedded", f"--port={port}") as process:
        output, errors = process.communicate(timeout=240)

    assert process.returncode == 2
    assert f"'{port}' is not a port, 1 to 65535" in errors
    assert "Traceback" not in output + errors


def test_serve_reports_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with command("serve", "--pubsub", "embedded", "--port", str(port)) as process:
            output, errors = process.communicate(timeout=240)

    assert process.returncode == 1
    assert f"error: port {port} is in use" in errors
    assert "Traceback" not in output + errors


def test_there_is_a_valid_sample_of_every_event_type() -> None:
    assert SAMPLES.keys() == EVENT_TYPES.keys()
    for event_type in SAMPLES:
        event = sample_event(event_type, number=1, at=datetime.now(UTC))
        assert find_violation(event_type, event["event"]["data"]) is None
        assert len(encode(event)) < 1000
