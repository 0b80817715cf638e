"""Sensors in DT's cloud that report by themselves, so that events flow as soon as there is a Data Connector."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

from tests.emulators.clouds.dt.cloud import DT

EVERY_S = 3.0
"""Seconds between two events; the sensors take turns."""

MOST_PENDING = 300
"""If so many events wait for delivery, the sensors pause: each has a thread, and a fault may stay on for days."""

Measure = Callable[[int], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A sensor. ``measure``: the data of its event number N, without times."""

    name: str
    device_type: str
    product_number: str
    event_type: str
    measure: Measure


def _wave(mean: float, swing: float) -> Callable[[int], float]:
    return lambda number: round(mean + swing * math.sin(number / 5), 2)


def _temperature(mean: float) -> Measure:
    wave = _wave(mean, 1.5)
    return lambda number: {"value": wave(number)}


def _humidity(number: int) -> dict[str, Any]:
    return {"temperature": _wave(21.5, 0.8)(number), "relativeHumidity": round(_wave(41, 6)(number))}


def _presence(number: int) -> dict[str, Any]:
    return {"state": "PRESENT" if number % 2 else "NOT_PRESENT"}


KINDS = (
    Kind("Fridge 1", "temperature", "100110", "temperature", _temperature(4.0)),
    Kind("Meeting room", "humidity", "102081", "humidity", _humidity),
    Kind("Freezer", "temperature", "100110", "temperature", _temperature(-18.5)),
    Kind("Front door", "proximity", "100105", "objectPresent", _presence),
    Kind("Desk button", "touch", "100102", "touch", lambda _: {}),
)
"""The sensors of a sandbox, in the order of their turns. Product numbers as DT's data sheets have them, from memory."""


class Sensors:
    """The sensors, as a context manager: they report while it is open, and stay in DT's list of devices.

    ``on_turn``: called after each turn.
    """

    def __init__(self, dt: DT, every_s: float = EVERY_S, on_turn: Callable[[], object] = lambda: None) -> None:
        self._dt = dt
        self._every_s = every_s
        self._on_turn = on_turn
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._report, name="sensors", daemon=True)
        self._names = [_created(dt, kind) for kind in KINDS]

    def _report(self) -> None:
        for number in count():
            if self._ended.wait(self._every_s):
                return
            if self._dt.deliveries.pending() < MOST_PENDING:
                turn, at = divmod(number, len(KINDS))
                kind = KINDS[at]
                self._dt.devices.publish(self._names[at], kind.event_type, kind.measure(turn))
            self._on_turn()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _created(dt: DT, kind: Kind) -> str:
    labels = {"name": kind.name, "room": "A1"}
    return str(dt.devices.create(dt.tenant.project, kind.device_type, labels, kind.product_number)["name"])
