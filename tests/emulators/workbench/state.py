"""The folder of a running workbench, ``.workbench-<port>`` in the clone: what ``send`` and ``sign`` have to know.

Only its owner can read the folder, because it has the secret. The workbench removes it when it ends. A folder that a
killed workbench has left is replaced by the next one on this port.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.emulators.errors import NotRunning
from tests.emulators.processes import is_free

ROOT = Path(__file__).resolve().parents[3]
_PREFIX = ".workbench-"
_FILE = "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """Where requests go, and the secret that signs them."""

    url: str
    secret: str


@contextlib.contextmanager
def folder_of(port: int, root: Path = ROOT) -> Iterator[Path]:
    """Make the folder of the workbench on this port, and remove it with the context. Raises ``OSError``."""
    folder = root / f"{_PREFIX}{port}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(folder: Path, state: State) -> None:
    """Write what the other commands have to know into a file that only its owner can read."""
    descriptor = os.open(folder / _FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(state), file)


def read(port: int, root: Path = ROOT) -> State:
    """Return the state of the workbench on this port. Raises ``NotRunning`` if there is none."""
    try:
        return State(**json.loads((root / f"{_PREFIX}{port}" / _FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise not_running(port, root) from error


def not_running(port: int, root: Path = ROOT) -> NotRunning:
    """Return the error that no workbench runs on this port, with the ports of those that have a folder."""
    ports = sorted(int(path.name.removeprefix(_PREFIX)) for path in root.glob(f"{_PREFIX}[0-9]*"))
    others = [other for other in ports if other != port and not is_free(other)]
    hint = f"; or use the one on port {others[0]} (PORT={others[0]})" if others else ""
    return NotRunning(f"no workbench of this folder runs on port {port}: start one (make serve PORT={port}){hint}")
