"""docs/workbench.md: its commands are run as they stand, with the Makefile, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.processes import free_port
from tests.emulators.workbench.table import Table
from tests.emulators.workbenches import Bench, copy_of_the_project, rows, run, started

pytestmark = pytest.mark.tools

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "workbench.md").read_text("utf-8")
COMMANDS = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines()
SERVE = [command for command in COMMANDS if "make serve" in command]
OTHER = [command for command in COMMANDS if "make serve" not in command and "8081" not in command]
(FILTERED,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
MAKE = """#!/bin/sh
exec {make} -o .venv/.runtime BIN="{bin}" "$@"
"""
"""``make`` with the packages of this Python, instead of a new virtual environment."""


class Clone:
    """A copy of the project in which the commands of the page are typed, on free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_of_the_project(folder / "a clone")
        self.port, self._second = str(free_port()), str(free_port())
        make = folder / "bin" / "make"
        make.parent.mkdir()
        make.write_text(MAKE.format(make=shutil.which("make"), bin=Path(sys.executable).parent), "utf-8")
        make.chmod(0o755)
        self.environ = {"PATH": f"{make.parent}:{os.environ['PATH']}", "PORT": self.port, "PUBSUB": "embedded"}

    def command(self, line: str) -> list[str]:
        """Return a command of the page, with free ports."""
        return ["bash", "-c", line.replace("8080", self.port).replace("8081", self._second)]

    def port_of(self, line: str) -> int:
        """Return the port of a command of the page."""
        return int(self._second if "8081" in line else self.port)

    def run(self, line: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the page to its end."""
        environ = {**os.environ, **self.environ}
        return subprocess.run(
            self.command(line), cwd=self.folder, env=environ, capture_output=True, text=True, timeout=240, check=False
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A copy of the project."""
    return Clone(tmp_path)


@pytest.fixture
def serving(clone: Clone) -> Iterator[Bench]:
    """The page's first ``make serve``."""
    with started(clone.command(SERVE[0]), int(clone.port), clone.folder, **clone.environ) as bench:
        bench.printed("^time ")
        yield bench


def test_the_commands_of_the_page_do_what_it_says(clone: Clone, serving: Bench) -> None:
    host = serving.printed("^export PUBSUB_EMULATOR_HOST=")[0].partition("=")[2]
    program = subprocess.run(
        [sys.executable, "-c", FILTERED], env={**os.environ, "PUBSUB_EMULATOR_HOST": host}, check=False
    )
    assert program.returncode == 0
    assert len(OTHER) >= 7
    for line in OTHER:
        done = clone.run(line)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        if "curl" in line:
            assert done.stdout.startswith("HTTP/1.1 200 "), done.stdout
        if "COUNT=20" in line:
            assert len(rows(done.stdout.splitlines())) == 20
    assert serving.printed(r"^\d\d:\d\d:\d\d  temperature +d +no values +200 events")


@pytest.mark.parametrize("line", SERVE[1:])
def test_each_way_to_start_it_works(clone: Clone, line: str) -> None:
    with started(clone.command(line), clone.port_of(line), clone.folder, **clone.environ) as bench:
        bench.printed("^time ")
        send = "make send PORT=8081" if "8081" in line else "make send"
        assert send == "make send" or send in COMMANDS
        assert clone.run(send).returncode == 0
        if "LOG=1" in line:
            assert bench.printed("^  log  I  delivered temperature")
        if "LABEL_ATTRIBUTES" in line:
            assert "settings  LABEL_ATTRIBUTES=room CLOUDEVENTS=true, from the environment" in bench.lines


def test_the_sample_has_the_columns_of_the_program() -> None:
    assert f"\n{Table(None).head()}\n" in PAGE


def test_the_table_names_the_variables_and_flags_of_send() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipe = makefile.partition("\nsend:")[2].partition("\n\n")[0]
    shown = run("send", "--help").stdout
    documented = re.findall(r"^\| `(\w+)=[^`]*` \| `(--[a-z-]+)", PAGE, re.MULTILINE)

    assert {variable for variable, _ in documented} == {*re.findall(r"\$\((?:if \$\()?([A-Z_]+)\)", recipe)} - {
        "BIN"
    } - {"VENV"}
    assert {flag for _, flag in documented} == {*re.findall(r"--[a-z-]+", shown)} - {"--help"}
