"""Section ``production``: the way to Google as in production, over TLS and with tokens, while parts of it fail.

The broker is the embedded Pub/Sub in a process of its own; TLS, the metadata server and the network's faults are in
this process. Outages of names are measured in a network namespace of their own, if one can be made.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from tests.blackbox.serving import Function, eventually
from tests.blackbox.stage import SECRET
from tests.prove.broker import Broker
from tests.prove.faults import LIMIT_S, REJECTED_TOPIC, TARGET_S
from tests.prove.metadata_server import HANG_S, Stumble
from tests.prove.names import Fault, in_own_network, why_not
from tests.prove.production_path import ProductionPath, production_path
from tests.prove.proxy import Fault as NetworkFault
from tests.prove.report import Row, Say
from tests.prove.time_and_hygiene import THREADS, TOPIC, at_once
from tests.prove.traffic import Traffic, send_new, traffic

Part: TypeAlias = Callable[[str], list[Row]]
"""Measures one promise for one entry point."""

BACK_S = 2.0
"""Seconds between the end of an outage and the first delivery, at most."""
SETTLED_S = 15.0
"""Seconds within which unused connections are closed."""
TIMEOUT_S = 2
"""CLOUD_RUN_TIMEOUT_SECONDS of this function; a deployed function has 15, and is stopped for longer."""


def production(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # as every section
    """Measure the promises about the way to Google."""
    away_s, blip_s, names_s, greetings_s = (4, 4, 8, (3.0,)) if short else (60, 20, 60, (1.0, 3.0, 6.0))
    faults: tuple[NetworkFault, ...] = ("refuse", "half-open") if short else ("refuse", "half-open", "black hole")
    away: list[list[Part]] = [[partial(_network_away, seconds=away_s, fault=fault)] for fault in faults]
    stages: list[list[Part]] = [
        *away,
        [partial(_slow_connect, greeting_s=greeting_s) for greeting_s in greetings_s],
        [partial(_token_blip, seconds=blip_s, stumble=stumble) for stumble in (Stumble(500), Stumble(seconds=HANG_S))],
        [partial(_names_away, seconds=names_s, fault=fault) for fault in ("fails", "silent")],
        [partial(_pause, seconds=TIMEOUT_S + 3, times=2 if short else 5)],
    ]
    rows: list[Row] = []
    for parts in stages:
        rows += at_once(parts, say)
    return rows


@dataclass(frozen=True)
class Deployed:
    """A function and its way to Google."""

    function: Function
    path: ProductionPath

    def back_s(self) -> float:
        """Return the seconds until an event is delivered."""
        began_at = time.monotonic()
        while send_new(self.function.port).status != 200:
            """Try again."""
        return time.monotonic() - began_at


@contextmanager
def deployed(entry_point: str, settings: Mapping[str, str] | None = None) -> Iterator[Deployed]:
    """Start a function with its surroundings; no event has been sent yet."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Broker(folder / "acknowledged.jsonl", [TOPIC, REJECTED_TOPIC]))
        path = stack.enter_context(production_path(broker.host, folder))
        usual = {"PUBSUB_TOPIC": TOPIC, "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC, "DT_SIGNATURE_SECRET": SECRET}
        environ = {**usual, "THREADS": str(THREADS), **path.environ, **(settings or {})}
        yield Deployed(stack.enter_context(Function(entry_point, environ, folder)), path)


def _network_away(entry_point: str, seconds: float, fault: NetworkFault) -> list[Row]:
    with deployed(entry_point) as made:
        assert send_new(made.function.port).status == 200
        made.path.network.show(fault)
        with traffic(made.function.port, 20) as sent:
            time.sleep(seconds)
        made.path.network.show("none")
        back_s = made.back_s()
    return [
        Row(
            f"{entry_point}: no network to Google for {seconds} s ({fault}): first delivery <= {BACK_S} s after that",
            f"{back_s:.2f} s; {sent.statuses()}; slowest answer {_slowest_s(sent):.2f} s",
            back_s <= BACK_S and _slowest_s(sent) <= LIMIT_S,
        )
    ]


def _slow_connect(entry_point: str, greeting_s: float) -> list[Row]:
    with deployed(entry_point) as made:
        made.path.network.greeting_s = greeting_s
        with traffic(made.function.port, 2) as sent:
            time.sleep(greeting_s + 4)
        began_at = min(event.sent_at for event in sent.sent)
        delivered = [event.answered_at - began_at for event in sent.sent if event.status == 200]
        eventually(lambda: bool(made.back_s()) and made.path.network.connections == 1, SETTLED_S)
        connections = made.path.network.connections
    first_s = min(delivered, default=float("inf"))
    return [
        Row(
            f"{entry_point}: connecting takes {greeting_s} s: first delivery <= {BACK_S} s later, one connection kept",
            f"after {first_s:.2f} s; {sent.statuses()}; {connections} connections",
            first_s <= greeting_s + BACK_S and connections == 1,
        )
    ]


def _token_blip(entry_point: str, seconds: float, stumble: Stumble) -> list[Row]:
    """Let the metadata server issue no new token while the old one is due for renewal and still valid."""
    with deployed(entry_point) as made:
        made.path.metadata.life_s = seconds + 60
        assert send_new(made.function.port).status == 200
        with traffic(made.function.port, 20):
            time.sleep(2)
        made.path.metadata.fail(stumble)
        threads, asked = made.function.threads(), len(made.path.metadata.asked)
        with traffic(made.function.port, 20) as sent:
            time.sleep(seconds)
            threads = made.function.threads() - threads
        asked = len(made.path.metadata.asked) - asked
        odd = [line for line in made.function.output().splitlines() if not line.startswith('{"severity"')]
    refused = sum(event.status != 200 for event in sent.sent)
    how = "hangs" if stumble.seconds else f"answers {stumble.status}"
    return [
        Row(
            f"{entry_point}: metadata server {how} for {seconds} s, token valid: every event 200, <= 1 request/s",
            f"{len(sent.sent)} sent, {refused} not delivered, slowest {_slowest_s(sent):.2f} s;"
            f" {asked} requests for a token, {threads:+d} threads, {len(odd)} foreign lines",
            not refused and not odd and asked <= seconds + 1 and _slowest_s(sent) <= TARGET_S,
        )
    ]


def _names_away(entry_point: str, seconds: float, fault: Fault) -> list[Row]:
    promise = f"{entry_point}: names are not found for {seconds} s ({fault}): first delivery <= {BACK_S} s after that"
    if reason := why_not():
        return [Row(promise, reason, None)]
    outage = in_own_network(entry_point, seconds, fault)
    measured = f"{outage.back_s:.2f} s; {outage.statuses}; slowest answer {outage.slowest_s:.2f} s"
    return [Row(promise, measured, outage.back_s <= BACK_S and outage.slowest_s <= LIMIT_S)]


def _pause(entry_point: str, seconds: float, times: int) -> list[Row]:
    """Stop the processes for longer than CLOUD_RUN_TIMEOUT_SECONDS, and continue them with the next event."""
    with deployed(entry_point, {"CLOUD_RUN_TIMEOUT_SECONDS": str(TIMEOUT_S)}) as made:
        assert send_new(made.function.port).status == 200
        worker, answers = made.function.worker(), []
        for _ in range(times):
            with made.function.frozen():
                time.sleep(seconds)
            answers.append(send_new(made.function.port))
            time.sleep(1.5)
        is_same = made.function.worker() == worker
    delivered = sum(answer.status == 200 for answer in answers)
    return [
        Row(
            f"{entry_point}: stopped for {seconds} s with a timeout of {TIMEOUT_S} s: first event 200, same process",
            f"{delivered} of {times}, slowest {max(answer.seconds for answer in answers):.2f} s;"
            f" {'the same process' if is_same else 'another process'}",
            delivered == times and is_same,
        )
    ]


def _slowest_s(sent: Traffic) -> float:
    return max(event.seconds for event in sent.sent)
