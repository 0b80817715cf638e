"""What the server answers to each path, but for the stream: the page's files, and one event's bytes or command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.resources import files
from types import MappingProxyType

from deploy.live.documents import document
from deploy.live.feed import Feed
from deploy.live.message import Message
from deploy.live.web.shown import Shown

TYPES: Mapping[str, str] = MappingProxyType(
    {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
)
ASSETS: Mapping[str, bytes] = MappingProxyType(
    {
        f"/{file.name}": file.read_bytes()
        for file in (files(__package__) / "assets").iterdir()
        if file.name.rpartition(".")[2] in TYPES
    }
)
"""Path -> the bytes of a file of the page."""

NOT_ALLOWED = (
    "This browser may not see the page. Open the address that the terminal shows: it works once.\n"
    "If it was used already, look at the terminal again: it shows a new one now."
)

_ENTER = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">'
    b'<link rel="icon" href="data:,"><title>Live events</title><p>Opening <a href="/">the page</a>.'
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that is not served, with its answer."""

    def __init__(self, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.answer = Answer(status, f"{text}\n".encode(), headers=headers or {})


def entered(cookie: str) -> Answer:
    """Return the answer to a token: a cookie if it is new, and a page that goes on to ``/`` by itself.

    If it was redirected, a browser that has followed a link of another site would leave out the new cookie.
    """
    return Answer(HTTPStatus.OK, _ENTER, "text/html", {"Set-Cookie": cookie} if cookie else {})


def answer(shown: Shown, path: str, query: Mapping[str, str]) -> Answer:
    """Return the answer to a request of a browser that may see the page. Raises ``Refused``."""
    asset = "/index.html" if path == "/" else path
    if asset in ASSETS:
        return Answer(HTTPStatus.OK, ASSETS[asset], TYPES[asset.rpartition(".")[2]])
    if path == "/session":
        return Answer(HTTPStatus.NO_CONTENT, b"")
    if path in _OF_EVENT:
        return _OF_EVENT[path](shown, _message(shown.feed, query))
    raise Refused(HTTPStatus.NOT_FOUND, "There is no such page.")


def _curl(shown: Shown, message: Message) -> Answer:
    return Answer(HTTPStatus.OK, shown.curl(message, file_name(message)).encode())


def _json(shown: Shown, message: Message) -> Answer:
    return Answer(HTTPStatus.OK, document(message, shown.read(message), "").encode(), "application/json")


def _body(_: Shown, message: Message) -> Answer:
    disposition = {"Content-Disposition": f'attachment; filename="{file_name(message)}"'}
    return Answer(HTTPStatus.OK, message.data, "application/octet-stream", disposition)


_OF_EVENT: Mapping[str, Callable[[Shown, Message], Answer]] = MappingProxyType(
    {"/curl": _curl, "/json": _json, "/body": _body}
)
"""Path -> the answer about one event: its command, its document as ``follow --json`` prints it, and its bytes."""


def file_name(message: Message) -> str:
    """Return the name of a file with the body of a message."""
    return f"event-{''.join(letter for letter in message.id if letter.isascii() and letter.isalnum())[:40]}.body"


def _message(feed: Feed, query: Mapping[str, str]) -> Message:
    """Return the message of this number. Raises ``Refused`` if the feed no longer has it."""
    text = query.get("number", "")
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise Refused(HTTPStatus.BAD_REQUEST, "number is not the number of an event.")
    number = int(text)
    kept, _ = feed.since(number - 1)
    if not kept or kept[0][0] != number:
        raise Refused(HTTPStatus.GONE, "This event is no longer in the memory of the command.")
    return kept[0][1]
