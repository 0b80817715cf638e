"""Fakes of the modules' dependencies: a clock, Pub/Sub, the secrets, DT's keys and their issuer; a log to read."""

import asyncio
import io
import json
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from function.errors import SignatureInvalid
from function.key_source import Es256Key
from function.log import Log, RequestContext
from function.message import Message
from function.outcomes import DELIVERED, Outcome
from function.settings import Severity
from function.signature import PublicKey
from tests.function.builders import ISSUER, KEY_ID, NOW, PRIVATE_KEY, SECRET, jwk

T = TypeVar("T")

DISCOVERY_URL = f"{ISSUER}/.well-known/openid-configuration"
KEY_SET_URL = f"{ISSUER}/keys"


class FakeClock:
    """A clock that only ``advance`` moves."""

    def __init__(self, seconds: float = NOW) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self.seconds += seconds


class _Skipping(selectors.DefaultSelector):
    """A selector that does not wait. It adds up the seconds that it would have waited."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the events that are ready now."""
        ready = super().select(0)
        if not ready:
            self.skipped_s += timeout or 0
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop on which sleeping takes no real time but moves its clock. It cannot be used with threads."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Return the seconds that were slept."""
        return self._skipping.skipped_s


def slept_s() -> float:
    """Return the time of the running loop, as ``monotonic`` for code that runs on a ``SkippingLoop``."""
    return asyncio.get_running_loop().time()


def run_skipping(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop that does not wait."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(coroutine)


class FakePublisher:
    """Topics that acknowledge every message, or raise the error in ``fails``, after ``slow_s`` or the timeout."""

    def __init__(self, fails: Mapping[str, Exception] | None = None) -> None:
        self.fails = dict(fails or {})
        self.acknowledged: list[tuple[str, Message]] = []
        self.timeouts_s: list[float] = []
        self.slow_s = 0.0

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Return an id, or fail."""
        self.timeouts_s.append(timeout_s)
        await asyncio.sleep(min(self.slow_s, max(timeout_s, 0)))
        if topic in self.fails:
            raise self.fails[topic]
        self.acknowledged.append((topic, message))
        return f"id-{len(self.acknowledged)}"


class FakeSecrets:
    """The secrets before and after a miss, and the calls that asked for them."""

    def __init__(self, *secrets: str, after_miss: Sequence[str] | None = None, fails: Exception | None = None) -> None:
        self._secrets = [secret.encode() for secret in secrets or (SECRET,)]
        self._after_miss = self._secrets if after_miss is None else [secret.encode() for secret in after_miss]
        self._fails = fails
        self.asked: list[str] = []

    async def secrets(self) -> list[bytes]:
        """Return the secrets."""
        self.asked.append("secrets")
        if self._fails:
            raise self._fails
        return self._secrets

    async def secrets_after_miss(self) -> list[bytes]:
        """Return the secrets after a miss."""
        self.asked.append("after miss")
        return self._after_miss


class FakeKeys:
    """DT's one key, and the ids that were asked for."""

    def __init__(self, fails: Exception | None = None) -> None:
        self._keys: dict[str, PublicKey] = {KEY_ID: Es256Key(PRIVATE_KEY.public_key())}
        self._fails = fails
        self.asked: list[str] = []

    async def key(self, key_id: str) -> PublicKey:
        """Return the key, or fail."""
        self.asked.append(key_id)
        if self._fails:
            raise self._fails
        if key_id not in self._keys:
            raise SignatureInvalid("DT has no key of this id")
        return self._keys[key_id]


class FakeIssuer:
    """DT's issuer: URL -> document, or an error instead of it. Each fetch takes ``slow_s`` seconds."""

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self.documents: dict[str, bytes | Exception] = {}
        self.fetched: list[str] = []
        self.slow_s = 0.0
        self.says(DISCOVERY_URL, {"issuer": ISSUER, "jwks_uri": KEY_SET_URL})
        self.has(*(keys or (jwk(),)))

    def says(self, url: str, document: object) -> None:
        """Answer a URL with this document from now on: an error, bytes, or a value that is encoded as JSON."""
        is_raw = isinstance(document, bytes | Exception)
        self.documents[url] = document if is_raw else json.dumps(document).encode()  # type: ignore[assignment]

    def has(self, *keys: object) -> None:
        """Publish these keys from now on."""
        self.says(KEY_SET_URL, {"keys": keys})

    def fails(self, error: Exception) -> None:
        """Raise this error for every URL from now on."""
        self.documents = dict.fromkeys(self.documents, error)

    async def __call__(self, url: str) -> bytes:
        """Return the document of a URL, or raise its error."""
        self.fetched.append(url)
        await asyncio.sleep(self.slow_s)
        document = self.documents[url]
        if isinstance(document, Exception):
            raise document
        return document

    @property
    def key_set_fetches(self) -> int:
        """Return the number of discoveries that began."""
        return self.fetched.count(DISCOVERY_URL)


class Page:
    """A log whose lines a test can read."""

    def __init__(self, level: Severity = "DEBUG", one_of: int = 1) -> None:
        self.stream = io.BytesIO()
        self.clock = FakeClock()
        self.at_end: list[Callable[[], None]] = []
        self.log = Log(
            self.stream,
            level=level,
            google_project="demo",
            monotonic=self.clock,
            one_of=one_of,
            at_end=self.at_end.append,
        )

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the decoded lines."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def line(
        self, context: RequestContext, outcome: Outcome = DELIVERED, error: Exception | None = None
    ) -> dict[str, Any]:
        """Write the line of one request, and return it decoded."""
        self.log.request(context, outcome, error)
        return self.lines[-1]
