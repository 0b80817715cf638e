"""The Makefile refuses variables that none of its commands reads, because make itself would ignore them."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(*typed: str) -> "subprocess.CompletedProcess[str]":
    """Return what ``make`` prints for this command line, without running a command."""
    environ = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKEOVERRIDES"}}
    return subprocess.run(
        ["make", "-n", *typed],  # noqa: S607
        cwd=ROOT,
        env={**environ, "type": "co2"},  # a variable of the environment can be another program's
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("typed", "variable", "advice"),
    [
        (("send", "type=co2"), "type", "did you mean TYPE?"),
        (("fault", "Name=pubsub-down"), "Name", "did you mean NAME?"),
        (("send", "EVENT=co2"), "EVENT", "make help shows the variables"),
    ],
)
def test_a_variable_that_no_command_reads_is_an_error(typed: tuple[str, ...], variable: str, advice: str) -> None:
    done = make(*typed)
    assert done.returncode != 0
    assert f"no command of this Makefile reads the variable {variable}: {advice}" in done.stderr


@pytest.mark.parametrize(
    "typed",
    [
        ("send",),
        ("send", "TYPE=co2", "RATE=5", "COUNT=20", "PORT=8081"),
        ("send", "FILE=my body=1.json", "AS_IS=1"),
        ("test", "PYTEST=-n 0 --tb=short"),
        ("fault", "NAME=none"),
        ("serve", "PUBSUB=embedded", "LOG=1"),
        ("wheel", "DIST=elsewhere", "VENV=other", "BIN=other/bin", "PYTHON=python3"),
    ],
)
def test_a_variable_that_a_command_reads_is_accepted(typed: tuple[str, ...]) -> None:
    assert make(*typed).returncode == 0


@pytest.mark.parametrize(
    ("target", "marks"),
    [
        ("test-tools", r"mark\.tools"),
        ("test-install", r"mark\.installs"),
        ("test-deploy", r"mark\.real_gcloud|REAL_GCLOUD|THOROUGH"),
    ],
)
def test_a_target_for_one_mark_collects_every_file_that_has_a_test_with_it(target: str, marks: str) -> None:
    (command,) = [line for line in make(target).stdout.splitlines() if "pytest" in line]
    collected = {ROOT / word for word in shlex.split(command) if word.startswith("tests/")}
    others = {*(ROOT / "tests").rglob("test_*.py")} - {Path(__file__)}
    marked = [path for path in others if re.search(marks, path.read_text("utf-8"))]
    assert marked
    assert [path for path in marked if not {path, *path.parents} & collected] == []


def test_a_target_for_one_mark_collects_only_the_tests_that_pytest_is_given() -> None:
    (command,) = [
        line
        for line in make("test-deploy", "PYTEST=-x tests/real_gcloud/test_up.py").stdout.splitlines()
        if "pytest" in line
    ]
    assert re.findall(r" (tests/\S+)", command) == ["tests/real_gcloud/test_up.py"]


def test_make_coverage_runs_make_test_with_the_measurement_and_asks_for_95_percent_of_each_package() -> None:
    (tests,) = [line for line in make("test", "PYTEST=-x").stdout.splitlines() if "pytest" in line]
    measured = make("test", "coverage", "PYTEST=-x").stdout  # test before it does not keep it from measuring
    assert "--cov" not in tests
    assert tests.removeprefix("exec ").replace("-m pytest", "-m pytest --cov --cov-report=") in measured.splitlines()
    assert "for package in function deploy" in measured
    assert "--fail-under=95" in measured
