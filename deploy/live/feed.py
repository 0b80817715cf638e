"""The newest messages in memory, and the state of the connection: written by the reader, read by any number of views.

Both are safe to use from several threads.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from deploy.live.message import Message

MAX_MESSAGES = 10_000
MAX_BYTES = 32 * 2**20
"""The messages that a feed keeps at most."""

OVERHEAD_BYTES = 1_000
"""What a message needs in memory besides its data and attributes, roughly."""

State = Literal["connecting", "live", "lost"]


class Feed:
    """A ring buffer of messages with running numbers from 1 on. The newest message is always kept."""

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._newest = 0
        self._changed = threading.Condition()

    def add(self, message: Message) -> int:
        """Add a message, wake those who wait, and return the message's number."""
        with self._changed:
            self._messages.append(message)
            self._bytes += _size(message)
            self._newest += 1
            while len(self._messages) > 1 and self._is_too_large():
                self._bytes -= _size(self._messages.popleft())
            self._changed.notify_all()
            return self._newest

    def since(self, number: int) -> tuple[list[tuple[int, Message]], int]:
        """Return the messages after this number, oldest first, and how many after it are no longer kept."""
        with self._changed:
            oldest = self._newest - len(self._messages) + 1
            first = max(number + 1, oldest)
            kept = list(enumerate(islice(self._messages, first - oldest, None), start=first))
            return kept, max(0, oldest - number - 1)

    def wait(self, number: int, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for a message after this number, and return whether there is one."""
        with self._changed:
            return self._changed.wait_for(lambda: self._newest > number, timeout)

    def _is_too_large(self) -> bool:
        return len(self._messages) > self._max_messages or self._bytes > self._max_bytes


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the connection to Pub/Sub at one moment.

    ``since``: since when it has been in this state. ``heard_at``: when Pub/Sub last answered; 0 if it never did. Both
    in unix seconds. ``detail``: why it is lost, or what was missed; may be empty.
    """

    state: State
    since: float
    detail: str
    heard_at: float


class Connection:
    """The state of the connection to Pub/Sub. ``now`` returns unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._status = Status("connecting", now(), "", 0)

    def set(self, state: State, detail: str = "", since: float | None = None) -> bool:
        """Set the state, and return whether it has changed. ``live`` says that Pub/Sub has answered.

        ``since``: since when it is in another state than before, if not since now.
        """
        with self._lock:
            before, now = self._status, self._now()
            is_other = before.state != state
            heard_at = now if state == "live" else before.heard_at
            began = now if since is None else since
            self._status = Status(state, began if is_other else before.since, detail, heard_at)
            return is_other

    def get(self) -> Status:
        """Return the state."""
        with self._lock:
            return self._status


def _size(message: Message) -> int:
    attributes = sum(len(key) + len(value) for key, value in message.attributes.items())
    return OVERHEAD_BYTES + len(message.data) + attributes
