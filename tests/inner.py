"""Run pytest on a made-up file within a test, with the plugins of these tests. Support for tests, not a test."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.blackbox.serving import ROOT

CONFTEST = "from tests.hooks import pytest_addoption, pytest_configure, pytest_sessionstart\n"
PLUGINS = ("xdist", "randomly", "hypothesispytest")
"""Those that the hooks have to do with; each of the others would cost every run more than all that it does."""
ENDS_WITHIN_S = 240.0

Run = subprocess.Popen[str]


def begin(folder: Path, source: str, *options: str) -> Run:
    """Start a run of this source, in a session of its own."""
    (folder / "conftest.py").write_text(CONFTEST, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = timed: as the project's own\n", "utf-8")
    (folder / "test_made_up.py").write_text(source, "utf-8")
    plugins = [part for name in PLUGINS for part in ("-p", name)]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, source: str, *options: str) -> tuple[int, str]:
    """Run this source; return the exit status and the output."""
    with begin(folder, source, *options) as process:
        output = process.communicate(timeout=ENDS_WITHIN_S)[0]
    return process.returncode, output


def ids(output: str, pattern: str) -> Sequence[int]:
    """Return the numbers that follow a pattern in the output."""
    return [int(found) for found in re.findall(rf"{pattern}(\d+)", output)]
