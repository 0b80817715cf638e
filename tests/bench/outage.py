"""What the sender sees if the broker is gone: a variant answers one event, the broker ends, and one more comes."""

import contextlib
import http.client
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench.brokers import distant
from tests.bench.contestants import Environments, Variant
from tests.bench.server import Server, post, serving

PATIENCE_S = 20.0
"""Seconds after which the sender gives up; DT gives up after 10."""


def outage(
    variants: Iterable[Variant], environments: Environments, patience_s: float, say: Callable[[str], object]
) -> dict[str, dict[str, Any]]:
    """Return, by variant, the status (0: no answer) and the seconds it took. All variants run at the same time."""
    chosen = [variant for variant in variants if variant.publishes]
    if not chosen:
        return {}
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(distant())
        servers = [stack.enter_context(serving(variant, environments, broker)) for variant in chosen]
        broker.stop()
        with ThreadPoolExecutor(max_workers=len(servers)) as senders:
            seen = list(senders.map(lambda server: _seen(server, patience_s), servers))
    for server, result in zip(servers, seen, strict=True):
        answer = result["status"] or "no answer"
        say(f"{server.variant.name:<20} without a broker: {answer} after {result['seconds']:.2f} s")
    return {server.variant.name: result for server, result in zip(servers, seen, strict=True)}


def _seen(server: Server, patience_s: float) -> dict[str, Any]:
    began_at, status = time.perf_counter(), 0
    with contextlib.suppress(OSError, http.client.HTTPException):
        status, _ = post(server.port, patience_s)
    return {"status": status, "seconds": time.perf_counter() - began_at}
