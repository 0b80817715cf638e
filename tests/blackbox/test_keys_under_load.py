"""Black box: rotations of secrets and of DT's keys under load, and issuers that are hostile, behind both doors."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import pytest

from tests.prove.keys import hostile_issuers, keys_rotated, secrets_rotated
from tests.prove.report import Row
from tests.serving import DOORS

RATE = 20
"""Events a second: half of what ``make prove`` sends, which has the machine to itself."""

Measured: TypeAlias = dict[str, "Future[list[Row]]"]

PARTS: dict[str, Callable[[str], list[Row]]] = {
    "secrets": lambda door: secrets_rotated(door, waits=False, rate=RATE),
    "keys": lambda door: keys_rotated(door, rate=RATE),
    "issuer": lambda door: hostile_issuers(door, ("other issuer", "no keys", "malformed")),
}


@pytest.fixture(scope="module")
def measured() -> Measured:
    """Measure everything, two functions at a time: more of them would only wait for each other."""
    with ThreadPoolExecutor(2) as pool:
        return {f"{name} {door}": pool.submit(part, door) for name, part in PARTS.items() for door in DOORS}


def broken(measured: Measured, what: str) -> list[str]:
    """Return the promises that do not hold, with what was measured. A count is never taken a second time."""
    return [f"{row.promise}: {row.measured}" for row in measured[what].result() if not row.holds]


@pytest.mark.parametrize("door", DOORS)
def test_a_secret_is_rotated_and_its_file_lost_without_refusing_an_event_and_a_removed_one_is_refused(
    measured: Measured, door: str
) -> None:
    assert not broken(measured, f"secrets {door}")


@pytest.mark.parametrize("door", DOORS)
def test_dts_key_is_rotated_and_its_issuer_lost_without_refusing_an_event_while_unknown_ids_cost_no_fetches(
    measured: Measured, door: str
) -> None:
    assert not broken(measured, f"keys {door}")


@pytest.mark.parametrize("door", DOORS)
def test_an_issuer_that_is_hostile_at_the_start_puts_events_off_until_it_is_sound(
    measured: Measured, door: str
) -> None:
    assert not broken(measured, f"issuer {door}")
