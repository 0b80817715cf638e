"""The access token that goes with each Publish request: fetched beside the requests, by one thread at a time.

A request waits for a token only where there is no good one. A new one is asked for some minutes before the old one
expires; as long as that does not succeed the old one serves, until it really expires. Nothing runs while no request
comes: Cloud Run takes the processor away between requests, and a timer would not be kept.
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
"""Seconds before its end from which on a token is to be replaced: as google-auth's ``REFRESH_THRESHOLD``.

Google's metadata server hands the same token out until it has five minutes left
(https://cloud.google.com/compute/docs/access/authenticate-workloads#applications), so earlier would gain nothing.
"""

SPARE_S = 2.0
"""Seconds that a token has to be good for: one attempt to publish."""

FETCH_S = (1.0, 3.0)
"""Seconds that a fetch may take, in turn: a server that hangs once is left soon, and a slow one has time enough."""

ABANDON_S = 4.0
"""Seconds after which a fetch that is not over, although it should be, is left to itself and another one begins."""

PAUSE_S = (0.1, 1.0)
"""Seconds from the start of one fetch to the start of the next: without a good token, and with one."""

WARN_S = 60.0
"""Seconds between two warnings that a token cannot be replaced."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """``metadata`` goes with each call, names in lower case; ``expires_at``: seconds since the UTC epoch."""

    metadata: tuple[tuple[str, str], ...] = field(repr=False)
    expires_at: float


Fetch: TypeAlias = Callable[[float], AccessToken]
"""Fetches a token within so many seconds, blocking; raises PublishError."""


class AccessTokens:
    """Holds the token at hand. ``now``: seconds since the UTC epoch; ``monotonic``: of a clock that never steps back.

    ``warn`` is told, at most once a minute, that the token at hand is good but cannot be replaced.
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
        """Return a good token, at once if there is one.

        Raises:
            PublishError: there is none, and none could be fetched within ``timeout_s`` seconds; says why.

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
            raise type(outcome)(str(outcome))  # not the same object twice: it would gather the frames of all who wait
        return outcome

    def distrust(self, token: AccessToken) -> None:
        """Use this token no more: Pub/Sub has called it invalid, though it has not expired."""
        if self._token is token:
            self._token = self._fetching = None

    def _left_s(self) -> float:
        token = self._token  # another thread may replace it meanwhile
        return token.expires_at - self._now() if token else -math.inf

    def _fetched(self, pause_s: float) -> "Future[AccessToken | PublishError]":
        """Return the fetch that is going on or has just ended, or begin another one."""
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
        return since_s >= pause_s or not is_transient  # the other kind ends a request: the next one looks for itself

    def _attempt(self) -> AccessToken | PublishError:
        try:
            token = self._fetch(next(self._patience_s))
        except PublishError as error:
            self._tell(error)
            return error
        if token.expires_at > self._now() + self._left_s():  # a fetch that hung may end after a newer one
            self._token = token
        return token

    def _tell(self, error: PublishError) -> None:
        left_s = self._left_s()
        if left_s > SPARE_S and self._monotonic() - self._warned_at >= WARN_S:
            self._warned_at = self._monotonic()
            self._warn(f"the access token cannot be replaced: {error}; the one at hand is good for {left_s:.0f} s")
