"""access_token: one fetch at a time beside the requests, and a token that is used until it expires."""

import asyncio
import threading
import time
from dataclasses import dataclass, field

import pytest

from function.access_token import ABANDON_S, FETCH_S, PAUSE_S, REFRESH_S, SPARE_S, AccessToken, AccessTokens
from function.errors import PublishError, PublishMisconfigured, PublishTransient

LIFE_S = 3600.0


@dataclass
class Issuer:
    """Issues numbered tokens. A test moves its clock."""

    time_s: float = 1_000_000.0
    life_s: float = LIFE_S
    error: PublishError | None = None
    waits: threading.Event | None = None
    patience_s: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    warnings: list[str] = field(default_factory=list)
    before: frozenset[threading.Thread] = field(default_factory=lambda: frozenset(threading.enumerate()))

    def fetch(self, timeout_s: float) -> AccessToken:
        """Issue the next token."""
        self.patience_s.append(timeout_s)
        number = len(self.patience_s)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.waits:
                self.waits.wait(60)
            if self.error:
                raise self.error
        finally:
            self.at_once -= 1
        return token(number, self.time_s + self.life_s)

    def now(self) -> float:
        """Return the time in seconds."""
        return self.time_s

    def tokens(self) -> AccessTokens:
        """Return a holder of this issuer's tokens."""
        return AccessTokens(self.fetch, now=self.now, monotonic=self.now, warn=self.warnings.append)

    async def settled(self) -> None:
        """Wait until the thread of the fetch has ended, which sets the token or calls ``warn`` before its end."""
        gives_up_at = time.monotonic() + 60
        while not self.before.issuperset(threading.enumerate()):
            assert time.monotonic() < gives_up_at
            await asyncio.sleep(0.001)


def token(number: int, expires_at: float) -> AccessToken:
    return AccessToken((("authorization", f"Bearer {number}"),), expires_at)


def number_of(given: AccessToken) -> int:
    return int(given.metadata[0][1].split()[1])


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def test_all_who_wait_for_the_first_token_share_one_fetch(issuer: Issuer) -> None:
    async def use() -> None:
        tokens = issuer.tokens()
        given = await asyncio.gather(*(tokens.get(60) for _ in range(50)))
        assert {number_of(token) for token in given} == {1}
        assert len(issuer.patience_s) == 1

    asyncio.run(use())


def test_a_token_is_not_fetched_again_before_it_is_due(issuer: Issuer) -> None:
    async def use() -> None:
        tokens = issuer.tokens()
        await tokens.get(60)
        issuer.time_s += LIFE_S - REFRESH_S - 1
        assert number_of(await tokens.get(60)) == 1
        assert len(issuer.patience_s) == 1

    asyncio.run(use())
    assert REFRESH_S == 225, "as google-auth's"


def test_the_minimum_time_between_fetches_is_100_ms_without_a_valid_token_and_1_s_with_one() -> None:
    assert PAUSE_S == (0.1, 1.0)


def test_a_token_that_is_due_stays_in_use_while_one_fetch_replaces_it(issuer: Issuer) -> None:
    async def use() -> None:
        tokens = issuer.tokens()
        await tokens.get(60)
        issuer.waits = threading.Event()
        issuer.time_s += LIFE_S - REFRESH_S
        given = [await tokens.get(60) for _ in range(20)]
        assert {number_of(token) for token in given} == {1}
        issuer.waits.set()
        await issuer.settled()
        assert number_of(await tokens.get(60)) == 2
        assert len(issuer.patience_s) == 2

    asyncio.run(use())


def test_a_token_stays_in_use_until_it_expires_and_its_refresh_is_tried_once_a_second(issuer: Issuer) -> None:
    async def use() -> None:
        tokens = issuer.tokens()
        await tokens.get(60)
        issuer.error = PublishTransient("down")
        issuer.time_s += LIFE_S - REFRESH_S
        for _ in range(60):
            issuer.time_s += 0.5
            asked = len(issuer.patience_s)
            assert number_of(await tokens.get(60)) == 1
            await issuer.settled()
            assert len(issuer.patience_s) - asked <= 1
        assert 30 <= len(issuer.patience_s) <= 32
        issuer.time_s += REFRESH_S - 30 - 3
        assert number_of(await tokens.get(60)) == 1, "it is good for three seconds yet"
        issuer.time_s += 2
        with pytest.raises(PublishTransient, match="down"):
            await tokens.get(60)

    asyncio.run(use())
    assert issuer.most_at_once == 1


def test_a_failed_refresh_of_a_valid_token_is_logged_once_a_minute(issuer: Issuer) -> None:
    async def use() -> None:
        tokens = issuer.tokens()
        await tokens.get(60)
        issuer.error = PublishTransient("down")
        issuer.time_s += LIFE_S - 200
        for _ in range(110):
            issuer.time_s += 1
            await tokens.get(60)
            await issuer.settled()

    asyncio.run(use())
    assert issuer.warnings == [
        "the access token cannot be replaced: down; the one at hand is good for 199 s",
        "the access token cannot be replaced: down; the one at hand is good for 139 s",
    ]


def test_without_a_token_the_error_has_the_cause_and_no_warning_is_logged(issuer: Issuer) -> None:
    issuer.error = PublishTransient("down")

    async def use() -> None:
        tokens = issuer.tokens()
        with pytest.raises(PublishTransient, match="down") as first:
            await tokens.get(60)
        with pytest.raises(PublishTransient, match="down") as second:
            await tokens.get(60)
        assert first.value is not second.value
        assert len(issuer.patience_s) == 1, "a tenth of a second lies between two fetches"
        issuer.time_s += 0.11
        issuer.error = None
        assert number_of(await tokens.get(60)) == 2

    asyncio.run(use())
    assert issuer.warnings == []


def test_after_an_error_that_needs_an_operator_each_request_fetches_again(issuer: Issuer) -> None:
    issuer.error = PublishMisconfigured("none")

    async def use() -> None:
        tokens = issuer.tokens()
        for _ in range(3):
            with pytest.raises(PublishMisconfigured):
                await tokens.get(60)

    asyncio.run(use())
    assert len(issuer.patience_s) == 3


def test_a_new_fetch_replaces_a_hung_fetch_only_after_the_hung_fetch_should_have_ended(
    issuer: Issuer,
) -> None:
    issuer.waits = threading.Event()

    async def use() -> None:
        tokens = issuer.tokens()
        for _ in range(3):
            with pytest.raises(PublishTransient, match=r"^no access token in time$"):
                await tokens.get(0.02)
        assert len(issuer.patience_s) == 1
        hanging, issuer.waits = issuer.waits, None
        issuer.time_s += ABANDON_S
        assert number_of(await tokens.get(60)) == 2
        assert hanging
        hanging.set()

    asyncio.run(use())


def test_a_fetch_that_ends_after_a_newer_one_does_not_replace_its_token(issuer: Issuer) -> None:
    issuer.waits = threading.Event()

    async def use() -> None:
        tokens = issuer.tokens()
        with pytest.raises(PublishTransient, match="no access token in time"):
            await tokens.get(0.02)
        hanging, issuer.waits = issuer.waits, None
        issuer.time_s += ABANDON_S
        newer = await tokens.get(60)
        assert hanging
        issuer.life_s = 1.0
        hanging.set()
        await issuer.settled()
        assert await tokens.get(60) is newer

    asyncio.run(use())


def test_successive_fetches_have_a_short_and_a_long_timeout_in_turn(issuer: Issuer) -> None:
    issuer.error = PublishTransient("slow")

    async def use() -> None:
        tokens = issuer.tokens()
        for _ in range(3):
            issuer.time_s += 1
            with pytest.raises(PublishTransient):
                await tokens.get(60)

    asyncio.run(use())
    assert tuple(issuer.patience_s) == (*FETCH_S, FETCH_S[0])
    assert max(FETCH_S) < ABANDON_S


def test_a_distrusted_token_is_replaced_but_a_newer_token_is_not(issuer: Issuer) -> None:
    async def use() -> None:
        tokens = issuer.tokens()
        first = await tokens.get(60)
        tokens.distrust(first)
        second = await tokens.get(60)
        assert number_of(second) == 2
        tokens.distrust(first)
        assert await tokens.get(60) is second

    asyncio.run(use())


def test_a_token_is_used_only_while_it_is_valid_for_a_whole_attempt(issuer: Issuer) -> None:
    async def use() -> None:
        tokens = issuer.tokens()
        first = await tokens.get(60)
        issuer.time_s = first.expires_at - SPARE_S - 0.1
        assert await tokens.get(60) is first
        await issuer.settled()
        tokens = issuer.tokens()
        third = await tokens.get(60)
        issuer.time_s = third.expires_at - SPARE_S
        assert number_of(await tokens.get(60)) == 4

    asyncio.run(use())


def test_a_failed_refresh_of_an_expired_token_is_no_warning(issuer: Issuer) -> None:
    async def use() -> None:
        tokens = issuer.tokens()
        first = await tokens.get(60)
        issuer.error = PublishTransient("down")
        issuer.time_s = first.expires_at - SPARE_S
        with pytest.raises(PublishTransient, match="down"):
            await tokens.get(60)

    asyncio.run(use())
    assert issuer.warnings == []


def test_tokens_that_are_valid_for_only_a_second_are_used_too(issuer: Issuer) -> None:
    issuer.life_s = 1.0

    async def use() -> None:
        tokens = issuer.tokens()
        assert number_of(await tokens.get(60)) == 1
        issuer.time_s += 1
        assert number_of(await tokens.get(60)) == 2

    asyncio.run(use())


def test_the_repr_of_a_token_does_not_show_it() -> None:
    assert "Bearer" not in repr(token(1, 2.0))
