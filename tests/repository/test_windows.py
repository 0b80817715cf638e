"""The code uses nothing that Windows lacks: names of POSIX, programs without an extension, encodings of the locale.

These tests do not run on Windows. `make types` checks the same names with Python's type stubs for Windows. The tests
run the commands with a Python from which most names of POSIX are removed.
"""

import ast
import contextlib
import functools
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from deploy.google.gcloud_process import run_gcloud
from tests.emulators.processes import free_port
from tests.emulators.workbenches import started

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for path in [ROOT / "main.py", *(ROOT / "function").rglob("*.py"), *(ROOT / "deploy").rglob("*.py")]
    if "clouds" not in path.parts  # the rehearsal needs a POSIX system, as docs/windows.md says
)
POSIX_MODULES = {"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "posix", "crypt", "readline"}
POSIX_NAMES = {
    *("fork", "forkpty", "killpg", "getuid", "geteuid", "getgid", "getegid", "setsid", "setpgid", "getpgid", "uname"),
    *("chown", "mkfifo", "getloadavg", "nice", "sched_getaffinity", "pidfd_open", "posix_spawn"),
    *("SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGQUIT", "SIGSTOP", "SIGCONT", "SIGPIPE"),
    *("alarm", "setitimer", "pthread_kill", "sigwait", "add_signal_handler", "AF_UNIX", "SO_REUSEPORT"),
}


@functools.cache
def nodes(module: Path) -> list[ast.AST]:
    """Return all nodes of a module, which both searches read."""
    return [*ast.walk(ast.parse(module.read_text("utf-8")))]


def posix_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Find the modules and attributes that Windows does not have."""
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in POSIX_NAMES:
            yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (f"line {node.lineno}: import {name}" for name in names if name in POSIX_MODULES)


def unencoded(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Find text that is read or written in the encoding of the locale, which on Windows is not UTF-8."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = {keyword.arg for keyword in node.keywords}
            places = {"read_text": 1, "write_text": 2}.get(node.func.attr)
            is_unnamed = places is not None and len(node.args) < places and "encoding" not in given
            if is_unnamed or ("text" in given and "encoding" not in given):
                yield f"line {node.lineno}: {ast.unparse(node)[:60]}"


def test_no_name_that_windows_lacks_is_used() -> None:
    assert [f"{path.relative_to(ROOT)}: {found}" for path in SOURCES for found in posix_names(nodes(path))] == []


def test_text_is_read_and_written_with_an_explicit_encoding() -> None:
    assert [f"{path.relative_to(ROOT)}: {found}" for path in SOURCES for found in unencoded(nodes(path))] == []


def test_the_search_finds_names_that_windows_lacks() -> None:
    module = (
        "import fcntl\nsignal.signal(signal.SIGHUP, f)\nos.killpg(1, signal.SIGKILL)\nloop.add_signal_handler(2, f)"
    )
    assert len([*posix_names(ast.walk(ast.parse(module)))]) == 5
    module = "path.read_text()\npath.write_text(x)\nsubprocess.run(x, text=True)\npath.read_text('utf-8')"
    assert len([*unencoded(ast.walk(ast.parse(module)))]) == 3


WITHOUT_POSIX = f"""
import asyncio, getpass, logging.handlers, multiprocessing.util, os, random, shutil, signal, socketserver, subprocess
import sys, tempfile, concurrent.futures, http.server
for module in {sorted(POSIX_MODULES - {"posix"})}:
    sys.modules[module] = None
for name in {sorted(POSIX_NAMES)}:
    for place in (os, signal):
        if hasattr(place, name):
            delattr(place, name)
def refuses(*_):
    raise NotImplementedError
asyncio.AbstractEventLoop.add_signal_handler = asyncio.SelectorEventLoop.add_signal_handler = refuses
sys.executable = os.environ.get("WITHOUT_POSIX", sys.executable)
"""
"""A program that removes names of POSIX from Python; modules of the standard library keep those that they imported."""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python without the names of POSIX; this also holds for every Python that it starts."""
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(WITHOUT_POSIX), "utf-8")
    program = tmp_path / "python"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={tmp_path} WITHOUT_POSIX={program} exec {sys.executable} "$@"\n', "utf-8"
    )
    program.chmod(0o755)
    return program


def run(python: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of this project with this Python."""
    return subprocess.run(
        [python, *words],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_python_of_these_tests_lacks_names_of_posix(python: Path) -> None:
    done = run(python, "-c", "import signal, os; print(hasattr(signal, 'SIGHUP'), hasattr(os, 'fork'))")
    assert done.stdout == "False False\n", done.stderr
    assert "ModuleNotFoundError" in run(python, "-c", "import fcntl").stderr


def test_without_posix_the_deployment_starts_and_reports_missing_settings(python: Path, tmp_path: Path) -> None:
    assert run(python, "-m", "deploy", "--help").returncode == 0
    done = run(python, "-m", "deploy", "plan", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_without_posix_a_verb_starts_and_reports_a_missing_gcloud(python: Path, tmp_path: Path) -> None:
    done = run(python, "-m", "deploy", "list", "--project=my-project", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "error: gcloud: not installed" in done.stderr


def test_without_posix_the_whole_path_runs_with_the_embedded_pubsub(python: Path) -> None:
    done = run(python, "-m", "tests.emulators", "run", "--pubsub", "embedded")
    assert (done.returncode, done.stderr) == (0, "")
    assert "19 of 19 events came back as they were sent" in done.stdout


@pytest.mark.tools
def test_without_posix_a_workbench_is_sent_events(python: Path) -> None:
    port = str(free_port())
    line = [str(python), "-m", "tests.emulators", "serve", "--pubsub", "embedded", "--port", port]
    with started(line, int(port)) as bench:
        bench.printed("^time ")
        done = run(python, "-m", "tests.emulators", "send", "--type", "all", "--port", port)
    assert (done.returncode, done.stderr) == (0, "")
    assert "19 sent: 19 answered 200 events" in done.stdout


@pytest.mark.tools
def test_without_posix_the_embedded_pubsub_ends_on_sigterm(python: Path) -> None:
    line = [str(python), "-m", "tests.emulators.pubsub"]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout
            assert process.stderr
            assert '"host"' in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert (process.wait(30), process.stderr.read()) == (0, "")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def test_gcloud_is_started_by_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin/gcloud.cmd"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$0"\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(program) if name == "gcloud" else None)

    done = run_gcloud(("version",), stdin=None, folder=tmp_path, timeout_s=30)

    assert done.stdout == f"{program}\n"


def test_a_gcloud_on_a_relative_path_is_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/gcloud"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho here\n", "utf-8")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"bin:{os.environ['PATH']}")

    assert run_gcloud(("version",), stdin=None, folder=program.parent, timeout_s=30).stdout == "here\n"
