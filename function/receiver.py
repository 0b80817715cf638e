"""Answers one request: calls the other modules in turn, and catches every error.

``outcomes`` is the decision table, which has the answer to each error.
"""

import math
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import msgspec

from function.body_budget import BodyBudget
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
from function.log import Log, RequestContext, traceparent
from function.message import Message, bare_message, event_message, rejected_message
from function.outcomes import (
    BY_ERROR,
    BY_ERROR_WITH_ORIGIN,
    DELIVERED,
    DELIVERED_WITH_WARNING,
    INTERNAL,
    RETRY_AFTER_S,
    Outcome,
)
from function.settings import Settings
from function.signature import Verified
from function.timeouts import with_timeout
from function.verifier import Authentic, Verifier

BODY_S = 3.0
"""Timeout of a client's body in seconds. DT's bodies have about 500 bytes."""

PROOF_S = 2.5
"""Timeout of the secrets and keys in seconds."""

ANSWER_S = 7.0
"""Seconds from a request's arrival to the end of its last step. DT times out after 10 s."""

LARGE_BODY_BYTES = 262_144
"""A body is large if it has more bytes than this. 80 concurrent requests with bodies of this size take about 140 MB."""

LARGE_BODIES_BYTES = 27_000_000
"""Maximum bytes of all large bodies at once. About five copies of a body exist at a time: another 140 MB."""

TURN_S = 3.0
"""Seconds that a large body may wait until it fits into the budget."""

T = TypeVar("T")


class Publisher(Protocol):
    """Publishes messages. ``RetryingPublisher`` is the implementation of production."""

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Return the id of Pub/Sub's acknowledgement, within ``timeout_s`` seconds. Raises PublishError."""
        ...


class Receiver:
    """Answers requests.

    ``now`` returns seconds since the UTC epoch, and ``monotonic`` seconds of a clock that never steps back.
    """

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
        self._large_bodies = BodyBudget(LARGE_BODIES_BYTES)

    async def receive(self, request: Request) -> Reply:
        """Return a request's reply: 2xx if and only if a topic has acknowledged its exact bytes. Never raises."""
        context = RequestContext(request)
        error: Exception | None = None
        try:
            outcome = await self._relay(request, context)
        except RelayError as expected:
            outcome, error = BY_ERROR[type(expected)], expected
        except Exception as unforeseen:  # noqa: BLE001  # no exception may reach the web framework
            outcome, error = INTERNAL, unforeseen
        self._log.request(context, outcome, error or context.unusable_for)
        return _reply(outcome, context, is_early=isinstance(error, RequestError | Unsigned))

    async def _relay(self, request: Request, context: RequestContext) -> Outcome:
        """Return the outcome of an event that a topic has acknowledged, or that its sender, an operator, has to keep.

        Raises ``RelayError`` in every other case.
        """
        ends_at = self._monotonic() + ANSWER_S
        if request.method != "POST":
            raise MethodNotAllowed("only POST is answered")
        authentic = await self._proven(self._verifier.authenticate(self._verifier.tokens(request.headers)), PROOF_S)
        size = min(_announced(request), self._settings.max_body_bytes)
        if size <= LARGE_BODY_BYTES:
            return await self._relay_body(request, context, authentic, ends_at)
        try:
            await with_timeout(TURN_S, self._large_bodies.take(size))
        except TimeoutError as error:
            raise Busy(f"no room for a body of up to {size} bytes within {TURN_S} s") from error
        try:
            return await self._relay_body(request, context, authentic, ends_at)
        finally:
            self._large_bodies.give_back(size)

    async def _relay_body(
        self, request: Request, context: RequestContext, authentic: Authentic, ends_at: float
    ) -> Outcome:
        body = await self._read(request, ends_at)
        verified = self._verifier.proves(authentic, body) or await self._verify_body(body, authentic, ends_at)
        context.secret_index, context.origin = verified.secret_index, verified.origin
        try:
            self._parse(verified, context)
            return await self._publish_event(verified, context, ends_at)
        except (EventError, PublishRefused) as reason:
            if verified.origin:
                outcome = BY_ERROR_WITH_ORIGIN[type(reason)]
            else:
                outcome = await self._publish_rejected(verified, context, BY_ERROR[type(reason)], ends_at)
            # a new error without the frames of this one, which hold the context and the body: no reference cycle
            context.unusable_for = type(reason)(str(reason))
            return outcome

    async def _read(self, request: Request, ends_at: float) -> bytes:
        body_s = min(BODY_S, ends_at - self._monotonic())
        try:
            return await with_timeout(body_s, request.read(self._settings.max_body_bytes))
        except TimeoutError as error:
            raise BodyIncomplete(f"no whole body within {body_s} s") from error

    async def _verify_body(self, body: bytes, authentic: Authentic, ends_at: float) -> Verified:
        """Return the body after another scheme has verified it, which may have to fetch its keys first."""
        left_s = min(PROOF_S, ends_at - self._monotonic())
        return await self._proven(self._verifier.verify_body(authentic, body), left_s)

    async def _proven(self, proof: Coroutine[Any, Any, T], proof_s: float) -> T:
        try:
            return await with_timeout(proof_s, proof)
        except TimeoutError as error:
            raise KeysUnavailable(f"no secrets or keys within {proof_s} s") from error

    def _parse(self, verified: Verified, context: RequestContext) -> None:
        """Set ``context.envelope`` if the body can be parsed.

        Raises:
            EventError: the first reason in the order of the decision table why the event cannot be used.

        """
        try:
            context.envelope = read_envelope(parse_body(verified.body))
        except Malformed:
            if not verified.expired:
                raise
        if verified.expired:
            raise Expired("the token has expired")
        require_envelope(context.envelope)
        allowed = self._settings.project_ids
        if allowed is not None and context.envelope.project_id not in allowed:
            raise ForeignProject(f"project {context.envelope.project_id}")

    async def _publish_event(self, verified: Verified, context: RequestContext, ends_at: float) -> Outcome:
        message = event_message(verified, context.envelope, traceparent(context.request), self._settings)
        await self._publish(self._settings.topic, message, context, ends_at)
        has_warning = message.cut or "schemaViolation" in message.attributes
        return DELIVERED_WITH_WARNING if has_warning else DELIVERED

    async def _publish_rejected(
        self, verified: Verified, context: RequestContext, outcome: Outcome, ends_at: float
    ) -> Outcome:
        """Publish an event to the rejected topic, and return its outcome. Raises ``RejectedTopicFailed``."""
        message = rejected_message(
            verified,
            context.envelope,
            traceparent(context.request),
            self._settings,
            reason=outcome.reason,
            received_at=datetime.fromtimestamp(self._now(), UTC).isoformat().replace("+00:00", "Z"),
        )
        try:
            await self._publish_bare_if_refused(message, context, ends_at)
        except PublishError as error:
            raise RejectedTopicFailed(str(error)) from error
        return outcome

    async def _publish_bare_if_refused(self, message: Message, context: RequestContext, ends_at: float) -> None:
        """Publish to the rejected topic. If Pub/Sub refuses the message, publish it without the event's attributes."""
        try:
            await self._publish(self._settings.rejected_topic, message, context, ends_at)
        except PublishRefused:
            await self._publish(self._settings.rejected_topic, bare_message(message), context, ends_at)

    async def _publish(self, topic: str, message: Message, context: RequestContext, ends_at: float) -> None:
        context.message = message
        began_at = self._monotonic()
        timeout_s = min(self._settings.publish_timeout_s, ends_at - began_at)
        try:
            context.message_id = await self._publisher.publish(topic, message, timeout_s=timeout_s)
        finally:
            context.publish_ms = (self._monotonic() - began_at) * 1000


def _announced(request: Request) -> float:
    """Return the announced length of the body in bytes, or infinity, because a chunked body announces none."""
    digits = request.header("content-length")
    return int(digits) if digits and digits.isdecimal() and len(digits) < 20 else math.inf


def _reply(outcome: Outcome, context: RequestContext, *, is_early: bool) -> Reply:
    headers = {}
    if outcome.status == 405:
        headers["Allow"] = "POST"
    if outcome.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if outcome.status == 200:
        topic = "rejected" if outcome.reason else "events"
        return Reply(200, msgspec.json.encode({"messageId": context.message_id, "topic": topic}))
    body = b"" if outcome is INTERNAL else msgspec.json.encode({"error": outcome.reason})
    return Reply(outcome.status, body, is_early=is_early, headers=headers)
