"""A second try is for promises about time alone, and the run says that there was one."""

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
def test_a_promise_about_time_has_a_second_try_and_the_run_says_so(tmp_path: Path, workers: str) -> None:
    status, said = run(tmp_path, TIMED, again.OPTION, workers)
    assert (status, "1 passed" in said) == (0, True), said
    assert "test_made_up.py::test_in_time: passed then; first: " in said
    assert "AssertionError: took 3 s" in said


def test_what_is_counted_has_none(tmp_path: Path) -> None:
    status, said = run(tmp_path, COUNT, again.OPTION, "-n0")
    assert (status, "1 failed" in said) == (1, True), said


def test_without_the_option_a_promise_about_time_has_none(tmp_path: Path) -> None:
    status, said = run(tmp_path, TIMED, "-n0")
    assert (status, "1 failed" in said) == (1, True), said


def test_two_failures_are_one(tmp_path: Path) -> None:
    source = "import pytest\n@pytest.mark.timed\ndef test_in_time():\n    assert False, 'took 4 s'\n"
    status, said = run(tmp_path, source, again.OPTION, "-n0")
    assert (status, "1 failed" in said) == (1, True), said
    assert "test_in_time: failed then; first: " in said


def test_a_second_try_begins_with_new_fixtures(tmp_path: Path) -> None:
    source = f"{TIMED}\n@pytest.fixture(autouse=True)\ndef one(request):\n    print('made one')\n    yield\n"
    status, said = run(tmp_path, source, again.OPTION, "-n0", "-s")
    assert (status, said.count("made one")) == (0, 2), said


def test_what_cannot_be_set_up_is_no_matter_of_time(tmp_path: Path) -> None:
    source = f"{TIMED}\n@pytest.fixture(autouse=True)\ndef one():\n    assert not first('set up')\n"
    status, said = run(tmp_path, source, again.OPTION, "-n0")
    assert (status, "1 error" in said) == (1, True), said
