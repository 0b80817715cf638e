"""Messages as the page gets them, in JSON. Pure.

The body is sent as text, because numbers such as ``27.0`` do not survive a parse in a browser.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from deploy.live.message import Message
from deploy.live.readings import Reading
from deploy.live.rejections import rejection

MAX_BODY_BYTES = 65_536
"""More of a body is not sent to the page, which says so and links to all of its bytes."""

Row = dict[str, Any]


def row(number: int, message: Message, read: Reading) -> Row:
    """Return a message with what it says. ``number``: its number in the feed. Times are in unix seconds."""
    return {
        "number": number,
        "id": message.id,
        "publishedAt": message.published_at,
        "receivedAt": message.received_at,
        "attributes": dict(message.attributes),
        **_body(message.data),
        **_reading(read),
        **(_rejected(message.attributes) if message.rejected else {}),
    }


def _reading(read: Reading) -> Row:
    return {
        "at": read.at,
        "type": read.event_type,
        "device": read.device_id,
        "name": read.device_name,
        "text": read.text,
        "state": read.state,
        "values": [[value.name, value.number, value.unit, value.at] for value in read.values],
    }


def _rejected(attributes: Mapping[str, str]) -> Row:
    reason = attributes.get("reason", "")
    found = rejection(reason)
    return {"rejected": {"reason": reason, "meaning": found.meaning, "remedy": found.remedy}}


def _body(data: bytes) -> Row:
    """Return the beginning of a body as text, or in base64 if it is not UTF-8."""
    begin, is_cut = data[:MAX_BODY_BYTES], len(data) > MAX_BODY_BYTES
    try:
        text = begin.decode(errors="strict")
    except UnicodeDecodeError as error:
        if not (is_cut and error.start > MAX_BODY_BYTES - 4):  # the cut may be inside of a character
            return {"size": len(data), "cut": is_cut, "base64": b64encode(begin).decode()}
        text = begin[: error.start].decode()
    return {"size": len(data), "cut": is_cut, "body": text}
