"""Stand-ins for what the rooms are given: a clock, Pub/Sub, the secrets, DT's keys and their issuer."""

import asyncio
import json
import selectors
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from function.errors import SignatureInvalid
from function.key_source import Es256Key
from function.message import Message
from function.signature import PublicKey
from tests.function.builders import ISSUER, KEY_ID, NOW, PRIVATE_KEY, SECRET, jwk

T = TypeVar("T")

DISCOVERY_URL = f"{ISSUER}/.well-known/openid-configuration"
KEY_SET_URL = f"{ISSUER}/keys"


class FakeClock:
    """A clock that only goes when it is told to."""

    def __init__(self, seconds: float = NOW) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


class _Skipping(selectors.DefaultSelector):
    """Waits for nothing: the time that it would have waited has passed at once."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Give what is ready now."""
        ready = super().select(0)
        if not ready:
            self.skipped_s += timeout or 0
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop on which sleeping takes no time, and whose clock says that it did; not for threads."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Give the seconds slept."""
        return self._skipping.skipped_s


def slept_s() -> float:
    """Give the running loop's clock: as ``monotonic`` for what runs on a ``SkippingLoop``."""
    return asyncio.get_running_loop().time()


def run_skipping(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, without waiting for what it waits for."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(coroutine)


class FakePublisher:
    """Topics that acknowledge whatever comes, or fail as a test says, after ``slow_s`` or the time given."""

    def __init__(self, fails: Mapping[str, Exception] | None = None) -> None:
        self.fails = dict(fails or {})
        self.acknowledged: list[tuple[str, Message]] = []
        self.timeouts_s: list[float] = []
        self.slow_s = 0.0

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Acknowledge, or fail."""
        self.timeouts_s.append(timeout_s)
        await asyncio.sleep(min(self.slow_s, max(timeout_s, 0)))
        if topic in self.fails:
            raise self.fails[topic]
        self.acknowledged.append((topic, message))
        return f"id-{len(self.acknowledged)}"


class FakeSecrets:
    """The secrets before and after a miss, and how often each was asked for."""

    def __init__(self, *secrets: str, after_miss: Sequence[str] | None = None, fails: Exception | None = None) -> None:
        self._secrets = [secret.encode() for secret in secrets or (SECRET,)]
        self._after_miss = self._secrets if after_miss is None else [secret.encode() for secret in after_miss]
        self._fails = fails
        self.asked: list[str] = []

    async def secrets(self) -> list[bytes]:
        """Give the secrets."""
        self.asked.append("secrets")
        if self._fails:
            raise self._fails
        return self._secrets

    async def secrets_after_miss(self) -> list[bytes]:
        """Give them after a miss."""
        self.asked.append("after miss")
        return self._after_miss


class FakeKeys:
    """DT's one key, and which ids were asked for."""

    def __init__(self, fails: Exception | None = None) -> None:
        self._keys: dict[str, PublicKey] = {KEY_ID: Es256Key(PRIVATE_KEY.public_key())}
        self._fails = fails
        self.asked: list[str] = []

    async def key(self, key_id: str) -> PublicKey:
        """Give the key."""
        self.asked.append(key_id)
        if self._fails:
            raise self._fails
        if key_id not in self._keys:
            raise SignatureInvalid("DT has no key of this id")
        return self._keys[key_id]


class FakeIssuer:
    """DT's issuer: its two documents by URL, or an error in place of one; ``slow_s`` seconds for each."""

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self.documents: dict[str, bytes | Exception] = {}
        self.fetched: list[str] = []
        self.slow_s = 0.0
        self.says(DISCOVERY_URL, {"issuer": ISSUER, "jwks_uri": KEY_SET_URL})
        self.has(*(keys or (jwk(),)))

    def says(self, url: str, document: object) -> None:
        """Answer a URL with this from now on: an error, bytes, or anything as JSON."""
        is_raw = isinstance(document, bytes | Exception)
        self.documents[url] = document if is_raw else json.dumps(document).encode()  # type: ignore[assignment]

    def has(self, *keys: object) -> None:
        """Publish these keys from now on."""
        self.says(KEY_SET_URL, {"keys": keys})

    def fails(self, error: Exception) -> None:
        """Answer nothing but this error from now on."""
        self.documents = dict.fromkeys(self.documents, error)

    async def __call__(self, url: str) -> bytes:
        """Fetch a document."""
        self.fetched.append(url)
        await asyncio.sleep(self.slow_s)
        document = self.documents[url]
        if isinstance(document, Exception):
            raise document
        return document

    @property
    def key_set_fetches(self) -> int:
        """How often discovery began."""
        return self.fetched.count(DISCOVERY_URL)
