"""Events that the real function has rejected, for every reason that it gives."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.emulators.events import PROJECT_ID, SAMPLES, encode, sample_event
from tests.emulators.pubsub.faults import Fault
from tests.emulators.signing import secret_claims, sign_with_secret
from tests.prove.programs import SECRET
from tests.prove.replay_site import MAIN, REJECTED, TOPICS, Site
from tests.prove.senders import Connection

FOREIGN_ID = "bhmh0143iktucae70foreign"[:20]
SETTINGS = {"PUBLISH_TIMEOUT_SECONDS": "0.8", "LOG_LEVEL": "ERROR"}
NARROW, WIDE = (
    {**SETTINGS, "DT_PROJECT_IDS": PROJECT_ID},
    {**SETTINGS, "DT_PROJECT_IDS": f"{PROJECT_ID},{FOREIGN_ID}"},
)
"""The settings of the function that rejects events of the foreign project, and of the one that is deployed next."""

REASONS = (*("expired",) * 7, *("foreign_project",) * 6, *("invalid_argument",) * 5, "malformed", "no_envelope")
"""The reasons of twenty events."""

REFUSED = frozenset({"malformed", "no_envelope"})
"""The reasons that no setting removes: the function refuses such an event again (422)."""

SENDERS = 16
HOURS_2 = 7_200


@dataclass(frozen=True)
class Rejected:
    """An event. ``event_id``: "" if it has none that the function can read."""

    reason: str
    body: bytes
    event_id: str


def rejected_events(number: int) -> Iterator[Rejected]:
    """Yield so many events, no two of them equal."""
    types, at = tuple(SAMPLES), datetime.now(UTC)
    for place in range(number):
        reason = REASONS[place % len(REASONS)]
        event = sample_event(types[place % len(types)], number=place % 500, at=at)
        event_id = event["event"]["eventId"] = f"rejected{place:012}"
        if reason == "foreign_project":
            target = event["event"]["targetName"].replace(PROJECT_ID, FOREIGN_ID)
            event["event"]["targetName"], event["metadata"]["projectId"] = target, FOREIGN_ID
        if reason == "no_envelope":
            event = {"labels": {"name": event_id}}
        body = encode(event)
        yield Rejected(reason, body[:-1] if reason == "malformed" else body, "" if reason in REFUSED else event_id)


async def filled(made: Site, number: int) -> list[Rejected]:
    """Let the function reject so many events, and then deploy it with the causes removed."""
    await made.deploy(NARROW)
    events = list(rejected_events(number))
    refused_by_pubsub = [event for event in events if event.reason == "invalid_argument"]
    await _send(made, [event for event in events if event.reason != "invalid_argument"])
    made.treat(Fault.fail("INVALID_ARGUMENT").on(f"{TOPICS}/{MAIN}"))
    await _send(made, refused_by_pubsub)
    made.treat(None)
    assert (made.waiting(MAIN), made.waiting(REJECTED)) == (0, number)
    await made.deploy(WIDE)
    return events


async def _send(made: Site, events: list[Rejected]) -> None:
    stream = iter(events)

    async def send() -> None:
        connection = Connection(made.function.port)
        for event in stream:
            signed_at = time.time() - (HOURS_2 if event.reason == "expired" else 0)
            token = sign_with_secret(secret_claims(event.body, now=signed_at), SECRET)
            assert await connection.post(token, event.body) == 200
        await connection.close()

    await asyncio.gather(*(send() for _ in range(SENDERS)))
