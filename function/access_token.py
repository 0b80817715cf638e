"""The access token of the Publish requests. One thread at a time fetches it, beside the requests.

A request waits for a token only if there is no valid token. The first request within ``REFRESH_S`` of the end starts
a fetch. If the fetch fails, the old token serves until it expires. Nothing runs between requests, because Cloud Run
takes the processor away then, and a timer would fire too late.
"""

import asyncio
import itertools
import math
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from function.errors import PublishError, PublishMisconfigured, PublishTransient
from function.threads import daemon_thread

REFRESH_S = 225.0
"""A token is replaced if it expires within this many seconds. It is google-auth's ``REFRESH_THRESHOLD``.

Google's metadata server returns the same token until it has five minutes left, so an earlier fetch would gain nothing:
https://cloud.google.com/compute/docs/access/authenticate-workloads#applications.
"""

SPARE_S = 2.0
"""A token must be valid for at least this many seconds, because one attempt to publish takes up to 2 s."""

FETCH_S = (1.0, 3.0)
"""Timeouts of successive fetches in seconds, in turn: short for a server that hangs once, long for a slow server."""

ABANDON_S = 4.0
"""If a fetch has exceeded its timeout and has not ended after this many seconds, another fetch starts."""

PAUSE_S = (0.1, 1.0)
"""Minimum seconds between the starts of two fetches: without a valid token, and with a valid token."""

WARN_S = 60.0
"""Minimum seconds between two warnings that a token cannot be replaced."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token. ``metadata``: gRPC metadata of each call, names in lower case. ``expires_at``: s since the UTC epoch."""

    metadata: tuple[tuple[str, str], ...] = field(repr=False)
    expires_at: float


Fetch: TypeAlias = Callable[[float], AccessToken]
"""Blocking call: timeout in seconds -> token. Raises PublishError."""


class AccessTokens:
    """Holds the current token.

    ``now`` returns seconds since the UTC epoch, and ``monotonic`` seconds of a clock that never steps back. ``warn`` is
    called at most once a minute if the current token is valid but cannot be replaced.
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        warn: Callable[[str], object],
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._monotonic = monotonic
        self._warn = warn
        self._patience_s = itertools.cycle(FETCH_S)
        self._token: AccessToken | None = None
        self._fetching: Future[AccessToken | PublishError] | None = None
        self._fetching_since = self._warned_at = -math.inf

    async def get(self, timeout_s: float) -> AccessToken:
        """Return a valid token, without waiting if there is one.

        Raises:
            PublishError: there is no valid token, and a fetch failed or took more than ``timeout_s`` seconds. The text
                of the error says why.

        """
        token, left_s = self._token, self._left_s()
        if token and left_s > REFRESH_S:
            return token
        is_good = token is not None and left_s > SPARE_S
        fetching = self._fetched(PAUSE_S[is_good])
        if token and is_good:
            return token
        waiting = asyncio.wrap_future(fetching)
        await asyncio.wait([waiting], timeout=timeout_s)
        if not waiting.done():
            raise PublishTransient("no access token in time")
        outcome = waiting.result()
        if isinstance(outcome, PublishError):
            # a new object, because a shared one would collect the frames of every waiter
            raise type(outcome)(str(outcome))
        return outcome

    def distrust(self, token: AccessToken) -> None:
        """Stop using a token that Pub/Sub has rejected, although the token has not expired."""
        if self._token is token:
            self._token = self._fetching = None

    def _left_s(self) -> float:
        token = self._token  # a local name, because another thread may replace the attribute
        return token.expires_at - self._now() if token else -math.inf

    def _fetched(self, pause_s: float) -> "Future[AccessToken | PublishError]":
        """Return the fetch that is pending or has just ended, or start another fetch."""
        last = self._fetching
        if last is None or self._is_over(last, pause_s):
            self._fetching_since = self._monotonic()
            last = self._fetching = daemon_thread(self._attempt)
        return last

    def _is_over(self, last: "Future[AccessToken | PublishError]", pause_s: float) -> bool:
        since_s = self._monotonic() - self._fetching_since
        if not last.done():
            return since_s >= ABANDON_S
        is_transient = not last.exception() and not isinstance(last.result(), PublishMisconfigured)
        return since_s >= pause_s or not is_transient  # a lasting error ends a request, so the next request tries again

    def _attempt(self) -> AccessToken | PublishError:
        try:
            token = self._fetch(next(self._patience_s))
        except PublishError as error:
            self._warn_of(error)
            return error
        if token.expires_at > self._now() + self._left_s():  # a fetch that hung may end after a newer fetch
            self._token = token
        return token

    def _warn_of(self, error: PublishError) -> None:
        left_s = self._left_s()
        if left_s > SPARE_S and self._monotonic() - self._warned_at >= WARN_S:
            self._warned_at = self._monotonic()
            self._warn(f"the access token cannot be replaced: {error}; the one at hand is good for {left_s:.0f} s")
