"""The names of devices, from DT's lists of devices.

An event has the name only if the Data Connector sends the label ``name``. So, if there are DT credentials, the list of
a DT project is read in the background as soon as one of its devices is unknown. Until then, or without credentials, a
device is shown by its id.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from deploy.errors import DeployError
from deploy.live.message import Message
from deploy.live.readings import Reading, reading

AGAIN_S = 600.0
"""Seconds after which the list of a project is read again, if one of its devices is still unknown."""

ReadNames = Callable[[str], Mapping[str, str]]
"""Returns the names of the devices of a DT project by their ids. Raises ``DeployError``."""


class Names:
    """The names so far. ``read``: None if there are no DT credentials. ``notice`` gets what a user should know."""

    def __init__(
        self, read: ReadNames | None, monotonic: Callable[[], float], notice: Callable[[str], None] = lambda _: None
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._notice = notice
        self._pool: ThreadPoolExecutor | None = None
        self._names: dict[str, str] = {}
        self._read_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def start(self, pool: ThreadPoolExecutor, projects: Iterable[str]) -> None:
        """Begin to read the lists of these projects."""
        self._pool = pool
        for project in projects:
            self._begin(project)

    def named(self, read: Reading, message: Message) -> Reading:
        """Return a reading with the name of its device, if the event has none and DT's list has one."""
        if not read.device_id or read.device_name != read.device_id:
            return read
        name = self._names.get(read.device_id)
        if name is None:
            self._begin(message.attributes.get("projectId", ""))
        return replace(read, device_name=name or read.device_id)

    def read(self, message: Message) -> Reading:
        """Return what a message says, with the name of its device."""
        return self.named(reading(message), message)

    def _begin(self, project: str) -> None:
        """Read the list of a project in the background, unless that was done a short time ago."""
        if self._read is None or self._pool is None or not project:
            return
        with self._lock:
            now = self._monotonic()
            if now - self._read_at.get(project, float("-inf")) < AGAIN_S:
                return
            self._read_at[project] = now
        self._pool.submit(self._learn, self._read, project)

    def _learn(self, read: ReadNames, project: str) -> None:
        try:
            found = read(project)
        except DeployError as error:
            self._notice(f"devices of DT project {project} are shown by their ids: {error}")
            return
        with self._lock:
            self._names = {**self._names, **found}
