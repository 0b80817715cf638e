"""Without its packages a command shows its verbs, and the command that helps: with .venv if the clone has one."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.cli import missing
from deploy.cli.missing import INSTALL, bare_help, not_installed
from deploy.verbs import VERBS

ROOT = Path(__file__).parents[3]
NO_REQUESTS = ModuleNotFoundError(name="requests.exceptions")


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run this Python without the packages of its environment, which ``-S`` hides."""
    return subprocess.run(
        [sys.executable, "-S", *words], cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("words", "locks"),
    [
        (("-m", "deploy", "plan"), "-r deploy/requirements.txt"),
        (("-m", "tests.emulators", "run"), "-r requirements.txt"),
        (("-m", "tests.emulators", "serve"), "-r requirements.txt"),
        (("-m", "tests.emulators", "rehearse"), "-r requirements.txt -r deploy/requirements.txt"),
        (("main.py",), "-r requirements.txt"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_missing_packages_are_reported_with_the_command_that_installs_them(words: Sequence[str], locks: str) -> None:
    done = run(*words)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert " is not installed" in first
    assert second == f"  fix: python -m pip install --no-deps --require-hashes {locks}"


@pytest.mark.parametrize("words", [(), ("--help",), ("up", "--help")], ids=" ".join)
def test_help_without_the_packages_shows_every_verb(words: tuple[str, ...]) -> None:
    done = run("-m", "deploy", *words)
    assert done.returncode == (0 if words == ("--help",) else 1)
    assert done.stdout.startswith("usage: python -m deploy VERB [flags]\n")
    assert [line.split()[0] for line in done.stdout.splitlines() if re.match(r"  \w", line)] == sorted(VERBS)
    assert "  down     remove both ends of a deployment, after a confirmation\n" in done.stdout
    assert " is not installed" in done.stderr


def test_no_other_command_line_without_the_packages_prints_help() -> None:
    assert run("-m", "deploy", "up").stdout == ""


def test_the_short_help_fits_one_screen() -> None:
    assert max(map(len, bare_help("python -m deploy", ROOT / "deploy" / "verbs").splitlines())) <= 80


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a Python runs that belongs to no environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-m", "deploy", "up", "--label", "team=cold chain"])
    return tmp_path


def advice() -> list[str]:
    """Return the commands that help if requests is missing."""
    first, *fixes = not_installed(NO_REQUESTS, "deploy/requirements.txt").splitlines()
    assert first == "error: requests is not installed for /usr/bin/python3"
    return [line.removeprefix("  fix: ") for line in fixes]


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
    monkeypatch.setattr(sys, "executable", str(clone / "another" / "bin" / "python"))
    assert f"  fix: python {INSTALL} -r deploy/requirements.txt" in not_installed(
        NO_REQUESTS, "deploy/requirements.txt"
    )


def test_a_missing_module_of_the_project_is_not_reported_as_a_package() -> None:
    with pytest.raises(ModuleNotFoundError):
        not_installed(ModuleNotFoundError(name="deploy.nothing"), "requirements.txt")
