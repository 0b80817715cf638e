"""Walks one request through the rooms, and is the one place where whatever goes wrong is caught.

What each error is answered stands in ``outcomes``, which is the decision table.
"""

import math
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import msgspec

from function.body_budget import Room
from function.errors import (
    BodyIncomplete,
    Busy,
    EventError,
    Expired,
    ForeignProject,
    KeysUnavailable,
    Malformed,
    MethodNotAllowed,
    PublishError,
    PublishRefused,
    RejectedTopicFailed,
    RelayError,
    RequestError,
    Unsigned,
)
from function.event import parse_body, read_envelope, require_envelope
from function.http import Reply, Request
from function.log import Entry, Log, traceparent
from function.message import Message, bare_message, event_message, rejected_message
from function.outcomes import BY_ERROR, DELIVERED, DELIVERED_WITH_WARNING, INTERNAL, RETRY_AFTER_S, Outcome
from function.settings import Settings
from function.signature import Verified
from function.timeouts import with_timeout
from function.verifier import Authentic, Verifier

BODY_S = 3.0
"""Seconds that a client may take for its body; DT's have about 500 bytes."""

PROOF_S = 2.5
"""Seconds that secrets and keys may take to come."""

ANSWER_S = 7.0
"""Seconds after which nothing is begun any more: DT gives up after 10."""

LARGE_BODY_BYTES = 262_144
"""Bytes from which a body is large: with bodies up to here, 80 requests at once take some 140 MB."""

LARGE_BODIES_BYTES = 27_000_000
"""Bytes of large bodies at once. A body is held some five times on its way to Pub/Sub: these take another 140 MB."""

TURN_S = 3.0
"""Seconds that a large body may wait for room."""

T = TypeVar("T")


class Publisher(Protocol):
    """Where messages go; ``RetryingPublisher`` is the real one."""

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Give the id that Pub/Sub acknowledged the message with; raises PublishError."""
        ...


class Receiver:
    """Answers requests. ``now`` gives seconds since the UTC epoch, ``monotonic`` those of a steady clock."""

    def __init__(
        self,
        settings: Settings,
        verifier: Verifier,
        publisher: Publisher,
        log: Log,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._verifier = verifier
        self._publisher = publisher
        self._log = log
        self._now = now
        self._monotonic = monotonic
        self._large_bodies = Room(LARGE_BODIES_BYTES)

    async def receive(self, request: Request) -> Reply:
        """Answer one request: 2xx if and only if a topic has acknowledged its exact bytes. Never raises."""
        entry = Entry(request)
        error: Exception | None = None
        try:
            outcome = await self._relay(request, entry)
        except RelayError as expected:
            outcome, error = BY_ERROR[type(expected)], expected
        except Exception as unforeseen:  # noqa: BLE001  # the doorway: no exception may reach the web framework
            outcome, error = INTERNAL, unforeseen
        self._log.decided(entry, outcome, error or entry.rejected_for)
        return _reply(outcome, entry, is_early=isinstance(error, RequestError | Unsigned))

    async def _relay(self, request: Request, entry: Entry) -> Outcome:
        """Return the outcome of an event that a topic has acknowledged; raises ``RelayError`` if none has."""
        ends_at = self._monotonic() + ANSWER_S
        if request.method != "POST":
            raise MethodNotAllowed("only POST is answered")
        authentic = await self._proven(self._verifier.authenticate(self._verifier.tokens(request.headers)), PROOF_S)
        size = min(_announced(request), self._settings.max_body_bytes)
        if size <= LARGE_BODY_BYTES:
            return await self._relay_body(request, entry, authentic, ends_at)
        try:
            await with_timeout(TURN_S, self._large_bodies.take(size))
        except TimeoutError as error:
            raise Busy(f"no room for a body of up to {size} bytes within {TURN_S} s") from error
        try:
            return await self._relay_body(request, entry, authentic, ends_at)
        finally:
            self._large_bodies.give_back(size)

    async def _relay_body(self, request: Request, entry: Entry, authentic: Authentic, ends_at: float) -> Outcome:
        verified = await self._verify_body(await self._read(request, ends_at), authentic, ends_at)
        entry.secret_index = verified.secret_index
        try:
            self._parse(verified, entry)
            return await self._publish_event(verified, entry, ends_at)
        except (EventError, PublishRefused) as reason:
            outcome = await self._publish_rejected(verified, entry, BY_ERROR[type(reason)], ends_at)
            entry.rejected_for = reason.with_traceback(None)  # its frames hold the entry: break the cycle
            return outcome

    async def _read(self, request: Request, ends_at: float) -> bytes:
        body_s = min(BODY_S, ends_at - self._monotonic())
        try:
            return await with_timeout(body_s, request.read(self._settings.max_body_bytes))
        except TimeoutError as error:
            raise BodyIncomplete(f"no whole body within {body_s} s") from error

    async def _verify_body(self, body: bytes, authentic: Authentic, ends_at: float) -> Verified:
        """Return at once what nearly all bodies are; another scheme may still have to fetch its keys."""
        if verified := self._verifier.proves(authentic, body):
            return verified
        left_s = min(PROOF_S, ends_at - self._monotonic())
        return await self._proven(self._verifier.verify_body(authentic, body), left_s)

    async def _proven(self, proof: Coroutine[Any, Any, T], proof_s: float) -> T:
        try:
            return await with_timeout(proof_s, proof)
        except TimeoutError as error:
            raise KeysUnavailable(f"no secrets or keys within {proof_s} s") from error

    def _parse(self, verified: Verified, entry: Entry) -> None:
        """Fill ``entry.envelope`` as far as the body can be read.

        Raises:
            EventError: the first reason why the event does not belong on the main topic.

        """
        try:
            entry.envelope = read_envelope(parse_body(verified.body))
        except Malformed:
            if not verified.expired:
                raise
        if verified.expired:
            raise Expired("the token's time is over")
        require_envelope(entry.envelope)
        allowed = self._settings.project_ids
        if allowed is not None and entry.envelope.project_id not in allowed:
            raise ForeignProject(f"project {entry.envelope.project_id}")

    async def _publish_event(self, verified: Verified, entry: Entry, ends_at: float) -> Outcome:
        message = event_message(verified, entry.envelope, traceparent(entry.request), self._settings)
        await self._publish(self._settings.topic, message, entry, ends_at)
        has_warning = message.cut or "schemaViolation" in message.attributes
        return DELIVERED_WITH_WARNING if has_warning else DELIVERED

    async def _publish_rejected(self, verified: Verified, entry: Entry, outcome: Outcome, ends_at: float) -> Outcome:
        """Keep an event on the rejected topic, and return its outcome; raises ``RejectedTopicFailed``."""
        message = rejected_message(
            verified,
            entry.envelope,
            traceparent(entry.request),
            self._settings,
            reason=outcome.reason,
            received_at=datetime.fromtimestamp(self._now(), UTC).isoformat().replace("+00:00", "Z"),
        )
        try:
            await self._publish_bare_if_refused(message, entry, ends_at)
        except PublishError as error:
            raise RejectedTopicFailed(str(error)) from error
        return outcome

    async def _publish_bare_if_refused(self, message: Message, entry: Entry, ends_at: float) -> None:
        """Publish to the rejected topic; if Pub/Sub refuses the message there too, without the event's attributes."""
        try:
            await self._publish(self._settings.rejected_topic, message, entry, ends_at)
        except PublishRefused:
            await self._publish(self._settings.rejected_topic, bare_message(message), entry, ends_at)

    async def _publish(self, topic: str, message: Message, entry: Entry, ends_at: float) -> None:
        entry.message = message
        began_at = self._monotonic()
        timeout_s = min(self._settings.publish_timeout_s, ends_at - began_at)
        try:
            entry.message_id = await self._publisher.publish(topic, message, timeout_s=timeout_s)
        finally:
            entry.publish_ms = (self._monotonic() - began_at) * 1000


def _announced(request: Request) -> float:
    """Return how many bytes the body may have: a body in chunks is not announced."""
    digits = request.header("content-length")
    return int(digits) if digits and digits.isdecimal() and len(digits) < 20 else math.inf


def _reply(outcome: Outcome, entry: Entry, *, is_early: bool) -> Reply:
    headers = {}
    if outcome.status == 405:
        headers["Allow"] = "POST"
    if outcome.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if outcome.status == 200:
        topic = "rejected" if outcome.reason else "events"
        return Reply(200, msgspec.json.encode({"messageId": entry.message_id, "topic": topic}))
    body = b"" if outcome is INTERNAL else msgspec.json.encode({"error": outcome.reason})
    return Reply(outcome.status, body, is_early=is_early, headers=headers)
