"""Every text that shows a command shows it under the name by which it was started."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.program import MODULE, PROGRAM, name_of
from tests.texts import texts

ROOT = Path(__file__).parents[2]
MODULES = [path for path in (ROOT / "deploy").rglob("*.py") if path.name != "program.py"]


@pytest.mark.parametrize(
    ("argv0", "name"),
    [
        ("/home/user/.local/bin/dt-pubsub", "dt-pubsub"),
        ("dt-pubsub.exe", "dt-pubsub"),
        ("dt-pubsub-script.py", "dt-pubsub"),
        ("/home/user/.local/bin/dt-pubsub@2", "dt-pubsub@2"),
        ("/clone/deploy/__main__.py", MODULE),
        ("-m", MODULE),
        ("/usr/bin/pytest", MODULE),
        ("dt-pubsub; rm", MODULE),
        ("", MODULE),
    ],
)
def test_the_name_is_the_one_that_the_user_typed(argv0: str, name: str) -> None:
    assert name_of(argv0) == name


def test_no_other_module_writes_the_name_into_a_text() -> None:
    found = [f"{path.relative_to(ROOT)}: {text}" for path in MODULES for text in texts(path) if MODULE in text]
    assert found == [], "write {PROGRAM}, of deploy/program.py"


SCRIPT = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from deploy.__main__ import start
for line in sys.argv[1:]:
    child = os.fork()
    if not child:
        sys.argv[1:] = line.split()
        start()
    os.waitpid(child, 0)
"""
"""What an installation makes, but it runs several command lines after one start. ``start`` ends its process."""

LINES = {
    "--help": ("usage: {name} VERB [flags]", "  {name} up --min-instances=1"),
    "up --help": ("usage: {name} up [flags]",),
    "staus": ("  fix: {name} --help",),
    "up --fast": ("  fix: {name} up --help",),
    "up --project": ("  fix: {name} up --help",),
    "completion --help": ("  {name} completion fish | source",),
}


def printed_by(name: str, folder: Path, *lines: str) -> list[str]:
    """Return what the command prints for these command lines, if its script has this name."""
    script = folder / name
    script.write_text(SCRIPT, "utf-8")
    done = subprocess.run(
        [sys.executable, str(script), *lines],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", ["dt-pubsub", "dt-pubsub@2"])
def test_help_and_errors_show_the_name_of_the_installed_command(name: str, tmp_path: Path) -> None:
    printed = printed_by(name, tmp_path, *LINES)
    wanted = [line.format(name=name) for lines in LINES.values() for line in lines]
    assert [line for line in wanted if printed.count(line) < wanted.count(line)] == []
    assert PROGRAM not in "\n".join(printed)


def test_an_installed_command_without_its_packages_shows_the_command_that_installs_them(tmp_path: Path) -> None:
    script = tmp_path / "dt-pubsub"
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom deploy.__main__ import start\nstart()\n")
    line = [sys.executable, "-S", str(script), "list", "--project=my-project"]  # -S hides the packages
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    options = "-m pip install --no-deps --require-hashes"
    assert done.stderr.splitlines()[1:] == [f'  fix: "{sys.executable}" {options} -r "{ROOT}/deploy/requirements.txt"']
