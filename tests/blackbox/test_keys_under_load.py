"""Black box, both entry points: rotations of secrets and of DT's keys under load, and hostile issuers."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import pytest

from tests.blackbox.serving import ENTRY_POINTS
from tests.prove.keys import hostile_issuers, keys_rotated, secrets_rotated
from tests.prove.report import Row

RATE = 20
"""Events per second: half as many as ``make prove`` sends, which has the machine for itself."""

Measured: TypeAlias = dict[str, "Future[list[Row]]"]

PARTS: dict[str, Callable[[str], list[Row]]] = {
    "secrets": lambda entry_point: secrets_rotated(entry_point, waits=False, rate=RATE),
    "keys": lambda entry_point: keys_rotated(entry_point, rate=RATE),
    "issuer": lambda entry_point: hostile_issuers(entry_point, ("other issuer", "no keys", "malformed")),
}


@pytest.fixture(scope="module")
def measured() -> Measured:
    """Measure everything, two functions at a time, because more would only wait for each other."""
    with ThreadPoolExecutor(2) as pool:
        return {
            f"{name} {entry_point}": pool.submit(part, entry_point)
            for name, part in PARTS.items()
            for entry_point in ENTRY_POINTS
        }


def broken(measured: Measured, what: str) -> list[str]:
    """Return the promises that do not hold, with the measured figures. Nothing is measured a second time."""
    return [f"{row.promise}: {row.measured}" for row in measured[what].result() if not row.holds]


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_no_event_is_refused_while_the_secret_rotates_or_its_file_is_lost_and_a_removed_secret_is_refused(
    measured: Measured, entry_point: str
) -> None:
    assert not broken(measured, f"secrets {entry_point}")


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_no_event_is_refused_while_dts_key_rotates_or_its_issuer_is_down_and_unknown_ids_cause_no_fetches(
    measured: Measured, entry_point: str
) -> None:
    assert not broken(measured, f"keys {entry_point}")


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_events_are_answered_503_as_long_as_the_issuer_is_hostile_at_start(
    measured: Measured, entry_point: str
) -> None:
    assert not broken(measured, f"issuer {entry_point}")
