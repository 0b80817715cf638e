"""A message as one line of JSON, for ``--json`` and ``--output``; and its body as one line, for ``--raw``. Pure.

The body stands in the document as DT wrote it, so that no number is rewritten. A body that is not a
JSON object is in base64.
"""

import base64
import json
import re
from typing import Any

from deploy.live.message import Message
from deploy.live.readings import Reading, json_value
from deploy.live.repeats import Repeat
from deploy.times import utc

_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_BETWEEN = re.compile(r"[\t\n\r]+")
"""White space of JSON besides the space: JSON has none of it within a text."""


def document(message: Message, read: Reading, repeat: Repeat) -> str:
    """Return a message and its reading as one line of JSON in ASCII."""
    known: dict[str, Any] = {
        "messageId": message.id,
        "topic": "rejected" if message.rejected else "events",
        "publishTime": timestamp(message.published_at),
        "receivedAt": timestamp(message.received_at),
        "repeated": repeat or None,
        "attributes": dict(message.attributes),
        "reading": {
            "at": timestamp(read.at),
            "deviceName": read.device_name,
            "text": read.text,
            "state": read.state,
            "values": [[value.name, value.number, value.unit, timestamp(value.at)] for value in read.values],
        },
    }
    if not isinstance(json_value(message.data), dict):
        return json.dumps({**known, "base64": base64.b64encode(message.data).decode()})
    body = message.data.decode()
    return f'{json.dumps(known)[:-1]}, "body": {_NOT_ASCII.sub(_escaped, _BETWEEN.sub(" ", body))}}}'


def raw(message: Message) -> str:
    """Return the body in one line. Characters that could control a terminal are escaped as JSON escapes them."""
    text = _BETWEEN.sub(" ", message.data.decode(errors="backslashreplace"))
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def timestamp(at: float) -> str:
    """Return a unix time as RFC 3339 in UTC, to the millisecond."""
    return utc(at, "milliseconds")


def _escaped(match: "re.Match[str]") -> str:
    return _escape(match[0])


def _escape(character: str) -> str:
    """Return a character as JSON escapes it: its UTF-16 units in hexadecimal."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
