"""The error for a device that DT does not know, which names the one that was probably meant. Pure."""

from collections.abc import Sequence

from deploy.cli.spelling import suggestion
from deploy.dt.history import HistoryDevice
from deploy.errors import DeployError
from deploy.spec import DT_STUDIO

MAX_SHOWN = 100
"""Characters of an invalid id that an error shows."""

MOST_NAMED = 10
"""Devices that are named, if there are no more than these."""


def unknown_devices(
    wanted: Sequence[str], known: Sequence[HistoryDevice], projects: Sequence[str], *, is_all: bool = True
) -> DeployError:
    """Return the error for ids of --device. ``known``: devices that DT lists; ``is_all``: there are no others."""
    there = ", ".join(projects)
    lines = [f"DT knows no device {one[:MAX_SHOWN]} in {there}{_meant(one, known)}" for one in wanted]
    what = "\n".join(lines) + (f"; {_there_are(known)}" if is_all else "")
    return DeployError(what, where="--device", fix=[f"look at the device's id: {DT_STUDIO}"])


def _meant(wanted: str, known: Sequence[HistoryDevice]) -> str:
    """Return a question that names the device with this name, or with the id most like the wanted one; or ""."""
    named = [device.id for device in known if device.labels.get("name", "").lower() == wanted.lower()]
    return f"; did you mean {named[0]}?" if named else suggestion([wanted[:MAX_SHOWN]], [device.id for device in known])


def _there_are(known: Sequence[HistoryDevice]) -> str:
    if not known:
        return "there are no devices"
    if len(known) > MOST_NAMED:
        return f"there are {len(known):,} devices"
    return f"there are {', '.join(_described(device) for device in known)}"


def _described(device: HistoryDevice) -> str:
    name = device.labels.get("name", "")
    return f"{device.id} ({name})" if name else device.id
