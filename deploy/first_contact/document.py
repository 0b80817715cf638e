"""The report as a file: its shape, its version, and how it is written so that a partial one is always valid."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.errors import DeployError, DtFailed, GcloudFailed
from deploy.files import replace_file
from deploy.first_contact.questions import FIELDS

FORMAT = "dt-pubsub first contact"
FORMAT_VERSION = 1
"""The version of the file's shape. A field that is removed or changes its meaning raises it; a new field does not."""

NOT_REACHED = "not reached"


@dataclass
class Document:
    """The answers so far. Each of ``FIELDS`` is either in ``answers`` or in ``missing``, there with a reason.

    A reason is a code, never the text of an error: that could quote a secret or name a customer. ``notice`` shows the
    whole error on the terminal. ``left_over``: the kinds of temporary resources that could not be removed.
    ``is_finished``: the run has come to its end, so that no answer is a preliminary one.
    """

    path: Path
    software: str
    now: Callable[[], float]
    notice: Callable[[str], None]
    answers: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=lambda: dict.fromkeys(FIELDS, NOT_REACHED))
    left_over: list[str] = field(default_factory=list)
    is_finished: bool = False
    began_at: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether the run has come to its end, and every question is answered."""
        return self.is_finished and not self.missing

    def begin(self) -> None:
        """Create the file, in which everything is missing yet.

        Raises:
            DeployError: the file exists already, or cannot be written.

        """
        self.began_at = self.now()
        try:
            with self.path.open("x", encoding="utf-8") as file:
                file.write(self._text())
        except FileExistsError:
            raise exists_already(self.path) from None
        except OSError as error:
            raise DeployError(f"cannot be written: {error.strerror}", where=str(self.path)) from None

    def answer(self, name: str, value: Any) -> None:
        """Note the answer to a question, and write the file."""
        if name not in FIELDS:
            raise KeyError(name)
        self.answers[name] = value
        self.missing.pop(name, None)
        self.save()

    def lack(self, names: Sequence[str], reason: str) -> None:
        """Note why questions have no answer, and write the file. An answer or an earlier reason stays."""
        self.missing |= {name: reason for name in names if self.missing.get(name) == NOT_REACHED}
        self.save()

    @contextmanager
    def answering(self, *names: str) -> Iterator[None]:
        """Note questions that have no answer because of an error in the block. The error goes no further."""
        try:
            yield
        except DeployError as error:
            self.notice(f"{', '.join(names)}: {error}")
            self.lack(names, reason_of(error))

    def save(self) -> None:
        """Replace the file as a whole, so that it is valid at every moment.

        Raises:
            DeployError: it cannot be written.

        """
        try:
            replace_file(self.path, self._text())
        except OSError as error:
            raise DeployError(f"cannot be written: {error.strerror}", where=str(self.path)) from None

    def as_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {
            "format": FORMAT,
            "formatVersion": FORMAT_VERSION,
            "software": self.software,
            "began": datetime.fromtimestamp(self.began_at, UTC).isoformat(timespec="seconds"),
            "seconds": round(self.now() - self.began_at, 1),
            "finished": self.is_finished,
            "complete": self.is_complete,
            "answers": {name: self.answers[name] for name in FIELDS if name in self.answers},
            "missing": {name: self.missing[name] for name in FIELDS if name in self.missing},
            "leftOver": sorted(self.left_over),
        }

    def _text(self) -> str:
        return f"{json.dumps(self.as_json(), indent=2)}\n"


def exists_already(path: Path) -> DeployError:
    """Return the error for a file that would be overwritten."""
    return DeployError("exists already, and is not overwritten", where=str(path), fix=["name another file"])


def reason_of(error: DeployError) -> str:
    """Return a code for an error: gcloud's code, or DT's status. It has no text of a cloud's."""
    if isinstance(error, GcloudFailed):
        return f"Google: {error.code}"
    if isinstance(error, DtFailed):
        return f"DT: {error.status}" if error.status else "DT: no answer"
    return "failed"
