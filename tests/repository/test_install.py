"""An installation shows its progress and why it failed, and all documented installations use the same options."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.install import Progress, command, install, main

ROOT = Path(__file__).parents[2]
MAKE = shutil.which("make") or "make"
LOCK = f"a==1 \\\n    --hash=sha256:{'0' * 64}\nb[x,y]==2 \\\n    --hash=sha256:{'0' * 64}\n"
SHOWN = sorted(
    path
    for pattern in ("Makefile", "*.md", "docs/*.md", ".ci/run", "*.py", "deploy/**/*.py", "function/*.py", "tests/*.py")
    for path in ROOT.glob(pattern)
    if path.name not in {"CHANGELOG.md", Path(__file__).name}
)


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def pip(*lines: str, lasts_s: float = 0.0, status: int = 0) -> list[str]:
    """Return a command that prints these lines like pip, runs for a while, and ends with this status."""
    program = f"import sys, time\nprint({chr(10).join(lines)!r}, flush=True)\ntime.sleep({lasts_s})\nsys.exit({status})"
    return [sys.executable, "-c", program]


def test_progress_counts_packages_and_seconds() -> None:
    progress = Progress(LOCK)
    assert progress.line(0) == "  0 of 2 packages, 0 s"
    progress.read(["Collecting a==1 (from -r x)\n", "  Using cached a-1.whl\n"])
    assert progress.line(3.4) == "  1 of 2 packages, 3 s"
    progress.read(["Requirement already satisfied: b[x,y]==2\n", "Installing collected packages: a\n"])
    assert progress.line(9) == "  unpacking the packages, 9 s"


def test_without_a_terminal_an_installation_prints_its_progress_on_new_lines() -> None:
    out = io.StringIO()
    assert install(pip("Collecting a", lasts_s=2.0), Progress(LOCK), out, tick_s=0.3) == 0
    lines = out.getvalue().splitlines()
    assert "  1 of 2 packages, 1 s" in lines
    assert all(re.fullmatch(r"  [01] of 2 packages, [0-9]+ s", line) for line in lines)


def test_on_a_terminal_progress_is_one_line_that_is_erased_at_the_end() -> None:
    out = Screen()
    assert install(pip("Collecting a", lasts_s=1.0), Progress(LOCK), out, tick_s=0.2) == 0
    assert "\n" not in out.getvalue()
    assert "\r  1 of 2 packages, " in out.getvalue()
    assert out.getvalue().endswith("\r\033[K")


def test_the_output_and_the_exit_status_of_a_failed_pip_are_kept() -> None:
    progress = Progress(LOCK)
    assert install(pip("Collecting a", "ERROR: no such package", status=7), progress, io.StringIO()) == 7
    assert progress.everything() == "Collecting a\nERROR: no such package\n"


def test_an_installation_that_fails_shows_pips_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"no-such-package==1 --hash=sha256:{'0' * 64}\n", "utf-8")
    assert main([str(lock)]) == 1
    errors = capfd.readouterr().err
    assert "No matching distribution found for no-such-package==1" in errors
    assert errors.endswith("requirements.txt could not be installed: pip ended with 1\n")


def test_the_pip_command_installs_only_listed_and_hashed_packages() -> None:
    assert {"--no-deps", "--require-hashes"} <= set(command("x"))


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_documented_pip_command_installs_only_listed_and_hashed_packages(path: Path) -> None:
    for line in path.read_text("utf-8").splitlines():
        if re.search(r"pip install .*-r ", line):
            assert "--no-deps --require-hashes" in line, line
            assert "python -m pip" in line, line


def test_make_installs_every_lock_in_the_same_way() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert len(re.findall(r"python -m tests\.install (?:\S+\.txt|\$<)", makefile)) == 8
    assert re.findall(r"pip install (.*)", makefile) == ["-qq uv"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the files that make needs, in a folder with a blank in its name, with nothing to install."""
    folder = tmp_path / "a clone"
    for name in ("Makefile", "tests/install.py", "tests/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "requirements.txt").write_text("# nothing\n", "utf-8")
    (folder / "deploy").mkdir()
    (folder / "tests/emulators.py").write_text("import sys\nprint('it runs:', *sys.argv[1:])\n", "utf-8")
    return folder


def make(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make in the clone, with an empty home folder."""
    environ = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(clone.parent)}
    return subprocess.run([MAKE, *words], cwd=clone, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.installs
@pytest.mark.timeout(600)
def test_make_sets_itself_up_in_a_folder_with_a_blank_in_its_name(clone: Path) -> None:
    done = make(clone, "run", "PUBSUB=embedded", f"PYTHON={sys.executable}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("it runs: run --pubsub embedded\n")


def test_a_blank_in_the_path_of_the_environment_is_refused_with_a_message(clone: Path) -> None:
    done = make(clone, "run", "VENV=/tmp/my venv")
    assert done.returncode == 2
    assert 'VENV is "/tmp/my venv": choose a path without blanks' in done.stderr


@pytest.mark.parametrize(
    ("python", "message"), [("", "Python 3.11 or newer is needed"), ("/bin/false", "is not a Python 3.11 or newer")]
)
def test_a_python_that_is_missing_or_too_old_is_reported(clone: Path, python: str, message: str) -> None:
    done = make(clone, "run", f"PYTHON={python}")
    assert done.returncode == 2
    assert message in done.stderr


def test_a_failed_virtual_environment_is_reported_with_the_reason(clone: Path) -> None:
    python = clone / "python"
    python.write_text("#!/bin/sh\ntest $1 = -c || { echo no space left >&2; exit 1; }\n", "utf-8")
    python.chmod(0o755)
    done = make(clone, "run", f"PYTHON={python}")
    assert done.stdout.startswith(f"making .venv, a virtual environment for {python} ...")
    assert done.stderr.startswith(f"no space left\n{python} cannot make a virtual environment")


def test_ctrl_c_while_the_environment_is_made_prints_no_stack_trace(clone: Path) -> None:
    python = clone / "python"
    python.write_text(f"#!/bin/sh\ntest $1 = -c || exec {sys.executable} -c 'import time; time.sleep(60)'\n", "utf-8")
    python.chmod(0o755)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(clone.parent)}
    with subprocess.Popen(
        [MAKE, "run", f"PYTHON={python}"],
        cwd=clone,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("making .venv")
        time.sleep(1)  # so that Python itself has started
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=240)
    assert "Traceback" not in errors
    assert process.returncode != 0
