"""Chooses the type of the emulated events, so that as few events of real devices as possible are copied. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from deploy.errors import DeployError
from deploy.proof.checks import EMULATED
from deploy.resources.connector import MAX_PER_PROJECT, Connector

CANDIDATES = (
    *("deskOccupancy", "contact", "motion", "waterPresent", "objectPresentCount", "touchCount", "objectPresent", "co2"),
    *("humidity", "temperature"),
)
"""The types, the rarest first. ``touch`` is none, because devices of every type send it."""


def event_type_for(devices: Iterable[Mapping[str, Any]]) -> tuple[str, int]:
    """Return the type that the fewest of these devices send, and how many do."""
    counts = Counter(str(device.get("type")) for device in devices if not _is_emulated(device))
    chosen = min(CANDIDATES, key=lambda name: counts[EMULATED[name][0]])
    return chosen, counts[EMULATED[chosen][0]]


def _is_emulated(device: Mapping[str, Any]) -> bool:
    return "/devices/emu" in str(device.get("name", ""))


def check_room(project: str, connectors: Iterable[Connector]) -> None:
    """Check that DT allows one more connector in a project.

    Raises:
        DeployError: it does not.

    """
    count = len(list(connectors))
    if count == MAX_PER_PROJECT:
        what = f"has {count} Data Connectors, and DT allows {MAX_PER_PROJECT}: there is no room for a temporary one"
        raise DeployError(what, where=f"DT project {project}", fix=["delete one in DT Studio, or report on another"])
