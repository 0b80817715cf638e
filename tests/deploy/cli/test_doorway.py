"""How a command begins and ends: it names missing requirements, and ends with a status whatever its streams are."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.cli.doorway import PLAIN
from tests.forks import Forks

ROOT = Path(__file__).parents[3]
COMMANDS = {
    "deploy help": ("deploy", "--help"),
    "deploy plan help": ("deploy", "plan", "--help"),
    "deploy plan": ("deploy", "plan"),
    "deploy plan as JSON": ("deploy", "plan", "--json"),
    "offline help": ("tests.emulators", "run", "--help"),
    "offline run": ("tests.emulators", "run", "--pubsub", "embedded"),
}
OLD = ("3.6", "3.7", "3.8", "3.9", "3.10")
"""Versions of Python before 3.11 that a machine may have."""

every_command = pytest.mark.parametrize("name", COMMANDS)


@dataclass(frozen=True)
class Ended:
    """How a command has ended, and what it printed; nothing if the stream was not a file."""

    status: int
    out: str
    err: str


Ends = Mapping[str, Ended]


def ends(folder: Path, *streams: int, redirected: str = "", out: int = subprocess.DEVNULL, **environ: str) -> Ends:
    """Run all commands; return how each has ended.

    ``redirected``: their streams, in the shell's language; ``out``: their standard output, if that is no file.
    ``streams``: the numbers of the streams that are read.
    """
    environ = {"PYTHONUNBUFFERED": "", **environ}  # with it, nothing would be left to write when a command ends
    found = {}
    with Forks("deploy.cli.parser", "deploy.verbs", redirected=redirected, out=out, **environ) as forks:
        for number, (name, words) in enumerate(COMMANDS.items()):
            files = {stream: folder / f"{number}.{stream}" for stream in streams}
            status = forks.begin(words, files, {**os.environ, **environ}).wait()
            out_and_err = (files[stream].read_text("utf-8") if stream in files else "" for stream in (1, 2))
            found[name] = Ended(status, *out_and_err)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Return what makes a folder for the printed text of all commands."""
    return lambda: tmp_path_factory.mktemp("printed")


@pytest.fixture(scope="module")
def on_a_full_disk(folder: Callable[[], Path]) -> Ends:
    return ends(folder(), 2, redirected="> /dev/full")


@pytest.fixture(scope="module")
def on_full_disks(folder: Callable[[], Path]) -> Ends:
    return ends(folder(), redirected="> /dev/full 2>&1")


@pytest.fixture(scope="module")
def without_a_reader(folder: Callable[[], Path]) -> Ends:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return ends(folder(), 2, out=writing)
    finally:
        os.close(writing)


@pytest.fixture(scope="module")
def with_closed_streams(folder: Callable[[], Path]) -> Ends:
    return ends(folder(), 2, redirected="<&- >&-")


@pytest.fixture(scope="module")
def in_ascii(folder: Callable[[], Path]) -> Ends:
    return ends(folder(), 1, 2, PYTHONIOENCODING="ascii")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@every_command
def test_on_a_full_disk_a_command_ends_with_1_and_without_a_traceback(name: str, on_a_full_disk: Ends) -> None:
    ended = on_a_full_disk[name]
    assert ended.status == 1
    assert "Traceback" not in ended.err
    assert "Exception ignored" not in ended.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@every_command
def test_if_no_stream_can_be_written_the_exit_status_shows_the_error(name: str, on_full_disks: Ends) -> None:
    assert on_full_disks[name].status == 1


@every_command
def test_a_closed_pipe_causes_no_traceback(name: str, without_a_reader: Ends) -> None:
    ended = without_a_reader[name]
    assert ended.status in {0, 1}
    assert "Traceback" not in ended.err
    assert "Exception ignored" not in ended.err


@every_command
def test_closed_streams_cause_no_traceback(name: str, with_closed_streams: Ends) -> None:
    ended = with_closed_streams[name]
    assert ended.status in {0, 1}
    assert "Traceback" not in ended.err


@every_command
def test_in_ascii_every_character_has_a_plain_form(name: str, in_ascii: Ends) -> None:
    ended = in_ascii[name]
    assert ended.status in {0, 1}
    assert ended.out.isascii()
    assert "\\x" not in ended.out + ended.err
    assert "\\u" not in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_in_ascii_the_readings_are_legible(in_ascii: Ends) -> None:
    printed = in_ascii["offline run"].out
    assert "24.9 deg C" in printed
    assert "unsigned: 401 unsigned | tampered: 401 checksum" in printed


def test_the_c_locale_is_no_failure() -> None:
    environ = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    line = [sys.executable, "-m", *COMMANDS["offline run"]]
    done = subprocess.run(line, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, check=False)
    assert done.returncode == 0


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
