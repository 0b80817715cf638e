"""An append-only file of the messages that an embedded Pub/Sub acknowledged: one line of JSON for each message.

A line is passed to the operating system before the publisher gets its answer, so it survives a crash of the process,
but not of the machine. A process that is killed while it writes may leave an incomplete last line. Its message was not
acknowledged, so readers skip the line and the next writer removes it. Any other line that is not a record is an error.
"""

import base64
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from tests.emulators.errors import NotStarted, RecordDamaged
from tests.emulators.pubsub.backlog import Message


@dataclass(frozen=True)
class Recorded:
    """One acknowledged message. ``publish_time``: RFC 3339 in UTC; ``topic``: the full name."""

    topic: str
    message_id: str
    data: bytes
    attributes: dict[str, str]
    ordering_key: str
    publish_time: str


class Record:
    """Writes a record. Raises ``NotStarted`` if the file cannot be written."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("ab", buffering=0)
            _remove_torn_line(path)
        except OSError as error:
            raise NotStarted(f"the record {path} cannot be written: {error.strerror}") from error

    def append(self, topic: str, messages: Iterable[Message]) -> None:
        """Append messages; return after the operating system has them all."""
        lines = memoryview(b"".join(_line(topic, message) for message in messages))
        while lines:
            lines = lines[self._file.write(lines) :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RecordReader:
    """Reads a record that is being written. Each line is read once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._messages: list[Recorded] = []

    def messages(self) -> list[Recorded]:
        """Return all messages so far, in the order of their acknowledgement. Raises ``RecordDamaged``."""
        with self._path.open("rb") as file:
            file.seek(self._position)
            added = file.read()
        lines = added.split(b"\n")[:-1]
        first = len(self._messages) + 1
        self._messages += [_recorded(line, f"{self._path}:{number}") for number, line in enumerate(lines, first)]
        self._position += added.rfind(b"\n") + 1
        return [*self._messages]


def read_record(path: Path) -> list[Recorded]:
    """Return all acknowledged messages, in the order of their acknowledgement. Raises ``RecordDamaged``."""
    return RecordReader(path).messages()


def _line(topic: str, message: Message) -> bytes:
    when = datetime.fromtimestamp(message.publish_time_ns / 1e9, UTC)
    fields = {
        "topic": topic,
        "messageId": message.message_id,
        "data": base64.b64encode(message.data).decode(),
        "attributes": dict(message.attributes),
        "orderingKey": message.ordering_key,
        "publishTime": when.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _recorded(line: bytes, where: str) -> Recorded:
    try:
        fields: dict[str, Any] = json.loads(line)
        return Recorded(
            topic=fields["topic"],
            message_id=fields["messageId"],
            data=base64.b64decode(fields["data"], validate=True),
            attributes=fields["attributes"],
            ordering_key=fields["orderingKey"],
            publish_time=fields["publishTime"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RecordDamaged(f"{where} is not a record: {error}") from error


def _remove_torn_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
