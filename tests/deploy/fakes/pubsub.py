"""A fake of Pub/Sub's REST API that keeps the topics and subscriptions of one project in memory.

It applies filters, unless ``applies_filters`` is false, as Google's emulator does not. A pull without a message returns
at once, so that no test waits. A message that is neither acknowledged nor kept longer comes again after its deadline.
"""

import base64
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from deploy.google.calls import Answer, Call
from deploy.google.pubsub_api import BASE
from deploy.pubsub_filter import parse_filter
from deploy.spec import MARK
from tests.deploy.fakes.gcloud import PROJECT

PLACE = f"{BASE}/projects/{PROJECT}"
TOKEN = "an-access-token"


def refusal(status: int, message: str = "made to fail") -> Answer:
    """Return a refusal in Google's format."""
    return Answer(status, {"error": {"code": status, "message": message}})


@dataclass
class Lease:
    """One delivery of a message, which ends at a time of the fake's clock."""

    message: dict[str, Any]
    ends_at: float


@dataclass
class FakePubSub:
    """One project. ``tokens``: those that are accepted. ``leases``: by subscription and id of acknowledgement.

    ``attempts``: the deliveries of each message so far. ``dead``: what dead-letter policies have taken away.

    ``answers``: called with every call; an answer that it returns is given instead of handling the call. ``on_idle``:
    called after every pull that found nothing. ``made_so_far``: the number of messages that were published.
    ``retention``: how long a topic keeps its messages; without one, it does not. ``kept``: all messages with their
    topics.
    """

    now: Callable[[], float]
    topics: set[str] = field(default_factory=lambda: {"dt-events", "dt-rejected"})
    retention: dict[str, str] = field(default_factory=dict)
    kept: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    leases: dict[str, dict[str, Lease]] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    dead: list[str] = field(default_factory=list)
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
        return replace(answer, at=float(int(self.now())))

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
            self.kept.append((topic, message))
            for name, settings in self.subscriptions.items():
                if settings["topic"].endswith(f"/{topic}") and self._is_let_through(settings, message):
                    self.waiting[name].append(message)
        return message_id

    def has_subscription(self, topic: str, **settings: Any) -> dict[str, Any]:
        """Create the subscription that a deployment has of a topic, with these settings, and return them all."""
        place = f"projects/{PROJECT}/topics"
        self._create(topic, {"topic": f"{place}/{topic}", "labels": {MARK: "dt-pubsub"}, **settings})
        return self.subscriptions[topic]

    def subscribe(self, name: str, topic: str = "dt-events", **settings: Any) -> None:
        """Create a subscription."""
        whole = {"topic": f"projects/{PROJECT}/topics/{topic}", "ackDeadlineSeconds": 10, **settings}
        assert self._create(name, whole).status == 200

    def left(self) -> list[str]:
        """Return the names of the subscriptions that exist."""
        return sorted(self.subscriptions)

    def _is_let_through(self, settings: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
        return not self.applies_filters or parse_filter(settings.get("filter", "")).matches(message["attributes"])

    def _answer(self, call: Call, name: str, verb: str) -> Answer:
        if not name or name.startswith("topics/"):
            listed = Answer(200, {"subscriptions": list(self.subscriptions.values())})
            return self._topic(name.removeprefix("topics/")) if name else listed
        if call.method == "PUT":
            return self._create(name, dict(call.body or {}))
        if name not in self.subscriptions:
            return refusal(404, f"Resource not found (resource={name}).")
        if call.method == "DELETE":
            del self.subscriptions[name], self.waiting[name], self.leases[name]
            return Answer(200, {})
        if verb:
            return self._delivers(name, verb, call.body or {})
        self.subscriptions[name] |= (call.body or {}).get("subscription", {})
        return Answer(200, self.subscriptions[name])

    def _delivers(self, name: str, verb: str, body: Mapping[str, Any]) -> Answer:
        self._end_leases(name)
        if verb == "pull":
            return self._pull(name, body["maxMessages"])
        if verb == "acknowledge":
            return self._acknowledge(name, body["ackIds"])
        if verb == "modifyAckDeadline":
            return self._modify(name, body["ackIds"], body["ackDeadlineSeconds"])
        assert verb == "seek"
        return self._seek(name, body["time"])

    def _create(self, name: str, settings: dict[str, Any]) -> Answer:
        if settings["topic"].rpartition("/")[2] not in self.topics:
            return refusal(404, f"Resource not found (resource={settings['topic'].rpartition('/')[2]}).")
        if name in self.subscriptions:
            return refusal(409, f"Resource already exists in the project (resource={name}).")
        parse_filter(settings.get("filter", ""))
        self.subscriptions[name] = {**settings, "name": f"projects/{PROJECT}/subscriptions/{name}"}
        self.waiting[name], self.leases[name] = [], {}
        return Answer(200, self.subscriptions[name])

    def _topic(self, topic: str) -> Answer:
        if topic not in self.topics:
            return refusal(404, f"Resource not found (resource={topic}).")
        kept = {"messageRetentionDuration": self.retention[topic]} if topic in self.retention else {}
        return Answer(200, {"name": f"projects/{PROJECT}/topics/{topic}", **kept})

    def _seek(self, name: str, at: str) -> Answer:
        topic, since = self.subscriptions[name]["topic"].rpartition("/")[2], datetime.fromisoformat(at)
        assert topic in self.retention
        self.leases[name] = {}
        self.waiting[name] = [
            message
            for where, message in self.kept
            if where == topic and datetime.fromisoformat(message["publishTime"]) >= since
        ]
        return Answer(200, {})

    def _pull(self, name: str, most: int) -> Answer:
        taken, self.waiting[name] = self.waiting[name][:most], self.waiting[name][most:]
        received = [self._delivered(name, message) for message in taken]
        return Answer(200, {"receivedMessages": received} if received else {})

    def _delivered(self, name: str, message: dict[str, Any]) -> dict[str, Any]:
        message_id = message["messageId"]
        self.attempts[message_id] += 1
        attempt = self.attempts[message_id]
        ack_id = f"ack-{message_id}" if attempt == 1 else f"ack-{message_id}.{attempt}"
        self.leases[name][ack_id] = Lease(message, self.now() + self._deadline_s(name))
        counted = {"deliveryAttempt": attempt} if self.subscriptions[name].get("deadLetterPolicy") else {}
        return {"ackId": ack_id, "message": message, **counted}

    def _deadline_s(self, name: str) -> float:
        deadline_s: float = self.subscriptions[name].get("ackDeadlineSeconds", 10)
        return deadline_s

    def _acknowledge(self, name: str, ack_ids: Sequence[str]) -> Answer:
        """Acknowledge messages. An id whose lease has ended has no effect, and is an error only with exactly-once."""
        ended = [ack_id for ack_id in ack_ids if self.leases[name].pop(ack_id, None) is None]
        self.acknowledged += [ack_id for ack_id in ack_ids if ack_id not in ended]
        if ended and self.subscriptions[name].get("enableExactlyOnceDelivery"):
            return refusal(400, "Some acknowledgement ids in the request are invalid.")
        return Answer(200, {})

    def _modify(self, name: str, ack_ids: Sequence[str], seconds: int) -> Answer:
        assert 0 <= seconds <= 600
        for ack_id in ack_ids:
            if lease := self.leases[name].get(ack_id):
                lease.ends_at = self.now() + seconds
        self._end_leases(name)
        return Answer(200, {})

    def _end_leases(self, name: str) -> None:
        """Make messages ready again whose lease has ended, or take them away after their last attempt."""
        policy = self.subscriptions[name].get("deadLetterPolicy") or {}
        for ack_id, lease in list(self.leases[name].items()):
            if lease.ends_at <= self.now():
                del self.leases[name][ack_id]
                message_id = lease.message["messageId"]
                if policy and self.attempts[message_id] >= policy["maxDeliveryAttempts"]:
                    self.dead.append(message_id)
                else:
                    self.waiting[name].append(lease.message)
