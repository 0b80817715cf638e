"""One seed determines the order of the tests and all randomness in them, and the run prints it."""

from pathlib import Path

import pytest

from tests.blackbox.serving import ROOT
from tests.hooks import LONGEST
from tests.inner import ids, run

SOURCE = """
import random
import pytest
from hypothesis import given, settings, strategies

@pytest.mark.parametrize("number", range(9))
def test_it(number):
    print("did", number, random.random())

@settings(max_examples=3, database=None)
@given(strategies.integers())
def test_property(found):
    print("found", found)
"""


def seen(folder: Path, *options: str) -> tuple[int, list[str]]:
    """Return the seed of a run, and its random values."""
    status, output = run(folder, SOURCE, "-n0", "-s", *options)
    assert status == 0, output
    (seed,) = ids(output, "all randomness in them: --randomly-seed=")
    return seed, [line.lstrip(".") for line in output.splitlines() if line.lstrip(".").startswith(("did", "found"))]


@pytest.mark.tools
def test_a_run_prints_the_seed_that_repeats_it_and_the_next_run_has_another(tmp_path: Path) -> None:
    seed, first = seen(tmp_path)
    again, second = seen(tmp_path, f"--randomly-seed={seed}")
    other, third = seen(tmp_path)

    assert (again, second) == (seed, first)
    assert other != seed
    assert third != first


def test_the_files_that_are_to_begin_first_are_there() -> None:
    assert [path for path in LONGEST if not (ROOT / "tests" / path).exists()] == []
