"""A fake of Pub/Sub's REST API that keeps the topics and subscriptions of one project in memory.

It applies filters, unless ``applies_filters`` is false, as Google's emulator does not. A pull without a message returns
at once, so that no test waits.
"""

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deploy.google.https import Answer, Call
from deploy.google.pubsub_api import BASE
from deploy.google.pubsub_filter import parse_filter
from tests.deploy.fakes.gcloud import PROJECT

PLACE = f"{BASE}/projects/{PROJECT}"
TOKEN = "an-access-token"


def refusal(status: int, message: str = "made to fail") -> Answer:
    """Return a refusal in Google's format."""
    return Answer(status, {"error": {"code": status, "message": message}})


@dataclass
class FakePubSub:
    """One project. ``tokens``: those that are accepted.

    ``answers``: called with every call; an answer that it returns is given instead of handling the call. ``on_idle``:
    called after every pull that found nothing. ``made_so_far``: the number of messages that were published.
    """

    now: Callable[[], float]
    topics: set[str] = field(default_factory=lambda: {"dt-events", "dt-rejected"})
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    applies_filters: bool = True
    answers: Callable[[Call], Answer | None] = lambda _: None
    made_so_far: int = 0
    lock: "threading.RLock" = field(default_factory=threading.RLock)
    on_idle: Callable[[], object] = lambda: None

    def __call__(self, call: Call) -> Answer:
        """Answer a call."""
        name, _, verb = call.url.removeprefix(f"{PLACE}/").partition(":")
        with self.lock:
            self.calls.append((call.method, f"{name}:{verb}" if verb else name))
            special = self.answers(call)
            if special is not None:
                return special
            if call.headers["Authorization"].removeprefix("Bearer ") not in self.tokens:
                return refusal(401, "Request had invalid authentication credentials.")
            assert call.headers.get("X-Goog-User-Project", PROJECT) == PROJECT
            answer = self._answer(call, name.removeprefix("subscriptions").lstrip("/"), verb)
        if verb == "pull" and answer.body == {}:
            threading.Event().wait(0.005)  # a pull waits; without any pause, the workers would keep the processor busy
            self.on_idle()
        return answer

    def publish(
        self, data: bytes, attributes: Mapping[str, str] | None = None, *, topic: str = "dt-events", again: str = ""
    ) -> str:
        """Publish a message to every subscription of a topic. Return its id; ``again``: that of an earlier message."""
        with self.lock:
            self.made_so_far += not again
            message_id = again or str(self.made_so_far)
            message = {
                "messageId": message_id,
                "data": base64.b64encode(data).decode(),
                "attributes": dict(attributes or {}),
                "publishTime": datetime.fromtimestamp(self.now(), UTC).isoformat().replace("+00:00", "Z"),
            }
            for name, settings in self.subscriptions.items():
                if settings["topic"].endswith(f"/{topic}") and self._is_let_through(settings, message):
                    self.waiting[name].append(message)
        return message_id

    def left(self) -> list[str]:
        """Return the names of the subscriptions that exist."""
        return sorted(self.subscriptions)

    def _is_let_through(self, settings: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
        return not self.applies_filters or parse_filter(settings.get("filter", "")).matches(message["attributes"])

    def _answer(self, call: Call, name: str, verb: str) -> Answer:
        if not name:
            return Answer(200, {"subscriptions": list(self.subscriptions.values())})
        if call.method == "PUT":
            return self._create(name, dict(call.body or {}))
        if name not in self.subscriptions:
            return refusal(404, f"Resource not found (resource={name}).")
        if call.method == "DELETE":
            del self.subscriptions[name], self.waiting[name]
            return Answer(200, {})
        body = call.body or {}
        if verb == "pull":
            return self._pull(name, body["maxMessages"])
        self.acknowledged += body.get("ackIds", [])
        self.subscriptions[name] |= body.get("subscription", {})
        return Answer(200, {} if verb else self.subscriptions[name])

    def _create(self, name: str, settings: dict[str, Any]) -> Answer:
        if settings["topic"].rpartition("/")[2] not in self.topics:
            return refusal(404, f"Resource not found (resource={settings['topic'].rpartition('/')[2]}).")
        if name in self.subscriptions:
            return refusal(409, f"Resource already exists in the project (resource={name}).")
        parse_filter(settings.get("filter", ""))
        self.subscriptions[name] = {**settings, "name": f"projects/{PROJECT}/subscriptions/{name}"}
        self.waiting[name] = []
        return Answer(200, self.subscriptions[name])

    def _pull(self, name: str, most: int) -> Answer:
        taken, self.waiting[name] = self.waiting[name][:most], self.waiting[name][most:]
        received = [{"ackId": f"ack-{message['messageId']}", "message": message} for message in taken]
        return Answer(200, {"receivedMessages": received} if received else {})
