"""Only a test of a promise about time is repeated, and the run reports it."""

from pathlib import Path

import pytest

from tests import again
from tests.inner import run

FAILS_ONCE = """
import pathlib, pytest

def first(name):
    file = pathlib.Path(name)
    there = file.exists()
    file.write_text("")
    return not there
"""
TIMED = f"{FAILS_ONCE}\n@pytest.mark.timed\ndef test_in_time():\n    assert not first('timed'), 'took 3 s'\n"
COUNT = f"{FAILS_ONCE}\ndef test_no_event_is_lost():\n    assert not first('counted')\n"


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_a_failed_test_of_time_is_repeated_and_reported(tmp_path: Path, workers: str) -> None:
    status, said = run(tmp_path, TIMED, again.OPTION, workers)
    assert (status, "1 passed" in said) == (0, True), said
    assert "test_made_up.py::test_in_time: passed then; first: " in said
    assert "AssertionError: took 3 s" in said


def test_a_failed_test_without_the_mark_is_not_repeated(tmp_path: Path) -> None:
    status, said = run(tmp_path, COUNT, again.OPTION, "-n0")
    assert (status, "1 failed" in said) == (1, True), said


def test_without_the_option_no_test_is_repeated(tmp_path: Path) -> None:
    status, said = run(tmp_path, TIMED, "-n0")
    assert (status, "1 failed" in said) == (1, True), said


def test_a_test_that_fails_twice_is_one_failure(tmp_path: Path) -> None:
    source = "import pytest\n@pytest.mark.timed\ndef test_in_time():\n    assert False, 'took 4 s'\n"
    status, said = run(tmp_path, source, again.OPTION, "-n0")
    assert (status, "1 failed" in said) == (1, True), said
    assert "test_in_time: failed then; first: " in said


def test_a_repeated_test_gets_new_fixtures(tmp_path: Path) -> None:
    source = f"{TIMED}\n@pytest.fixture(autouse=True)\ndef one(request):\n    print('made one')\n    yield\n"
    status, said = run(tmp_path, source, again.OPTION, "-n0", "-s")
    assert (status, said.count("made one")) == (0, 2), said


def test_a_test_whose_setup_fails_is_not_repeated(tmp_path: Path) -> None:
    source = f"{TIMED}\n@pytest.fixture(autouse=True)\ndef one():\n    assert not first('set up')\n"
    status, said = run(tmp_path, source, again.OPTION, "-n0")
    assert (status, "1 error" in said) == (1, True), said
