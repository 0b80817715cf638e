"""Where coverage is measured."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.measured import MeasuredWhereItCounts, counts, import_all

TESTS = Path(__file__).parents[1]


class Measurement:
    """Notes when it is switched."""

    def __init__(self) -> None:
        self.switched: list[str] = []

    def pause(self) -> None:
        """Note it."""
        self.switched.append("off")

    def resume(self) -> None:
        """Note it."""
        self.switched.append("on")


def test_tests_of_the_product_in_process_are_measured_and_others_are_not() -> None:
    assert counts(TESTS / "function/test_message.py")
    assert counts(TESTS / "deploy/verbs/test_up.py")
    assert not counts(TESTS / "deploy/stages/test_interrupted.py")
    assert not counts(TESTS / "blackbox/test_faults.py")


def test_it_is_switched_only_between_tests_that_count_and_others() -> None:
    measurement = Measurement()
    plugin: Any = MeasuredWhereItCounts(measurement)
    plugin.begin(imports=False)
    names = ("blackbox/a.py", "blackbox/b.py", "deploy/c.py", "function/d.py", "repository/e.py")
    states = []
    for name in names:
        next(plugin.pytest_runtest_protocol(SimpleNamespace(path=TESTS / name)))
        states.append(measurement.switched[-1])
    assert states == ["off", "off", "on", "on", "off"]
    assert measurement.switched == ["off", "on", "off"]


def test_every_module_of_the_product_can_be_imported_by_itself() -> None:
    import_all()
