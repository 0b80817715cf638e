"""``python -m tests.deploy.repair.audit.audited_day FILE``: the example of docs/repair.md (``make heat-map``).

The same example is the table beside the picture.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from deploy.repair.arrived.arrivals import Window
from deploy.repair.audit.counts import HOUR_S, Cell, Counts
from deploy.repair.audit.heat_map import Picture, heat_map
from deploy.verbs.audit import PICTURES

START = int(datetime.fromisoformat("2026-11-02T00:00:00Z").timestamp())
WINDOW = Window(START, START + 24 * HOUR_S)
PROJECT = "c0md3pm0p7bet3vico8g"
NAMES = ("Fridge 2", "Meeting room", "Freezer", "Front door", "Boiler", "Roof")
SILENT = {"Front door": range(6)}
"""Hours in which a device has no event."""

MISSING: Mapping[str, Mapping[int, int]] = {"Fridge 2": {9: 4, 10: 4}, "Meeting room": {9: 1, 14: 2}}
REJECTED: Mapping[str, Mapping[int, int]] = {"Freezer": {10: 3}}
YOUNG: Mapping[str, Mapping[int, int]] = {"Roof": {23: 1}}
"""Events that are not on the main topic, by device and hour. Each device has four events an hour."""


def cells() -> list[Cell]:
    """Return the counts of each device and hour."""
    return [
        Cell(PROJECT, f"device{number}", name, START + hour * HOUR_S, counts(name, hour))
        for number, name in enumerate(NAMES)
        for hour in range(24)
        if hour not in SILENT.get(name, ())
    ]


def counts(name: str, hour: int) -> Counts:
    """Return the counts of one device in one hour."""
    missing, rejected, young = (found.get(name, {}).get(hour, 0) for found in (MISSING, REJECTED, YOUNG))
    return Counts(4, 4 - missing - rejected - young, missing, rejected, young)


def summed(chosen: Sequence[Cell]) -> Counts:
    """Return the counts of several cells together."""
    return Counts(*(sum(cell.counts.as_json()[name] for cell in chosen) for name in Counts().as_json()))


def picture() -> Picture:
    """Return the heat map."""
    devices = [
        Cell(PROJECT, f"device{number}", name, START, summed([cell for cell in cells() if cell.name == name]))
        for number, name in enumerate(NAMES)
    ]
    return heat_map(WINDOW, devices, cells(), summed(cells()))


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_bytes(PICTURES[file.suffix](picture()))
