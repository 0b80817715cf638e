"""Only a test of a promise about time is repeated, and the run reports it."""

from pathlib import Path

import pytest

from tests import again
from tests.inner import run

pytestmark = pytest.mark.tools

FAILS_ONCE = """
import pathlib, pytest

def first(name):
    file = pathlib.Path(name)
    there = file.exists()
    file.write_text("")
    return not there
"""
TIMED = f"{FAILS_ONCE}\n@pytest.mark.timed\ndef test_in_time():\n    assert not first('timed'), 'took 3 s'\n"
LATE = f"""{FAILS_ONCE}
from tests.pace import in_time

def test_in_time_and_whole():
    in_time(3600.0 if first('late') else 1.0, 2.0, 'for the answer')
"""
COUNT = f"{FAILS_ONCE}\ndef test_no_event_is_lost():\n    assert not first('counted')\n"


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_a_failed_test_of_time_is_repeated_and_reported(tmp_path: Path, workers: str) -> None:
    status, output = run(tmp_path, TIMED, again.OPTION, workers)
    assert (status, "1 passed" in output) == (0, True), output
    assert "test_made_up.py::test_in_time: passed the second time; first: " in output
    assert "AssertionError: took 3 s" in output


def test_what_is_late_and_right_in_all_else_has_one(tmp_path: Path) -> None:
    status, said = run(tmp_path, LATE, again.OPTION, "-n0")
    assert (status, "1 passed" in said) == (0, True), said
    assert "Late: test_made_up.py:13: 3600.00 s instead of 2.00 s for the answer" in said


def test_what_is_late_and_wrong_has_none_and_fails_as_wrong(tmp_path: Path) -> None:
    status, said = run(tmp_path, f"{LATE}    assert not first('counted'), 'lost one'\n", again.OPTION, "-n0")
    assert (status, "1 failed" in said, "lost one" in said) == (1, True, True), said


def test_what_is_late_without_the_option_fails_as_late(tmp_path: Path) -> None:
    status, said = run(tmp_path, LATE, "-n0")
    assert (status, "1 failed" in said, "Late: test_made_up.py:13" in said) == (1, True, True), said


def test_what_was_measured_for_a_whole_file_is_measured_again(tmp_path: Path) -> None:
    source = f"""{FAILS_ONCE}
from tests.pace import in_time

@pytest.fixture(scope="module")
def measured():
    return 3600.0 if first('measured') else 1.0

@pytest.mark.parametrize("part", [1, 2])
def test_in_time(measured, part):
    in_time(measured, 2.0)
"""
    status, said = run(tmp_path, source, again.OPTION, "-n0", "-p", "no:randomly")
    assert (status, "2 passed" in said) == (0, True), said


def test_what_is_counted_has_none(tmp_path: Path) -> None:
    status, said = run(tmp_path, COUNT, again.OPTION, "-n0")
    assert (status, "1 failed" in said) == (1, True), said


def test_without_the_option_no_test_is_repeated(tmp_path: Path) -> None:
    status, output = run(tmp_path, TIMED, "-n0")
    assert (status, "1 failed" in output) == (1, True), output


def test_a_test_that_fails_twice_is_one_failure(tmp_path: Path) -> None:
    source = "import pytest\n@pytest.mark.timed\ndef test_in_time():\n    assert False, 'took 4 s'\n"
    status, output = run(tmp_path, source, again.OPTION, "-n0")
    assert (status, "1 failed" in output) == (1, True), output
    assert "test_in_time: failed the second time; first: " in output


def test_a_repeated_test_gets_new_fixtures(tmp_path: Path) -> None:
    source = f"{TIMED}\n@pytest.fixture(autouse=True)\ndef one(request):\n    print('made one')\n    yield\n"
    status, output = run(tmp_path, source, again.OPTION, "-n0", "-s")
    assert (status, output.count("made one")) == (0, 2), output


def test_a_test_whose_setup_fails_is_not_repeated(tmp_path: Path) -> None:
    source = f"{TIMED}\n@pytest.fixture(autouse=True)\ndef one():\n    assert not first('set up')\n"
    status, output = run(tmp_path, source, again.OPTION, "-n0")
    assert (status, "1 error" in output) == (1, True), output
