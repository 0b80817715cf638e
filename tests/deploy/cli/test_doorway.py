"""How a command begins and ends: it names missing requirements, and ends with a status whatever its streams are."""

import ast
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.cli.doorway import PLAIN

ROOT = Path(__file__).parents[3]
COMMANDS = {
    "deploy help": ("-m", "deploy", "--help"),
    "deploy plan help": ("-m", "deploy", "plan", "--help"),
    "deploy plan": ("-m", "deploy", "plan"),
    "deploy plan as JSON": ("-m", "deploy", "plan", "--json"),
    "offline help": ("-m", "tests.emulators", "run", "--help"),
    "offline run": ("-m", "tests.emulators", "run", "--pubsub", "embedded"),
}
OLD = ("3.6", "3.7", "3.8", "3.9", "3.10")
"""Versions of Python before 3.11 that a machine may have."""

every_command = pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)


def run(words: Sequence[str], redirected: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the project in a shell that redirects its streams."""
    line = ["bash", "-o", "pipefail", "-c", f'"$0" "$@" {redirected}', sys.executable, *words]
    return subprocess.run(
        line,
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@functools.cache
def in_ascii(words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command that can only print ASCII, once for all tests."""
    return run(words, PYTHONIOENCODING="ascii")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@every_command
def test_on_a_full_disk_a_command_ends_with_1_and_without_a_traceback(words: Sequence[str]) -> None:
    done = run(words, "> /dev/full")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@every_command
def test_if_no_stream_can_be_written_the_exit_status_shows_the_error(words: Sequence[str]) -> None:
    assert run(words, "> /dev/full 2>&1").returncode == 1


@every_command
def test_a_closed_pipe_causes_no_traceback(words: Sequence[str]) -> None:
    done = run(words, "| head -c 1")
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@every_command
def test_closed_streams_cause_no_traceback(words: Sequence[str]) -> None:
    done = run(words, "<&- >&-")
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr


@every_command
def test_in_ascii_every_character_has_a_plain_form(words: Sequence[str]) -> None:
    done = in_ascii(words)
    assert done.returncode in {0, 1}
    assert done.stdout.isascii()
    assert "\\x" not in done.stdout + done.stderr
    assert "\\u" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_in_ascii_the_readings_are_legible() -> None:
    done = in_ascii(COMMANDS["offline run"])
    assert "24.9 deg C" in done.stdout
    assert "unsigned: 401 unsigned | tampered: 401 checksum" in done.stdout


def test_the_c_locale_is_no_failure() -> None:
    environ = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    assert run(COMMANDS["offline run"], **environ).returncode == 0


def test_replacements_of_characters_are_ascii() -> None:
    assert all(plain.isascii() and not char.isascii() for char, plain in PLAIN.items())


def test_every_printed_character_has_a_plain_form() -> None:
    documented = "─├└│▶▲┘"  # only used in docstrings
    used = {char for path in (ROOT / "deploy").rglob("*.py") for char in path.read_text("utf-8") if not char.isascii()}
    assert used - {*PLAIN, *documented, "•"} == set()  # the last one is the mask of DT's API for secrets


@pytest.mark.parametrize("module", ["deploy", "tests.emulators", "main"])
@pytest.mark.parametrize("version", OLD)
def test_a_python_that_is_too_old_is_reported_in_one_line(module: str, version: str) -> None:
    found = [*Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")]
    python = str(found[0]) if found else shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "--version"], capture_output=True, check=False).returncode:
        pytest.skip(f"NOT CHECKED: there is no Python {version} here")
    words = ["main.py"] if module == "main" else ["-m", module, "plan"]
    done = subprocess.run([python, *words], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Python 3.11 or newer is needed: this is {version}.")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("path", ["deploy/__init__.py", "main.py"])
def test_an_old_python_can_parse_the_files_that_check_its_version(path: str) -> None:
    ast.parse((ROOT / path).read_text("utf-8"), path, feature_version=(3, 7))
