"""Coverage is measured only where it counts: in tests that call the product in process.

Measuring makes every call slower, those of pytest too: it doubles the time in which the tests are collected, and takes
10 ms for each test that is not measured, if it is switched off and on around it. So it is switched only between tests
of which one is measured and the other is not, which are in different files.

Lines that run when a module is imported are measured once, in the main process, which imports the whole product.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

import deploy
import function

TESTS = Path(__file__).parent

MEASURED = (TESTS / "function", TESTS / "deploy")
"""Folders of the tests that call the product in process."""

REPEATING = {TESTS / "deploy/stages/test_interrupted.py", TESTS / "function/test_differential.py"}
"""Files of those that run the same code hundreds of times, which other tests measure once."""


class Measurement(Protocol):
    """The measurement of a process, of pytest-cov; it is on at first."""

    def pause(self) -> None:
        """Switch it off."""

    def resume(self) -> None:
        """Switch it on."""


class MeasuredWhereItCounts:
    """A pytest plugin, in each worker and in the main process."""

    def __init__(self, measurement: Measurement) -> None:
        self._measurement = measurement
        self._is_on = True

    def begin(self, *, imports: bool) -> None:
        """Measure what imports run, if this process has to, and then nothing before the first test that counts."""
        if imports:
            import_all()
        self._switch(is_on=False)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Measure a test with its fixtures, or not."""
        self._switch(is_on=counts(item.path))
        return (yield)

    def _switch(self, *, is_on: bool) -> None:
        if is_on != self._is_on:
            self._is_on = is_on
            (self._measurement.resume if is_on else self._measurement.pause)()


def counts(path: Path) -> bool:
    """Return whether the tests of a file are measured."""
    return path not in REPEATING and any(path.is_relative_to(folder) for folder in MEASURED)


def import_all() -> None:
    """Import every module of the product."""
    for package in (function, deploy):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
