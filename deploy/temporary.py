"""What a proof makes for a moment: an emulated device and a subscription, removed whatever becomes of the proof."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from deploy.dt_api import DtApi, of_one_shape
from deploy.errors import DeployError, DtFailed, GcloudFailed
from deploy.spec import MARK, PROOF_MARK, Spec
from deploy.steps import Argv


class Changes(Protocol):
    """Google Cloud, to be changed."""

    def change(self, argv: Argv) -> Any:
        """Run a command that changes something."""
        ...


@dataclass(frozen=True, slots=True)
class Temporary:
    """Both clouds, and who is told of what could not be removed."""

    spec: Spec
    google: Changes
    dt: DtApi
    notice: Callable[[str], None]

    def make_device(self, project: str, device_type: str) -> str:
        """Have DT emulate a device; gives its id. Raises ``DtFailed`` where that is not allowed."""
        labels = {"name": "dt-pubsub verify", MARK: self.spec.name}
        body = {"type": device_type, "labels": labels}
        path = f"/projects/{project}/devices"
        with of_one_shape(f"DT, POST {path}"):
            made: str = self.dt.call("POST", path, body=body, emulator=True)["name"]
            return made.rpartition("/")[2]

    @contextmanager
    def removing_device(self, project: str, device: str) -> Iterator[None]:
        """Remove an emulated device on leaving."""
        try:
            yield
        finally:
            path = f"/projects/{project}/devices/{device}"
            self._cleaned(lambda: self.dt.call("DELETE", path, emulator=True), f"emulated device {device} of {project}")

    @contextmanager
    def subscription(self, device: str) -> Iterator[str]:
        """Make a subscription for one device's events; should nobody be left to remove it, it expires in a day."""
        name, project = f"{self.spec.topic}-verify-{secrets.token_hex(4)}", f"--project={self.spec.google_project}"
        group = ("pubsub", "subscriptions")
        try:
            self.google.change(
                (
                    *(*group, "create", name, f"--topic={self.spec.topic}", "--expiration-period=1d"),
                    *("--message-retention-duration=10m", f'--message-filter=attributes.deviceId = "{device}"'),
                    *(f"--labels={PROOF_MARK}={self.spec.name}", project),
                )
            )
            yield name
        finally:
            self._cleaned(lambda: self.google.change((*group, "delete", name, project)), f"subscription {name}")

    def _cleaned(self, remove: Callable[[], object], what: str) -> None:
        try:
            remove()
        except DeployError as error:
            if not _is_gone(error):
                self.notice(f"{what} is left over: {error.what}")


def _is_gone(error: DeployError) -> bool:
    """Whether what should be removed is not there: Ctrl-C may come before it is made."""
    return (isinstance(error, GcloudFailed) and error.code == "NOT_FOUND") or (
        isinstance(error, DtFailed) and error.status == 404
    )
