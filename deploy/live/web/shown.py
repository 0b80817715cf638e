"""The sources of a page: the feed, the connection, and the functions that it calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.live.feed import Connection, Feed
from deploy.live.message import Message
from deploy.live.readings import Reading, reading

BEAT_S = 5.0
"""Seconds between two frames with the state. Without them a page cannot distinguish silence from a dead connection."""

WRITE_S = 20.0
"""Seconds within which a browser has to read a frame; then its connection is closed, so that no frames pile up."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the messages come from. ``run``: distinguishes two runs of the command. ``title``: what the page is called.

    ``note``: what to know about the command that sends an event again.
    """

    run: str
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows.

    ``curl`` returns the command that sends a message again; it gets the message, and the name that a file with its body
    has. ``say`` writes to the terminal. ``read`` returns what a message says. ``host_names``: further names of the
    page's host.
    """

    source: Source
    feed: Feed
    connection: Connection
    curl: Callable[[Message, str], str]
    say: Callable[[str], object]
    read: Callable[[Message], Reading] = reading
    host_names: Sequence[str] = ()
    beat_s: float = BEAT_S
    write_s: float = WRITE_S
