"""The faults to practise with, by name: what happens, where an operator sees it, how it is begun and ended.

``docs/sandbox.md`` has the same table; a test compares the two.
"""

import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle

from deploy.cli.spelling import suggestion
from tests.emulators.clouds import Clouds
from tests.emulators.clouds.dt.deliveries import Flaw
from tests.emulators.clouds.exchange import Answer, Json
from tests.emulators.clouds.faults import Fault
from tests.emulators.clouds.google.pubsub import PUBLISHER
from tests.emulators.errors import SandboxRefused
from tests.emulators.pubsub.control import Control
from tests.emulators.pubsub.faults import Fault as PubSubFault

NONE = "none"
"""The name that ends all faults."""

ALWAYS = sys.maxsize
"""The number of requests that a fault is for: all, until it is ended."""

SLOW_S = 1.0
"""Seconds that a slow Pub/Sub takes: less than the function waits for one attempt, so that events still arrive."""

FLAWS: tuple[Flaw, ...] = ("expired", "no id", "")
DENIED = "cloudfunctions.functions.get"
FUNCTION_HOSTS = ("*.run.app", "*.cloudfunctions.net")
DT_APIS = tuple(
    f"{name}.{domain}" for domain in ("disruptive-technologies.com", "d21s.com") for name in ("api", "emulator")
)
DT_LOGIN = "identity.disruptive-technologies.com"

End = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Practice:
    """A fault. ``shows``: where an operator sees it. ``begin`` returns the function that ends it.

    ``begin`` raises ``SandboxRefused`` if something has to be there first. Of one ``place`` only one fault is on.
    """

    name: str
    what: str
    shows: str
    begin: Callable[[Clouds], End]
    place: str = ""


def _pubsub(fault: PubSubFault) -> Callable[[Clouds], End]:
    def begin(sky: Clouds) -> End:
        def clear() -> None:
            with Control(sky.backend.host) as control:
                control.clear_faults()

        with Control(sky.backend.host) as control:
            control.set_fault(fault)
        return clear

    return begin


def _answers(answer: Callable[[Clouds, str], Fault], hosts: Sequence[str]) -> Callable[[Clouds], End]:
    """Let every request to these hosts be answered by a fault."""

    def begin(sky: Clouds) -> End:
        faults = [answer(sky, host) for host in hosts]

        def end() -> None:
            for fault in faults:
                sky.faults.remove(fault)

        return end

    return begin


def _refuse(sky: Clouds, host: str, *, status: int, retry_after_s: int | None = None) -> Fault:
    return sky.faults.fail(status, times=ALWAYS, host=host, retry_after_s=retry_after_s)


def _unavailable(sky: Clouds, host: str) -> Fault:
    page = b"<html><body><h1>Service Unavailable</h1></body></html>"
    fault = Fault(ALWAYS, Answer(503, page, {"Content-Type": "text/html"}), host=host)
    sky.faults.add(fault)
    return fault


def _connectors(sky: Clouds) -> list[Json]:
    """Return the Data Connectors to the function. Raises ``SandboxRefused`` if there are none."""
    found = [connector for connector in sky.dt.connectors.of(sky.dt.tenant.project) if "httpConfig" in connector]
    if not found:
        raise SandboxRefused("there is no Data Connector yet", "python -m deploy up")
    return found


def _wrong_secret(sky: Clouds) -> End:
    wrong, before = secrets.token_hex(32), _connectors(sky)
    for connector in before:
        sky.dt.connectors.change(connector["name"], {"httpConfig": {"signatureSecret": wrong}})

    def end() -> None:
        """Restore the secret of each connector, unless it was deleted or repaired meanwhile."""
        for connector in before:
            current = sky.dt.connectors.current(connector["name"])
            if current and current["httpConfig"]["signatureSecret"] == wrong:
                sky.dt.connectors.change(connector["name"], {"httpConfig": connector["httpConfig"]})

    return end


def _disable(sky: Clouds) -> End:
    names = [connector["name"] for connector in _connectors(sky)]
    for name in names:
        sky.dt.connectors.switch_off(name)

    def end() -> None:
        for connector in sky.dt.connectors.of(sky.dt.tenant.project):
            if connector["name"] in names and connector["status"] == "SYSTEM_DISABLED":
                sky.dt.connectors.change(connector["name"], {"status": "ACTIVE"})

    return end


def _spoil(sky: Clouds) -> End:
    """Let two of three events be such that the function keeps them on the rejected topic."""
    flaws: Iterator[Flaw] = cycle(FLAWS)
    sky.dt.deliveries.flaw = lambda: next(flaws)
    return partial(setattr, sky.dt.deliveries, "flaw", lambda: "")


def _deny(sky: Clouds) -> End:
    sky.google.estate.denied.add(DENIED)
    return partial(sky.google.estate.denied.discard, DENIED)


def _revoke(sky: Clouds) -> End:
    """Take the publisher's role from everyone who has it on a topic."""
    topics = [name for name in sky.google.pubsub.names() if "/topics/" in name]
    policies = {topic: sky.google.policies.get(topic).get("bindings", []) for topic in topics}
    before = {topic: bindings for topic, bindings in policies.items() if _of_publishers(bindings)}
    if not before:
        raise SandboxRefused("nobody may publish yet", "python -m deploy up")
    for topic, bindings in before.items():
        kept = [binding for binding in bindings if binding["role"] != PUBLISHER]
        sky.google.policies.replace(topic, {"policy": {"bindings": kept}})

    def end() -> None:
        """Restore the role on each topic, unless it was granted again or the topic was deleted meanwhile."""
        for topic, bindings in before.items():
            now = sky.google.policies.get(topic).get("bindings", [])
            if topic in sky.google.pubsub.names() and not _of_publishers(now):
                policy = {"bindings": [*now, *_of_publishers(bindings)]}
                sky.google.policies.replace(topic, {"policy": policy})

    return end


def _of_publishers(bindings: Sequence[Json]) -> list[Json]:
    return [binding for binding in bindings if binding["role"] == PUBLISHER]


PRACTICE = (
    Practice(
        "pubsub-down",
        "Pub/Sub answers every publish with UNAVAILABLE. The function answers DT with 503, and DT sends the events "
        "again.",
        "`status` shows `failing` for the connector, with the newest reason: `publish` and `UNAVAILABLE`",
        _pubsub(PubSubFault.fail("UNAVAILABLE")),
        "Pub/Sub",
    ),
    Practice(
        "pubsub-slow",
        f"Pub/Sub takes {SLOW_S:g} s for every publish. Events arrive late, and none is lost.",
        "`status` shows a p99 of more than a second for the deliveries",
        _pubsub(PubSubFault.slow(SLOW_S)),
        "Pub/Sub",
    ),
    Practice(
        "function-down",
        "Cloud Run answers DT with 503, and the function gets no request. DT sends the events again.",
        "`status` shows `failing` for the connector; the log gets no new lines",
        _answers(_unavailable, FUNCTION_HOSTS),
        "function",
    ),
    Practice(
        "wrong-secret-in-dt",
        "DT's connector signs with another secret than the one in Secret Manager. Events still arrive, because DT also "
        "signs with its own key.",
        "`verify` fails, because the connector `has another secret than the function`",
        _wrong_secret,
    ),
    Practice(
        "connector-disabled-by-dt",
        "DT has switched the connector off, as it does after five days of failures. It sends no more events.",
        "`status` shows `SYSTEM_DISABLED`; `up` switches the connector on again",
        _disable,
    ),
    Practice(
        "dt-api-429",
        "DT's API answers every call with 429, too many requests. Events still arrive.",
        "`status` shows `unreadable` and `429` for the connector, and Google's side as usual",
        _answers(partial(_refuse, status=429, retry_after_s=1), DT_APIS),
        "DT's API",
    ),
    Practice(
        "dt-api-down",
        "DT's API and its login answer every call with 503. Events still arrive.",
        "`status` shows `unreadable` and `503` for the connector, and Google's side as usual",
        _answers(partial(_refuse, status=503), (*DT_APIS, DT_LOGIN)),
        "DT's API",
    ),
    Practice(
        "google-api-503",
        "Google's APIs answer every call with 503, and gcloud repeats each call for half a minute. Events still "
        "arrive.",
        "`status` shows `unreadable` and `503` for Google's side after some minutes, and DT's counts as usual",
        _answers(partial(_refuse, status=503), ["*.googleapis.com"]),
        "Google's APIs",
    ),
    Practice(
        "permission-missing",
        f"Your account has lost the permission {DENIED}.",
        "`plan` names the permission, and shows the command that grants it",
        _deny,
    ),
    Practice(
        "publisher-role-missing",
        "The function's service account may no longer publish. The function answers DT with 503, and DT sends the "
        "events again.",
        "`status` shows `missing` for `publisher on topic`, and `publish_config` for the log",
        _revoke,
    ),
    Practice(
        "rejected-events",
        "Of three events, DT sends one with a signature that has expired, and one without an `eventId`. The function "
        "keeps both on the rejected topic, and answers DT with 200.",
        "`status` shows `rejected` for `expired` and `no_envelope`; `replay` brings the expired events to the main "
        "topic, and the others stay",
        _spoil,
    ),
)
BY_NAME = {practice.name: practice for practice in PRACTICE}


class Practising:
    """The faults that are on in a sandbox. All methods return the names of the faults that are on afterwards."""

    def __init__(self, sky: Clouds) -> None:
        self._sky = sky
        self._on: dict[str, End] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Return the names of the faults that are on, oldest first."""
        return list(self._on)

    def switch(self, name: str) -> list[str]:
        """Begin a fault; one in the same place ends. ``none`` ends all. Raises ``SandboxRefused``."""
        with self._lock:
            if name == NONE:
                self._end(list(self._on))
                self._settle()
            elif name not in BY_NAME:
                hint = suggestion([name], BY_NAME)
                raise SandboxRefused(f"no fault is called {name!r}{hint}", "make fault")
            elif name not in self._on:
                place = BY_NAME[name].place
                self._end([other for other in self._on if place and BY_NAME[other].place == place])
                self._on[name] = BY_NAME[name].begin(self._sky)
            return self.names()

    def _settle(self) -> None:
        """Let DT send what it could not deliver at once, and forget all failures, as three hours would."""
        self._sky.dt.connectors.forgive()
        self._sky.google.requests.forgive()
        self._sky.dt.deliveries.hurry()

    def _end(self, names: Sequence[str]) -> None:
        for name in reversed(names):
            self._on.pop(name)()
