"""Without its packages a command shows all help, and for a verb the command that helps: with .venv if there is one."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from deploy.cli import missing
from deploy.cli.missing import INSTALL, not_installed
from deploy.cli.parser import build_parser
from deploy.verbs import USAGES
from function.version import VERSION

ROOT = Path(__file__).parents[3]
NO_REQUESTS = ModuleNotFoundError(name="requests.exceptions")
SETTINGS = ("--project=my-project", "--region=europe-west1", "--dt-project=c0md3pm0p7bet3vico8g")


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run this Python without the packages of its environment, which ``-S`` hides."""
    return subprocess.run(
        [sys.executable, "-S", *words], cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("words", "locks"),
    [
        (("-m", "deploy", "plan", *SETTINGS), "-r deploy/requirements.txt"),
        (("-m", "tests.emulators", "run"), "-r requirements.txt"),
        (("-m", "tests.emulators", "serve"), "-r requirements.txt"),
        (("-m", "tests.emulators", "rehearse"), "-r requirements.txt -r deploy/requirements.txt"),
        (("main.py",), "-r requirements.txt"),
    ],
    ids=["deploy plan", "run", "serve", "rehearse", "main.py"],
)
def test_missing_packages_are_reported_with_the_command_that_installs_them(words: Sequence[str], locks: str) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert " is not installed" in first
    assert second == f"  fix: python -m pip install --no-deps --require-hashes {locks}"


SEVERAL = """
import contextlib, io, json, os, sys
os.environ["COLUMNS"] = "80"
from deploy.__main__ import main
shown = []
for line in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            status = main(line.split())
        except SystemExit as ended:
            status = ended.code
    shown.append((status, out.getvalue() + err.getvalue()))
print(json.dumps([shown, sorted({"disruptive", "requests", "urllib3", "http.client"} & set(sys.modules))]))
"""
"""A program that prints the exit status and the output of several command lines, and what it imported to send calls."""

NEEDS_NO_PACKAGE = {
    "": (2, "to begin:"),
    "--help": (0, "usage: python -m deploy VERB [flags]\n"),
    "plan --help": (0, "usage: python -m deploy plan [flags]\n"),
    "up --help": (0, "usage: python -m deploy up [flags]\n"),
    "completion --help": (0, "usage: python -m deploy completion SHELL\n"),
    "--version": (0, f"dt-pubsub {VERSION}\n"),
    "staus": (1, "; did you mean status?\n"),
    "up --fast": (1, "error: unrecognized arguments: --fast;"),
    "plan --region=mars": (1, "--region"),
    "plan": (1, "--project is missing (or DEPLOY_PROJECT"),
}
"""Command lines that are answered without a call to a cloud, with their exit status and a part of what is shown."""


IN_JSON = " ".join(("plan --json", *SETTINGS))

Shown = Mapping[str, tuple[int, str]]
"""Exit status and output of command lines."""


def several(*lines: str, options: Sequence[str] = ()) -> tuple[Shown, list[str]]:
    """Run command lines in one process; return what they show, and which packages were imported."""
    line = [sys.executable, *options, "-c", SEVERAL, *lines]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, encoding="utf-8", check=True, timeout=60)
    shown, imported = json.loads(done.stdout)
    return {line: (status, text) for line, (status, text) in zip(lines, shown, strict=True)}, imported


@pytest.fixture(scope="module")
def without_packages() -> Shown:
    return several(*NEEDS_NO_PACKAGE, IN_JSON, options=["-S"])[0]


@pytest.mark.parametrize("line", NEEDS_NO_PACKAGE)
def test_help_and_errors_of_the_command_line_need_no_package(line: str, without_packages: Shown) -> None:
    status, part = NEEDS_NO_PACKAGE[line]
    assert without_packages[line][0] == status
    assert part in without_packages[line][1]


def test_help_without_the_packages_is_the_help_with_them(
    without_packages: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert without_packages["--help"] == (0, build_parser(USAGES).format_help())


def test_help_imports_nothing_that_sends_calls_although_it_is_installed() -> None:
    shown, imported = several("plan --help", "staus", "plan")
    assert [status for status, _ in shown.values()] == [0, 1, 1]
    assert imported == []


def test_missing_packages_are_reported_in_json_too(without_packages: Shown) -> None:
    status, shown = without_packages[IN_JSON]
    error = json.loads(shown.partition("error: ")[0])["error"]
    assert (status, error["what"]) == (1, f"disruptive is not installed for {sys.executable}")
    assert error["fix"] == [f"python {INSTALL} -r deploy/requirements.txt"]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a Python runs that belongs to no environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-m", "deploy", "up", "--label", "team=cold chain"])
    return tmp_path


def advice(python: str = "/usr/bin/python3") -> list[str]:
    """Return the commands that help if requests is missing for this Python."""
    what, fixes = not_installed(NO_REQUESTS, "deploy/requirements.txt")
    assert what == f"requests is not installed for {python}"
    return fixes


def venv(clone: Path, *packages: str) -> str:
    """Make what is looked for in an environment; return the path of its Python."""
    python = missing._PYTHON  # noqa: SLF001  # its place differs on Windows
    for name in packages:
        (clone / ".venv" / missing._PACKAGES.replace("*", "3.13") / name).mkdir(parents=True)  # noqa: SLF001
    (clone / ".venv" / python).parent.mkdir(parents=True, exist_ok=True)
    (clone / ".venv" / python).touch()
    return str(Path(".venv") / python)


def test_an_environment_of_the_clone_that_has_the_packages_is_used(clone: Path) -> None:
    python = venv(clone, "requests")
    assert advice() == [f"{python} -m deploy up --label 'team=cold chain'"]


def test_an_environment_of_the_clone_without_the_packages_gets_them(clone: Path) -> None:
    python = venv(clone, "flask")
    assert advice() == [f"{python} {INSTALL} -r deploy/requirements.txt"]


def test_without_an_environment_one_is_made_first(clone: Path) -> None:
    assert advice() == [
        "python3 -m venv .venv",
        f"{Path('.venv') / missing._PYTHON} {INSTALL} -r deploy/requirements.txt",  # noqa: SLF001
    ]
    assert list(clone.iterdir()) == []


def test_an_activated_environment_gets_the_packages_itself(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv(clone, "requests")
    (clone / "another").mkdir()
    (clone / "another" / "pyvenv.cfg").touch()
    python = str(clone / "another" / "bin" / "python")
    monkeypatch.setattr(sys, "executable", python)
    assert advice(python) == [f"python {INSTALL} -r deploy/requirements.txt"]


def test_a_missing_module_of_the_project_is_not_reported_as_a_package() -> None:
    with pytest.raises(ModuleNotFoundError):
        not_installed(ModuleNotFoundError(name="deploy.nothing"), "requirements.txt")
