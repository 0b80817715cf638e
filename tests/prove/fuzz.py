"""Seeded mutations of tokens, of correctly signed claims and of bodies cause only the function's own errors.

The ES256 key and its signatures are new in each process; everything else comes from the seed.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

from function.errors import EventError, ProofError
from function.event import NOTHING, parse_body, read_envelope, require_envelope
from function.message import CONTRACT, Message, event_message, rejected_message
from function.settings import Settings
from function.signature import ORIGINS, Origin, Verified
from function.verifier import OrganizationScheme, Scheme, SecretScheme, Verifier
from tests.emulators.events import SAMPLES
from tests.emulators.pubsub.limits import check_message
from tests.function.builders import (
    ISSUER,
    ORGANIZATION_ID,
    base64url,
    body,
    es256,
    event,
    hs256,
    key_claims,
    key_header,
    key_token,
    prove,
    secret_claims,
    secret_header,
    secret_token,
    settings,
)
from tests.function.fakes import FakeClock, FakeKeys, FakeSecrets
from tests.prove.report import Row, Say
from tests.prove.tokens import BY_KEY, BY_SECRET, JUNK

SEED = 20_260_102
SHORT, FULL = 5_000, 100_000
LONGEST_MS = 50.0
"""Milliseconds of processor time that one mutation may take at most."""

FORGED = "changed token TAKEN"

BODY = body()
TOKENS = {BY_SECRET: secret_token(BODY), BY_KEY: key_token(BODY)}
BODIES = [body(event_type) for event_type in SAMPLES]
MEMBERS = ("eventId", "eventType", "targetName", "data", "timestamp", "labels", "metadata", "event", "x")

VALUES = (*JUNK, "\ud800", "x" * 3000, {"name": "ø" * 600}, 1e308, -(10**30))


@dataclass
class Finding:
    """The result. ``foreign``: unexpected exceptions; ``slowest_ms``: processor time of the slowest mutation."""

    tried: int
    outcomes: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0


def fuzzed(count: int, seed: int = SEED) -> Finding:
    """Try this many mutations."""
    return asyncio.run(_fuzzed(count, Random(seed)))


async def _fuzzed(count: int, random: Random) -> Finding:
    schemes: list[Scheme] = [SecretScheme(FakeSecrets()), OrganizationScheme(ORGANIZATION_ID, ISSUER, FakeKeys())]
    verifier = Verifier(schemes, now=FakeClock(), leeway_s=60)
    asked = settings(LABEL_ATTRIBUTES="name,room,x", CLOUDEVENTS="true", ORDERING_KEY="device")
    tries: list[Callable[[], Awaitable[str]]] = [
        lambda: _a_token(verifier, random),
        lambda: _a_token(verifier, random),
        lambda: _signed_claims(verifier, random),
        lambda: _a_signed_origin(verifier, random),
        lambda: _a_body(asked, random.choice(BODIES), random),
        lambda: _a_body(asked, _restructured(random), random),
    ]
    finding = Finding(count)
    for number in range(count):
        seed, attempt = random.getstate(), tries[number % len(tries)]
        took_ms = await _timed(attempt, finding, str(number))
        if took_ms > finding.slowest_ms:  # the same mutation once more, because the machine may have been slow
            random.setstate(seed)
            took_ms = min(took_ms, await _timed(attempt, Finding(1), ""))
        finding.slowest_ms = max(finding.slowest_ms, took_ms)
    return finding


async def _timed(attempt: Callable[[], Awaitable[str]], finding: Finding, name: str) -> float:
    began = time.thread_time()
    try:
        finding.outcomes[await attempt()] += 1
    except Exception as error:  # noqa: BLE001  # unexpected errors are recorded
        finding.foreign.append(f"{name}: {error!r}"[:300])
    return (time.thread_time() - began) * 1000


async def _a_token(verifier: Verifier, random: Random) -> str:
    header = random.choice([BY_SECRET, BY_KEY])
    token = mutated(TOKENS[header].encode(), random).decode("latin-1")
    if token == TOKENS[header]:
        return "token that came out unchanged"
    return FORGED if await _taken(verifier, header, token) else "changed token refused"


async def _signed_claims(verifier: Verifier, random: Random) -> str:
    """Sign changed claims; some of them are still valid, so accepting them is no fault."""
    by_secret = random.random() < 0.5
    header = json.dumps(secret_header() if by_secret else key_header()).encode()
    claims = json.dumps(secret_claims(BODY) if by_secret else key_claims(BODY)).encode()
    changed = random.choice([(header, mutated(claims, random)), (mutated(header, random), claims)])
    signed = ".".join(base64url(part) for part in changed)
    signature = (hs256() if by_secret else es256())(signed.encode())
    taken = await _taken(verifier, BY_SECRET if by_secret else BY_KEY, f"{signed}.{base64url(signature)}")
    return f"signed claims {'taken' if taken else 'refused'}"


async def _a_signed_origin(verifier: Verifier, random: Random) -> str:
    """Sign an origin that may be changed, with a secret or with DT's own key."""
    valid = random.choice(ORIGINS)
    origin = mutated(valid.encode(), random).decode("latin-1") if random.random() < 0.8 else valid
    if random.random() < 0.2:
        by_key = await _taken(verifier, BY_KEY, key_token(BODY, origin=origin))
        if by_key is None or by_key.origin is not None:
            raise AssertionError("the origin in a token of DT's own key is not ignored")
        return "origin ignored"
    by_secret = await _taken(verifier, BY_SECRET, secret_token(BODY, origin=origin))
    if (by_secret and by_secret.origin) != (origin if origin in ORIGINS else None):
        raise AssertionError(f"the origin {origin!r} is read as another one")
    return f"origin {'taken' if by_secret else 'refused'}"


async def _taken(verifier: Verifier, header: str, token: str) -> Verified | None:
    """Return the verified body, or None if the token is refused."""
    try:
        return await prove(verifier, {header: [token]}, BODY)
    except ProofError:
        return None


async def _a_body(asked: Settings, sound: bytes, random: Random) -> str:
    """Make the messages of a changed body, and check them against Pub/Sub's limits."""
    content = mutated(sound, random) if random.random() < 0.7 else sound
    origin = random.choice((None, *ORIGINS))
    messages = list(_messages(asked, content, origin))
    for message in messages:
        check_message(message.data, message.attributes, message.ordering_key)
        if message.data != content:
            raise AssertionError("the bytes were changed")
        if message.attributes["contract"] != CONTRACT:
            raise AssertionError("the version of the contract is missing")
    if len(messages) == 2 and messages[0].attributes.get("origin") != origin:
        raise AssertionError("the origin is not that of the token")
    return f"body {'passed on' if len(messages) == 2 else 'kept'}"


def _messages(asked: Settings, content: bytes, origin: Origin | None) -> Iterator[Message]:
    proven = Verified(content, 0, expired=False, origin=origin)
    envelope = NOTHING
    try:
        envelope = read_envelope(parse_body(content))
        require_envelope(envelope)
        yield event_message(proven, envelope, None, asked)
    except EventError:
        pass
    yield rejected_message(proven, envelope, None, asked, reason="malformed", received_at="2026-01-01T00:00:00Z")


def _restructured(random: Random) -> bytes:
    """Return an event with some of its values replaced."""
    whole: Any = deepcopy(event(random.choice(list(SAMPLES))))
    for _ in range(random.randrange(1, 4)):
        place: Any = whole
        while isinstance(place, dict) and place:
            name = random.choice([*place, random.choice(MEMBERS)])
            if random.random() < 0.4 or not isinstance(place.get(name), dict):
                place[name] = deepcopy(random.choice(VALUES))
                break
            place = place[name]
    return json.dumps(whole).encode()


def mutated(text: bytes, random: Random) -> bytes:
    """Change bytes in one to three places; the result can be equal to the original."""
    changed = bytearray(text)
    for _ in range(random.randrange(1, 4)):
        begin = random.randrange(len(changed) + 1)
        end = min(len(changed), begin + random.choice([0, 1, 1, 2, 8, 40]))
        piece = random.choice(
            [
                b"",
                bytes([random.randrange(256)]),
                random.randbytes(4),
                bytes(changed[begin:end]) * 2,
                random.choice(
                    [b".", b"=", b'"', b"\\u", b"{", b"[" * 200, b"null", b"9" * 400, b"\xff", b"1e999", b"NaN"]
                ),
                bytes(byte ^ (1 << random.randrange(8)) for byte in changed[begin:end]),
            ]
        )
        changed[begin:end] = piece
    return bytes(changed)


def fuzz(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # as every section
    """Measure that there is no unexpected exception, no accepted forgery and no slow input."""
    finding = fuzzed(SHORT if short else FULL)
    say(", ".join(f"{name}: {times:,}" for name, times in finding.outcomes.most_common()))
    for line in finding.foreign[:20]:
        say(f"FOREIGN: {line}")
    tried = f"of {finding.tried:,} mutations"
    return [
        Row("no exception except the function's own", f"{len(finding.foreign)} {tried}", not finding.foreign),
        Row("no changed token is accepted", f"{finding.outcomes[FORGED]} {tried}", not finding.outcomes[FORGED]),
        Row(
            f"no input takes {LONGEST_MS:g} ms", f"{finding.slowest_ms:.1f} ms at most", finding.slowest_ms < LONGEST_MS
        ),
    ]
