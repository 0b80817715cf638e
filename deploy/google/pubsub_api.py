"""Pub/Sub's REST API: reading a subscription, for which gcloud would need half a second and a process each time.

https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
"""

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from deploy.errors import DeployError
from deploy.google.access_token import AccessTokens
from deploy.google.authorized import AuthorizedSend
from deploy.google.calls import READ_S, Answer, Call, Send
from deploy.google.permissions import grants
from deploy.google.retries import TRANSIENT_OR_SILENT, repeated
from deploy.times import utc

BASE = "https://pubsub.googleapis.com/v1"

PULL_S = 100.0
"""Seconds to wait for the answer to a pull. Google's emulator answers after 89 s if there is no message. A pull that is
given up earlier keeps the next message to itself, until its acknowledgement deadline."""

MAX_PULLED = 500
"""Messages that one pull returns at most."""

MAX_ACK_IDS = 1_000
"""Ids of acknowledgement in one request. Google's limit is 512 KiB of them, and each has about 200 bytes."""

PAUSES_S = (0.5, 1.0, 2.0)
"""Pauses before a call is repeated after a failure that may pass."""

ATTEMPTS = 1 + len(PAUSES_S)

Json = Mapping[str, Any]


class PubSubFailed(DeployError):
    """A call of Pub/Sub's API failed. ``status``: its HTTP status, or 0 if there was no answer.

    ``is_silent``: Pub/Sub took the call, and did not answer in time.
    """

    def __init__(self, status: int, what: str, *, where: str, fix: Sequence[str] = (), is_silent: bool = False) -> None:
        super().__init__(what, where=where, fix=fix)
        self.status = status
        self.is_silent = is_silent


@dataclass(frozen=True, slots=True)
class Pulled:
    """A message as a pull returns it. ``published_at``: unix seconds.

    ``attempt``: how often it was delivered, counted from 1, if the subscription has a dead-letter policy; else 0.
    """

    ack_id: str
    message_id: str
    data: bytes
    attributes: Mapping[str, str]
    published_at: float
    attempt: int = 0


class PubSubApi:
    """The subscriptions of one project, as the user of gcloud's login. Safe to use from several threads."""

    def __init__(
        self, project: str, tokens: AccessTokens, send: Send, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.project = project
        self._send = AuthorizedSend(tokens, send)
        self._sleep = sleep
        self._answered_at: float | None = None

    def time(self, now: float) -> float:
        """Return the unix time of Google's newest answer, to be compared with ``published_at``.

        It does not depend on the clock of this machine, whose time is ``now``: that counts if no answer had a time.
        """
        return now if self._answered_at is None else self._answered_at + 1.0  # the end of that second

    def subscriptions(self) -> Iterator[Json]:
        """Yield all subscriptions of the project. Raises ``PubSubFailed``."""
        following, seen = "", set[str]()
        while True:
            page = {"pageSize": "1000", **({"pageToken": following} if following else {})}
            answer = self._call("GET", f"/projects/{self.project}/subscriptions", params=page, times=ATTEMPTS)
            found, following = answer.get("subscriptions") or [], answer.get("nextPageToken") or ""
            is_list = isinstance(found, list) and all(isinstance(item, dict) for item in found)
            if not is_list or not isinstance(following, str) or following in seen:
                raise PubSubFailed(200, "its answer has an unexpected structure", where=_where("subscriptions"))
            yield from found
            if not following:
                return
            seen.add(following)

    def create(self, name: str, settings: Json) -> None:
        """Create a subscription. One of this name may have been made by an attempt whose answer was lost.

        Raises:
            PubSubFailed: it was not created.

        """
        body = {**settings, "topic": f"projects/{self.project}/topics/{settings['topic']}"}
        try:
            self._call("PUT", self._path(name), body=body, times=ATTEMPTS)
        except PubSubFailed as error:
            if error.status != 409:
                raise

    def delete(self, name: str, *, read_s: float = READ_S, times: int = ATTEMPTS) -> bool:
        """Delete a subscription, and return whether it was there. Raises ``PubSubFailed``."""
        try:
            self._call("DELETE", self._path(name), read_s=read_s, times=times)
        except PubSubFailed as error:
            if error.status != 404:
                raise
            return False
        return True

    def get(self, name: str, *, read_s: float = READ_S) -> Json:
        """Return a subscription, by a single attempt. Raises ``PubSubFailed``."""
        found: Json = self._call("GET", self._path(name), read_s=read_s)
        return found

    def label(self, name: str, labels: Mapping[str, str]) -> None:
        """Replace the labels of a subscription, by a single attempt. Raises ``PubSubFailed``."""
        body = {"subscription": {"labels": dict(labels)}, "updateMask": "labels"}
        self._call("PATCH", self._path(name), body=body)

    def pull(self, name: str, *, waits: bool = True) -> list[Pulled]:
        """Return messages. If there are none, wait for the first one, or for a minute or two.

        Without ``waits`` there may be none although some are there: Pub/Sub then answers with what it has at hand.

        Raises:
            PubSubFailed: there is no such subscription, or Pub/Sub did not answer.

        """
        body = {"maxMessages": MAX_PULLED, **({} if waits else {"returnImmediately": True})}
        answer = self._call("POST", f"{self._path(name)}:pull", body=body, read_s=PULL_S if waits else READ_S)
        try:
            return [_pulled(received) for received in answer.get("receivedMessages") or ()]
        except (KeyError, TypeError, ValueError):
            raise PubSubFailed(200, "its answer has an unexpected structure", where=_where(name)) from None

    def acknowledge(self, name: str, ack_ids: Sequence[str], *, times: int = 1) -> None:
        """Acknowledge messages, by so many attempts in all if the failure may pass. Raises ``PubSubFailed``."""
        self._call("POST", f"{self._path(name)}:acknowledge", body={"ackIds": list(ack_ids)}, times=times)

    def lease(self, name: str, ack_ids: Sequence[str], seconds: int, *, read_s: float = READ_S) -> None:
        """Keep messages from other readers for so many seconds from now, at most 600; 0 gives them back at once.

        This is one attempt. Raises ``PubSubFailed``.
        """
        body = {"ackIds": list(ack_ids), "ackDeadlineSeconds": seconds}
        self._call("POST", f"{self._path(name)}:modifyAckDeadline", body=body, read_s=read_s)

    def seek(self, name: str, at: float) -> None:
        """Let a subscription have exactly the messages that were published since a unix time, if its topic keeps them.

        Raises:
            PubSubFailed: it is not known whether this was done.

        """
        self._call("POST", f"{self._path(name)}:seek", body={"time": utc(at)}, times=ATTEMPTS)

    def topic(self, name: str) -> Json:
        """Return a topic. Raises ``PubSubFailed``."""
        found: Json = self._call("GET", f"/projects/{self.project}/topics/{name}", times=ATTEMPTS)
        return found

    def _path(self, name: str) -> str:
        return f"/projects/{self.project}/subscriptions/{name}"

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        params: Mapping[str, str] | None = None,
        read_s: float = READ_S,
        times: int = 1,
    ) -> Any:
        """Return the answer to a call, by so many attempts in all if the failure may pass. Raises ``PubSubFailed``."""
        call = Call(method, BASE + path, body, params=params or {}, read_s=read_s)
        pauses_s = PAUSES_S[: times - 1]
        answer = repeated(
            lambda: self._send(call), pauses_s, lambda answer: answer.status in TRANSIENT_OR_SILENT, self._sleep
        )
        self._answered_at = self._answered_at if answer.at is None else answer.at
        if answer.status == 200 and isinstance(answer.body, dict):
            return answer.body
        raise self._failure(answer, path)

    def _failure(self, answer: Answer, path: str) -> PubSubFailed:
        where = _where(path.rpartition("/")[2])
        if answer.status == 0:
            fix = [answer.fix] if answer.fix else []
            return PubSubFailed(0, answer.why, where=where, fix=fix, is_silent=answer.is_silent)
        error = answer.body.get("error") if isinstance(answer.body, dict) else None
        message = str(error.get("message", "")) if isinstance(error, dict) else ""
        what = f"{answer.status} {message}".strip()
        return PubSubFailed(answer.status, what, where=where, fix=self._fixes(answer.status, str(answer.body)))

    def _fixes(self, status: int, text: str) -> list[str]:
        if "SERVICE_DISABLED" in text:
            return [f"gcloud services enable pubsub.googleapis.com --project={self.project}"]
        return {401: ["gcloud auth login"], 403: [*grants(self.project)]}.get(status, [])


def in_requests(ack_ids: Iterable[str]) -> Iterator[list[str]]:
    """Yield ids of acknowledgement in lists that fit into a request."""
    rest = iter(ack_ids)
    while ids := list(islice(rest, MAX_ACK_IDS)):
        yield ids


def _where(name: str) -> str:
    return f"Pub/Sub, {name.partition(':')[0]}"


def _pulled(received: Json) -> Pulled:
    message = received["message"]
    return Pulled(
        str(received["ackId"]),
        str(message["messageId"]),
        base64.b64decode(message.get("data", "")),
        dict(message.get("attributes") or {}),
        datetime.fromisoformat(message["publishTime"]).timestamp(),
        int(received.get("deliveryAttempt") or 0),
    )
