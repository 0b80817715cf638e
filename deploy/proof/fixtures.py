"""Creates the emulated device and the subscription of a proof, and removes them, also after a failure."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.dt.devices import Devices, since
from deploy.errors import DeployError, DtFailed, GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.resources.first_contact import ABANDONED_AFTER_S as REPORT_ABANDONED_AFTER_S
from deploy.resources.pubsub import TemporarySubscriptions
from deploy.spec import PROOF_MARK, PROOF_WORD, SINCE_MARK, Spec, last_segment

ABANDONED_AFTER_S = 600.0
"""A device or subscription of this age is abandoned, because no proof takes half as long."""


@dataclass(frozen=True, slots=True)
class Fixtures:
    """The temporary resources of proofs. ``notice`` is called for a resource that could not be removed."""

    spec: Spec
    google: Gcloud
    devices: Devices
    notice: Callable[[str], None]
    now: Callable[[], float]

    def remove_leftovers(self, projects: Sequence[str]) -> None:
        """Remove the resources of killed proofs, but not those of a proof or report that may still be running."""
        old = self.now() - ABANDONED_AFTER_S
        old_of_report = self.now() - REPORT_ABANDONED_AFTER_S
        try:
            for project in projects:
                for device in self.devices.of_proofs(project):
                    if device.since < (old_of_report if device.contact else old):
                        self._remove_device(project, device.id)
            temporary = TemporarySubscriptions(self.spec)
            for subscription in self.google.read(temporary.describe) or []:
                if temporary.is_of_proof(subscription) and since(subscription.get("labels") or {}) < old:
                    self._remove_subscription(last_segment(subscription["name"]))
        except DeployError as error:
            self.notice(f"resources of killed proofs could not be listed: {error.what}")

    def make_device(self, project: str, device_type: str) -> str:
        """Create an emulated device, and return its id. Raises ``DtFailed`` if DT does not allow it."""
        return self.devices.make(project, device_type, self.now())

    @contextmanager
    def removing_device(self, project: str, device: str) -> Iterator[None]:
        """Remove an emulated device when the context ends."""
        try:
            yield
        finally:
            self._remove_device(project, device)

    @contextmanager
    def subscription(self, device: str) -> Iterator[str]:
        """Create a subscription for one device, and delete it when the context ends, or let it expire in a day."""
        name = f"{self.spec.topic}-{PROOF_WORD}-{secrets.token_hex(4)}"
        labels = f"{PROOF_MARK}={self.spec.name},{SINCE_MARK}={int(self.now())}"
        try:
            self.google.change(
                (
                    *("pubsub", "subscriptions", "create", name, f"--topic={self.spec.topic}"),
                    *("--expiration-period=1d", "--message-retention-duration=10m"),
                    *(f'--message-filter=attributes.deviceId = "{device}"', f"--labels={labels}"),
                    self.spec.project_flag,
                )
            )
            yield name
        finally:
            self._remove_subscription(name)

    def _remove_device(self, project: str, device: str) -> None:
        self._clean_up(lambda: self.devices.remove(project, device), f"emulated device {device} of {project}")

    def _remove_subscription(self, name: str) -> None:
        argv = ("pubsub", "subscriptions", "delete", name, self.spec.project_flag)
        self._clean_up(lambda: self.google.change(argv), f"subscription {name}")

    def _clean_up(self, remove: Callable[[], object], what: str) -> None:
        try:
            remove()
        except DeployError as error:
            if not _is_absent(error):
                self.notice(f"{what} is left over: {error.what}")


def _is_absent(error: DeployError) -> bool:
    """Return whether the resource to remove does not exist: Ctrl-C may come before it is created."""
    return (isinstance(error, GcloudFailed) and error.code == "NOT_FOUND") or (
        isinstance(error, DtFailed) and error.status == 404
    )
