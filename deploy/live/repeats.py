"""Whether a message or its event came before. Pure."""

from collections import deque
from typing import Literal

from deploy.live.message import Message

REMEMBERED = 50_000
"""Ids that are remembered of each kind. Older ones are forgotten, so that memory does not grow."""

Repeat = Literal["message", "event", ""]
"""``message``: Pub/Sub has delivered the same message again. ``event``: another message with the same event, because DT
has sent it again, or the function has published it again. Empty: neither."""


class Repeats:
    """The ids of the messages and events so far."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._messages = _Recent(remembered)
        self._events = _Recent(remembered)

    def of(self, message: Message) -> Repeat:
        """Return whether the message or its event came before, and remember both ids."""
        is_old_message = self._messages.came_before(f"{message.rejected} {message.id}")
        event_id = message.attributes.get("eventId")
        is_old_event = event_id is not None and self._events.came_before(f"{message.rejected} {event_id}")
        return "message" if is_old_message else "event" if is_old_event else ""


class _Recent:
    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()
        self._order: deque[str] = deque()

    def came_before(self, name: str) -> bool:
        if name in self._known:
            return True
        self._known.add(name)
        self._order.append(name)
        if len(self._order) > self._most:
            self._known.discard(self._order.popleft())
        return False
