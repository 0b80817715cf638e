"""The commands that send an event again: every shell runs them, and the function accepts what they send."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.live.web.curl import is_plain, signed, signing
from function.signature import parse_token, verify_body, verify_secret
from tests.deploy.live.builders import body
from tests.emulators.signing import signed_headers

SECRET = "a-secret-of-this-test-that-is-long-enough"
SHELLS = {"bash": ("bash", "--norc", "-c"), "zsh": ("zsh", "-f", "-c"), "fish": ("fish", "--no-config", "-c")}
BODIES = (
    body(labels={"name": 'it\'s "cold" & $HOME `x` %s !x'}),
    body(labels={"name": "Kühlraum"}).replace(b" ", b"\n"),
    b'@/etc/hostname {"event": 1}',
    b"-H x",
    b'{"text": "back\\\\\\\\slash \\\\u00e9"}',
    b"\x00\xff binary",
    b"",
    body(labels={"name": "x" * 200_000}),
)


class Function(HTTPServer):
    """A stand-in for the function, which keeps what it gets: signature and body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keeps)
        self.got: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}/"

    def accepted(self) -> bytes:
        """Return the body of the one request, if its signature is right."""
        ((token_text, sent),) = self.got
        token = parse_token(token_text, "HS256")
        assert verify_secret(token, [b"another-secret-that-is-older-than-it", SECRET.encode()]) == 1
        verify_body(token, sent, now=time.time(), leeway_s=60)
        return sent


class _Keeps(BaseHTTPRequestHandler):
    server: Function

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["X-Dt-Signature"], sent))
        assert self.headers["Content-Type"] == "application/json"
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def function() -> Iterator[Function]:
    """A function that listens."""
    with Function() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def run(shell: str, command: str, folder: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Type a command into a shell."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    others = {name: value for name, value in os.environ.items() if not name.startswith(("DT_", "FUNCTION_"))}
    return subprocess.run(
        [*SHELLS[shell], command], cwd=folder, env={**others, **environ}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_the_function_gets_the_same_bytes_with_a_signature_that_it_accepts(
    function: Function, tmp_path: Path, number: int
) -> None:
    sent = BODIES[number]
    (tmp_path / "event.body").write_bytes(sent)
    for shell in SHELLS if number < 3 else ("bash",):
        function.got.clear()
        secrets = f"{SECRET}\nanother-secret-that-is-older-than-it\n"
        command = signing(sent, "event.body")
        done = run(shell, command, tmp_path, FUNCTION_URL=function.url, DT_SIGNATURE_SECRET=secrets)
        assert done.stdout.startswith("HTTP/1.0 200"), done.stderr
        assert function.accepted() == sent
        function.got.clear()
        ready = signed(function.url, sent, signed_headers(sent, SECRET, now=time.time()), "event.body")
        assert run(shell, ready, tmp_path).stdout.startswith("HTTP/1.0 200")
        assert function.accepted() == sent


def test_neither_the_command_nor_a_process_has_the_secret(function: Function, tmp_path: Path) -> None:
    assert SECRET not in signing(BODIES[0], "event.body")
    assert "os.environ" in signing(BODIES[0], "event.body")


def test_without_the_variables_the_command_says_what_to_set(tmp_path: Path) -> None:
    done = run("bash", signing(BODIES[0], "event.body"), tmp_path)
    assert "set FUNCTION_URL and DT_SIGNATURE_SECRET first" in done.stderr


def test_a_body_that_a_shell_could_change_comes_from_a_file() -> None:
    assert [is_plain(sent) for sent in BODIES] == [True, True, True, True, False, False, False, False]
    assert [is_plain(sent) for sent in (b"a\\", b"\\'", b"\\n", b"\\u00e9", b"tab\t")] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert signing(BODIES[5], "event-7.body").endswith("--data-binary @event-7.body")
