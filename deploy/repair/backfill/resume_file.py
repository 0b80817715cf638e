"""The file in which a backfill remembers what is done, so that it goes on there after an end of any kind.

It is replaced as a whole, after its text is on the disk: it is never half written. It may be some seconds older than
what was sent; then some events are sent twice, and none is left out.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.errors import DeployError
from deploy.files import replace_file, require_replaceable
from deploy.repair.backfill.place import Place

FORMAT, VERSION = "dt-pubsub backfill", 2
OTHER_FILE = "name another file by --resume, or delete this one to begin anew"


@dataclass
class ResumeFile:
    """The places of all devices by their full names, safe to use from several threads.

    ``path``: None if nothing is remembered. ``asked``: what the file is good for, such as the window: a file of another
    backfill is refused. ``is_finished``: the run has ended, and every event is on the main topic.
    """

    path: Path | None
    asked: Mapping[str, Any]
    places: dict[str, Place] = field(default_factory=dict)
    is_finished: bool = False
    _changes: int = 0
    _saved: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def place_of(self, device: str) -> Place:
        """Return how far a device is."""
        with self._lock:
            return self.places.get(device, Place())

    def done(self) -> frozenset[str]:
        """Return the devices whose events are all on the main topic."""
        with self._lock:
            return frozenset(name for name, place in self.places.items() if place.is_done)

    def note(self, device: str, place: Place) -> None:
        """Remember how far a device is, until it is saved."""
        with self._lock:
            self.places[device] = place
            self._changes += 1

    def finish(self) -> None:
        """Remember that the run has ended, and every event is on the main topic, until it is saved."""
        with self._lock:
            self.is_finished = True
            self._changes += 1

    def create(self) -> None:
        """Write the file before anything is sent, so that relative times stay what they are now, after any end.

        Raises:
            DeployError: it cannot be written.

        """
        self._changes += 1
        self.save()

    def save(self) -> None:
        """Write what has changed to the file. Only one thread calls this.

        Raises:
            DeployError: the file cannot be written; the earlier one stays.

        """
        with self._lock:
            if self.path is None or self._changes == self._saved:
                return
            devices, changes = {name: _written(place) for name, place in self.places.items()}, self._changes
        document: dict[str, Any] = {"format": FORMAT, "version": VERSION, "asked": self.asked}
        document |= {"finished": self.is_finished, "devices": devices}
        try:
            replace_file(self.path, json.dumps(document, separators=(",", ":")))
        except OSError as error:
            raise _unwritable(self.path, error) from None
        self._saved = changes


def read_resume_file(path: Path) -> ResumeFile | None:
    """Return what a file remembers; None if there is no file.

    Raises:
        DeployError: it is no such file, or of another version.

    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeployError(f"cannot be read: {error.strerror or error}", where=str(path), fix=[OTHER_FILE]) from None
    except (RecursionError, ValueError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise DeployError("is not a file that backfill has written", where=str(path), fix=[OTHER_FILE])
    if document.get("version") != VERSION:
        what = f"was written by another version of this command: format {document.get('version')}, this reads {VERSION}"
        raise DeployError(what, where=str(path), fix=["use that version", OTHER_FILE])
    try:
        places = {name: _read(place) for name, place in document["devices"].items()}
        return ResumeFile(path, dict(document["asked"]), places, bool(document["finished"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise changed(path) from None


def require_writable(path: Path) -> None:
    """Require that a resume file can be written, before anything is done. Nothing stays.

    Raises:
        DeployError: it cannot be written.

    """
    try:
        require_replaceable(path)
    except OSError as error:
        raise _unwritable(path, error) from None


def changed(path: Path) -> DeployError:
    """Return the error of a file that has been changed by something else than this command."""
    return DeployError("is not as backfill has written it: something has changed it", where=str(path), fix=[OTHER_FILE])


def _unwritable(path: Path, error: OSError) -> DeployError:
    fix = ["name a file by --resume in a folder that exists, can be written, and has room"]
    return DeployError(f"cannot be written: {error.strerror or error}", where=str(path), fix=fix)


def _written(place: Place) -> dict[str, Any]:
    return {"sentTo": place.sent_to, "missing": place.missing, "finished": place.is_finished}


def _read(place: Mapping[str, Any]) -> Place:
    """Return a place as it was written. Raises ``KeyError`` or ``TypeError`` if it has another form."""
    sent_to, missing, is_finished = place["sentTo"], dict(place["missing"]), place["finished"]
    is_valid = isinstance(sent_to, int | None) and all(isinstance(at, int) for at in missing.values())
    if not is_valid or not isinstance(is_finished, bool):
        raise TypeError("a device's place has another form")
    return Place(sent_to, missing, is_finished)
