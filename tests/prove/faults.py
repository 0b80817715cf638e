"""Every failure of a broker or of the network to it, the answer that it requires, and a scene that shows all of them.

In the scene one function process has a receiver for each mode, with a topic or a proxy of its own: all fail at once.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.blackbox.serving import ROOT, Function, eventually
from tests.blackbox.stage import SECRET, by_secret
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.faults import Fault
from tests.prove.proxy import Fault as NetworkFault
from tests.prove.proxy import Proxy
from tests.prove.traffic import Sent, new_event, send

REJECTED_TOPIC = "projects/p/topics/rejected"
LIMIT_S, TARGET_S = 7.5, 4.5
"""Seconds for an answer: the limit and the goal. DT waits 10 s."""


@dataclass(frozen=True)
class Mode:
    """One mode of failure; ``cause`` must be in the log line."""

    name: str
    broker: Fault | None
    network: NetworkFault | None
    status: int
    reason: str
    severity: str
    cause: str

    @property
    def topic(self) -> str:
        """The topic of this mode."""
        return f"projects/p/topics/{self.name.replace(' ', '-')}"

    @property
    def path(self) -> str:
        """The path of this mode's receiver."""
        return f"/{self.name.replace(' ', '-')}"


def _transient(name: str, fault: Fault, cause: str = "") -> Mode:
    return Mode(name, fault, None, 503, "publish", "WARNING", cause or name)


def _broken(network: NetworkFault, cause: str) -> Mode:
    return Mode(network, None, network, 503, "publish", "WARNING", cause)


def _modes() -> Iterator[Mode]:
    for code in ("ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNAVAILABLE"):
        yield _transient(code, Fault.fail(code))
    yield _transient("UNKNOWN", Fault.fail("UNKNOWN"))
    for code in ("FAILED_PRECONDITION", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED"):
        yield Mode(code, Fault.fail(code), None, 503, "publish_config", "CRITICAL", code)
    refused = Fault.fail("INVALID_ARGUMENT")
    yield Mode("INVALID_ARGUMENT", refused, None, 200, "invalid_argument", "ERROR", "INVALID_ARGUMENT")
    yield Mode("no message id", Fault.empty_ids(), None, 503, "publish", "ERROR", "0 message ids")
    yield _transient("hang", Fault.hang(), "DEADLINE_EXCEEDED")
    yield _transient("cut", Fault.cut(), "UNAVAILABLE")
    yield _broken("refuse", "UNAVAILABLE: failed to connect")
    yield _broken("reset", "UNAVAILABLE")
    yield _broken("half-open", "UNAVAILABLE|DEADLINE_EXCEEDED")
    yield _broken("black hole", "UNAVAILABLE|DEADLINE_EXCEEDED")


MODES = tuple(_modes())


@dataclass(frozen=True)
class Scene:
    """A function with a receiver for each mode; all faults begin and end at the same time."""

    function: Function
    pubsub: EmbeddedPubSub
    proxies: Mapping[str, Proxy]

    def show(self) -> None:
        """Start all faults, each on the topic or proxy of its mode."""
        for mode in MODES:
            if mode.broker:
                self.pubsub.set_fault(mode.broker.on(mode.topic))
            if mode.network:
                self.proxies[mode.name].show(mode.network)

    def end(self) -> None:
        """End all faults."""
        self.pubsub.clear_faults()
        for proxy in self.proxies.values():
            proxy.show("none")

    def calls(self) -> int:
        """Return how many Publish calls came, without those that a black hole releases when it ends."""
        return sum(self.pubsub.publish_calls(mode.topic) for mode in MODES if mode.network != "black hole")

    def tasks(self) -> int:
        """Return how many asyncio tasks the function has."""
        return int(self.function.send(method="GET", path="/tasks").body)

    def send_to_all(self) -> dict[str, Sent]:
        """Send one event to each receiver at the same time; return the results by the mode's name."""

        async def one(mode: Mode) -> Sent:
            event_id, body = new_event()
            return await send(self.function.port, by_secret(body), event_id, mode.path)

        async def each() -> list[Sent]:
            return await asyncio.gather(*(one(mode) for mode in MODES))

        return dict(zip([mode.name for mode in MODES], asyncio.run(each()), strict=True))


def line_of(function: Function, event_id: str) -> dict[str, Any]:
    """Return the log line of an event."""
    (line,) = eventually(lambda: [line for line in function.lines() if line.get("eventId") == event_id])
    return line


@contextmanager
def scene(entry_point: str, folder: Path) -> Iterator[Scene]:
    """Start a Pub/Sub, the proxies and the function."""
    with ExitStack() as stack:
        pubsub = stack.enter_context(EmbeddedPubSub())
        for topic in (REJECTED_TOPIC, *(mode.topic for mode in MODES)):
            pubsub.create_topic(topic)
        proxies = {mode.name: stack.enter_context(Proxy(pubsub.host)) for mode in MODES if mode.network}
        receivers = {mode.path: _settings(mode, pubsub, proxies) for mode in MODES}
        settings = {**receivers[MODES[0].path], "DT_SIGNATURE_SECRET": SECRET, "THREADS": "32"}
        environ = {**settings, "PYTHONPATH": str(ROOT), "RECEIVERS": json.dumps({"/": {}, **receivers})}
        main = Path(__file__).with_name("watched_main.py")
        yield Scene(stack.enter_context(Function(entry_point, environ, folder, main)), pubsub, proxies)


def _settings(mode: Mode, pubsub: EmbeddedPubSub, proxies: Mapping[str, Proxy]) -> dict[str, str]:
    host = proxies[mode.name].host if mode.network else pubsub.host
    return {"PUBSUB_TOPIC": mode.topic, "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC, "PUBSUB_EMULATOR_HOST": host}
