"""Emulated devices for a proof: creates them, finds them again, removes them. And the names of all devices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.dt.api import DtApi, parsing_response
from deploy.errors import DtFailed
from deploy.spec import CONTACT_MARK, MARK, PROJECT_MARK, SINCE_MARK, Spec, last_segment
from deploy.steps import DeviceRemoval

_FORBIDDEN = {403, 404}


@dataclass(frozen=True, slots=True)
class Device:
    """An emulated device. ``since``: when its proof began, in seconds since 1970, or 0 if that is unknown.

    ``contact``: its label as a device of ``verify --report``; empty if it is of a proof.
    """

    id: str
    since: int
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Devices:
    """The emulated devices of one deployment's proofs."""

    api: DtApi
    spec: Spec

    def make(self, project: str, device_type: str, now: float, labels: Mapping[str, str] | None = None) -> str:
        """Create an emulated device, and return its id. ``now`` is stored in its labels, with those of ``labels``.

        Raises:
            DtFailed: DT did not allow it, or did not say whether it made the device.

        """
        all_labels = {"name": "dt-pubsub verify", **(labels or {}), **self._marks, SINCE_MARK: str(int(now))}
        body, path = {"type": device_type, "labels": all_labels}, f"/projects/{project}/devices"
        with parsing_response(f"DT, POST {path}"):
            made: str = self.api.call("POST", path, body=body, emulator=True)["name"]
            return last_segment(made)

    def of_proofs(self, project: str) -> tuple[Device, ...]:
        """Return the existing devices that proofs and reports of this deployment made; none if listing is forbidden.

        Raises:
            DtFailed: the devices could not be listed.

        """
        path = f"/projects/{project}/devices"
        try:
            listed = self.api.pages(path, "devices", {"label_filters": f"{MARK}={self.spec.name}"})
        except DtFailed as error:
            if error.status in _FORBIDDEN:
                return ()
            raise
        with parsing_response(f"DT, GET {path}"):
            return tuple(
                Device(
                    last_segment(device["name"]),
                    since(device["labels"]),
                    str(device["labels"].get(CONTACT_MARK, "")),
                )
                for device in listed
                if "/devices/emu" in device["name"] and self._marks.items() <= (device.get("labels") or {}).items()
            )

    def remove(self, project: str, device: str) -> None:
        """Remove an emulated device. Raises ``DtFailed`` if DT does not do so."""
        self.api.call("DELETE", f"/projects/{project}/devices/{device}", emulator=True)

    def carry_out(self, removal: DeviceRemoval) -> None:
        """Remove one; one that is gone already counts as removed.

        Raises:
            DtFailed: DT refused it, or it is not known whether it was done.

        """
        try:
            self.remove(removal.project, removal.device)
        except DtFailed as error:
            if error.status != 404:
                raise

    @property
    def _marks(self) -> dict[str, str]:
        return {MARK: self.spec.name, PROJECT_MARK: self.spec.google_project}


def names(api: DtApi, project: str) -> dict[str, str]:
    """Return the names of a project's devices by their ids. A device that was never named is left out.

    Raises:
        DtFailed: the devices could not be listed.

    """
    path = f"/projects/{project}/devices"
    listed = api.pages(path, "devices")
    with parsing_response(f"DT, GET {path}"):
        labelled = {last_segment(device["name"]): (device.get("labels") or {}).get("name") for device in listed}
    return {device: name.strip() for device, name in labelled.items() if isinstance(name, str) and name.strip()}


def newest_reports(api: DtApi, project: str) -> dict[str, float]:
    """Return when DT got the newest event of each type, in seconds since 1970, of one page of a project's devices.

    DT shows the newest event of each type with every device. One page, up to a hundred devices, is one call.

    Raises:
        DtFailed: the devices could not be listed.

    """
    path = f"/projects/{project}/devices"
    page = api.call("GET", path)
    newest: dict[str, float] = {}
    with parsing_response(f"DT, GET {path}"):
        for device in page.get("devices") or []:
            for event_type, data in (device.get("reported") or {}).items():
                if (at := _time(data)) is not None:
                    newest[event_type] = max(at, newest.get(event_type, at))
    return newest


def _time(data: Any) -> float | None:
    """Return when an event's data was updated; None if DT shows no event of its type, or no time."""
    try:
        return datetime.fromisoformat(data["updateTime"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def since(labels: Mapping[str, Any]) -> int:
    """Return when a proof began, from the labels of its device or subscription: seconds since 1970, or 0."""
    value = str(labels.get(SINCE_MARK, ""))
    return int(value) if value.isdecimal() else 0
