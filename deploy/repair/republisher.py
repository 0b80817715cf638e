"""Sends events to the deployed function, which judges and publishes them: one at a time for each thread.

The function answers 200 only after Pub/Sub has acknowledged the message, and 422 if it would have put a live event on
the rejected topic; then it publishes nothing. Every other answer means that nothing is known to be published: the event
is sent again, so a message can be there twice, with the same ``eventId``, and none is lost.
"""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from deploy.errors import DeployError
from deploy.function_client import Answer, FunctionClient, Origin
from deploy.parallel import sleep as sleep_of_a_worker
from deploy.program import PROGRAM, UP
from deploy.remedies import CLOCK
from deploy.repair.pace import Pace
from deploy.secret import Secret

DEADLINE_S = 120.0
"""Seconds after its first attempt in which an event is sent again. An attempt that has begun is finished."""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 20.0
"""Pauses between attempts are doubled up to this one, and vary at random so that threads do not meet."""

SHOWN = 200
"""Characters of an answer that an error shows."""

UNKNOWN_ORIGIN = "probe"
"""An origin that no function knows. One that knows origins refuses its token as malformed."""

WRONG_CLOCK = {(422, "expired"): "behind", (503, "clock"): "ahead of"}
"""What answers to a token that was made a moment ago say about the clock that made it."""

Outcome = Literal["published", "refused", "failed"]


class Outdated(DeployError):
    """The deployed function is older than this command: it does not know ``origin``, or has nothing to judge it by."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one event.

    ``published``: it is on the main topic as message ``message_id``. ``refused``: the function found it unusable
    (422) for ``reason``, and published nothing. ``failed``: it may be published or not, and ``reason`` says why it is
    not known to be; ``status`` is that of the last answer, 0 if there was none.
    """

    outcome: Outcome
    reason: str = ""
    message_id: str = ""
    status: int = 200


@dataclass(frozen=True)
class Republisher:
    """The sender of one run. ``send`` is safe to call from several threads; the caller says how many.

    ``pace`` gives each request its turn, also a repeated one. ``jitter`` returns a number from 0 to 1.
    """

    client: FunctionClient
    secret: Secret
    origin: Origin
    pace: Pace
    deadline_s: float = DEADLINE_S
    sleep: Callable[[float], None] = sleep_of_a_worker
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

    def check(self) -> None:
        """Check that the function answers, and knows the secret and ``origin``. Nothing is published.

        Raises:
            Outdated: the function does not know ``origin``: it would put what it refuses on its rejected topic.
            DeployError: it does not answer, or does not accept the secret.

        """
        answer = self._answered(lambda: self.client.probe(self.secret, self.origin))
        if answer.status != 401:
            what = f"the function answered {_described(answer)}" if answer.status else "the function does not answer"
            raise DeployError(what, where=self.client.url, fix=[f"{PROGRAM} status"])
        if _member(answer.text, "error") != "checksum":
            what = f"the function does not accept the newest secret: it answered {_described(answer)}"
            raise DeployError(what, where=self.client.url, fix=[f"{PROGRAM} rotate --status", f"{PROGRAM} plan"])
        unknown = self._answered(lambda: self.client.probe(self.secret, UNKNOWN_ORIGIN))
        found = (unknown.status, _member(unknown.text, "error"))
        if found == (401, "checksum"):
            what = f"the deployed function is older than this command: it does not know {PROGRAM} {self.origin}"
            raise Outdated(what, where=self.client.url, fix=[UP])
        if found != (401, "signature"):
            what = f"it is not known whether the function knows {PROGRAM} {self.origin}: {_described(unknown)}"
            raise DeployError(what, where=self.client.url, fix=[f"{PROGRAM} status"])

    def send(self, body: bytes) -> Verdict:
        """Send one event, again and again until there is a final answer or the deadline is over.

        Raises:
            Outdated: the function published the event on its rejected topic, as one does that does not know ``origin``.
            DeployError: the clock of this machine is wrong, so that every event would have this answer.

        """
        answer = self._answered(lambda: self._sent(body))
        if answer.status == 200 and _member(answer.text, "topic") == "rejected":
            what = f"the deployed function does not know {PROGRAM} {self.origin}: it put an event on its rejected topic"
            raise Outdated(what, where=self.client.url, fix=[UP])
        return verdict_of(answer)

    def _sent(self, body: bytes) -> Answer:
        """Send one event once. A token of this moment has expired, or is of the future, only if a clock is wrong."""
        answer = self.client.send_signed(body, self.secret, origin=self.origin)
        way = WRONG_CLOCK.get((answer.status, _member(answer.text, "error")))
        if way:
            what = f"the clock of this machine is {way} the function's: it answered {_described(answer)}"
            raise DeployError(what, where=self.client.url, fix=[CLOCK])
        return answer

    def _answered(self, ask: Callable[[], Answer]) -> Answer:
        """Return the first final answer, or the last one before the deadline."""
        give_up_at, attempt = self.monotonic() + self.deadline_s, 0
        while True:
            self.pace.wait()
            answer = ask()
            pause_s = self._pause_s(attempt, answer.retry_after_s)
            if not _may_pass(answer.status) or self.monotonic() + pause_s > give_up_at:
                return answer
            self.sleep(pause_s)
            attempt += 1

    def _pause_s(self, attempt: int, retry_after_s: float) -> float:
        longest: float = min(FIRST_PAUSE_S * 2 ** min(attempt, 30), LONGEST_PAUSE_S)
        return max(longest * (0.5 + 0.5 * self.jitter()), retry_after_s)


def verdict_of(answer: Answer) -> Verdict:
    """Return what a final answer of the function says about an event that was sent with an origin."""
    if answer.status == 422 and (reason := _member(answer.text, "error")):
        return Verdict("refused", reason, status=422)
    if answer.status != 200:
        return Verdict("failed", _described(answer), status=answer.status)
    message_id = _member(answer.text, "messageId")
    if _member(answer.text, "topic") == "events" and message_id:
        return Verdict("published", message_id=message_id)
    return Verdict("failed", f"not an answer of the function: {_described(answer)}")


def _may_pass(status: int) -> bool:
    """Return whether an answer may be another one soon: no answer (0), too many requests, a fault of the server."""
    return status in {0, 408, 429} or status >= 500


def _described(answer: Answer) -> str:
    """Return an answer in a few words, such as ``401 signature``."""
    if not answer.status:
        return "no answer"
    return f"{answer.status} {_member(answer.text, 'error') or answer.text[:SHOWN].strip()}".strip()


def _member(text: str, name: str) -> str:
    """Return a text in an answer's JSON, or "" if there is none."""
    try:
        found: Any = json.loads(text)
    except ValueError:
        return ""
    member = found.get(name) if isinstance(found, dict) else None
    return member if isinstance(member, str) else ""
