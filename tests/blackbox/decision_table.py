"""The decision table as requests that can be sent to both entry points, each with its expected result.

Support for tests, not a test. ``ROWS`` need a stage with ``Surroundings.every_scheme``. Cases that need another stage
(a client that stalls, keys that cannot be fetched, an unexpected error) are in the tests themselves.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import jwt

from function.settings import Severity
from tests.blackbox.stage import (
    BODY,
    BODY_CANARY,
    DROP,
    KNOWN,
    OLDER_SECRET,
    SECRET,
    Request,
    Stage,
    by_secret,
    changed,
)
from tests.emulators.issuer import new_key
from tests.emulators.pubsub.faults import Fault
from tests.emulators.signing import ORGANIZATION_HEADER, SECRET_HEADER

CAP = 262_144
Topic = Literal["events", "rejected", ""]
Kept: TypeAlias = tuple[str, bytes, dict[str, str]]
"""Bodies that are no valid event: name, body, and the attributes that are known of each."""


Make: TypeAlias = Callable[[Stage], Request]
"""Makes the request of a row."""


@dataclass(frozen=True)
class Row:
    """A request and its expected result: the event must be on ``topic`` with these ``attributes``.

    ``main`` and ``rejected`` say how the topics fail, ``calls`` how often Publish is called at least, and ``at_once``
    that a retry would be useless. The log line must have ``fields``.
    """

    number: int
    name: str
    make: Make
    status: int
    severity: Severity
    reason: str = ""
    topic: Topic = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: KNOWN)
    main: Fault | None = None
    rejected: Fault | None = None
    calls: int | None = None
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_sampled(self) -> bool:
        """Whether its log line may be left out, because one per second is enough."""
        return self.reason in {"method", "unsigned", "signature", "keys"}

    def __str__(self) -> str:
        return f"{self.number}-{self.name}"


def without(*names: str) -> dict[str, str]:
    """Return the known attributes without some."""
    return {name: value for name, value in KNOWN.items() if name not in names}


def padded(size: int) -> bytes:
    """Return an event of exactly this many bytes."""
    return BODY + b" " * (size - len(BODY))


def _methods() -> Iterator[Row]:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):

        def make(_: Stage, method: str = method) -> Request:
            return Request(by_secret().headers, method=method)

        yield Row(1, method, make, 405, "DEBUG", "method")


def _unsigned() -> Iterator[Row]:
    def twice(_: Stage) -> Request:
        return by_secret().plus(*by_secret().headers)

    def joined(_: Stage) -> Request:
        ((name, token),) = by_secret().headers
        return Request([(name, f"{token}, {token}")])

    def filled(size: int) -> Make:
        return lambda _: Request([(SECRET_HEADER, "t" * size)])

    def renamed(name: str) -> Make:
        return lambda _: Request([(name, by_secret().headers[0][1])])

    makes: dict[str, Make] = {
        "no header": lambda _: Request(),
        "empty header": lambda _: Request([(SECRET_HEADER, "")]),
        "header of another name": renamed("Authorization"),
        "header with underscores": renamed("X_Dt_Signature"),
        "repeated header": twice,
        "two tokens joined by a comma": joined,
        "4097 bytes of token": filled(4097),
        "5 KiB of token": filled(5120),
        "asymmetric header repeated": lambda stage: stage.by_key().plus(*stage.by_key().headers),
        "no header and a body over the cap": lambda _: Request((), padded(CAP + 1)),
    }
    for name, make in makes.items():
        yield Row(2, name, make, 401, "INFO", "unsigned")


def _too_large() -> Iterator[Row]:
    yield Row(3, "one byte over, announced", lambda _: by_secret(padded(CAP + 1)), 413, "WARNING", "too_large")
    yield Row(3, "in chunks", lambda _: by_secret(padded(CAP + 1)).chunked(), 413, "WARNING", "too_large")
    yield Row(
        3,
        "by an older secret",
        lambda _: by_secret(padded(CAP + 1), secret=OLDER_SECRET),
        413,
        "WARNING",
        "too_large",
    )


def _text(token: str) -> Make:
    return lambda _: Request([(SECRET_HEADER, token)])


def _secret(**changes: object) -> Make:
    return lambda _: by_secret(**changes)  # type: ignore[arg-type]


def _key(**changes: object) -> Make:
    return lambda stage: stage.by_key(**changes)  # type: ignore[arg-type]


def _unsigned_token(_: Stage) -> Request:
    return Request([(SECRET_HEADER, jwt.encode({"iat": 1, "exp": 2, "checksum_sha256": ""}, "", algorithm="none"))])


def _es256_in_the_secrets_header(stage: Stage) -> Request:
    return Request([(SECRET_HEADER, stage.by_key().headers[0][1])])


def _hs256_in_the_keys_header(_: Stage) -> Request:
    return Request([(ORGANIZATION_HEADER, by_secret().headers[0][1])])


def _shortened(_: Stage) -> Request:
    ((name, token),) = by_secret().headers
    return Request([(name, token[:-1])])


def _forged() -> dict[str, Make]:
    """Return requests whose signature is wrong, by name."""
    return {
        "no token": _text("x"),
        "three empty segments": _text(".."),
        "letters outside ASCII": _text("é.é.é"),
        "token cut short": _shortened,
        "4096 bytes of token": _text("t" * 4096),
        "no algorithm": _unsigned_token,
        "HS512": _secret(header={"alg": "HS512"}),
        "ES256 in the header of HS256": _es256_in_the_secrets_header,
        "HS256 in the header of ES256": _hs256_in_the_keys_header,
        "crit": _secret(header={"crit": ["exp"]}),
        "unknown secret": _secret(secret="somebody-elses-secret-0123456789-0123"),
        "empty secret": _secret(secret=""),
        "no checksum_sha256": _secret(without="checksum_sha256"),
        "no iat": _secret(without="iat"),
        "no exp": _secret(without="exp"),
        "exp as text": _secret(exp="9999999999"),
        "exp in a hundred years": _secret(exp=4_900_000_000),
        "another organization": _key(sub="somebody-elses-organization"),
        "another issuer": _key(iss="https://issuer.example"),
        "another key under the same id": _key(key=new_key()),
        "unknown key id": _key(key=new_key(), key_id="unknown"),
        "ES256 without checksum_sha256": _key(checksum_sha256=None),
        "and a body over the cap": lambda _: Request([(SECRET_HEADER, "x")], padded(CAP + 1)),
        "unknown secret, and a body over the cap": lambda _: by_secret(padded(CAP + 1), secret="x" * 40),
        "origin of no command": _secret(origin="live"),
        "origin null": _secret(origin=None),
        "origin a list": _secret(origin=["replay"]),
        "origin and an unknown secret": _secret(origin="replay", secret="x" * 40),
        "both wrong": lambda stage: by_secret(secret="x" * 40).plus(*stage.by_key(key=new_key()).headers),
    }


def _signature() -> Iterator[Row]:
    for name, make in _forged().items():
        yield Row(5, name, make, 401, "WARNING", "signature")


def _checksum_and_clock() -> Iterator[Row]:
    def other_body(request: Request) -> Request:
        return Request(request.headers, BODY.replace(b"24.9", b"24.8"))

    yield Row(6, "secret, another body", lambda _: other_body(by_secret()), 401, "ERROR", "checksum")
    yield Row(6, "key, another body", lambda stage: other_body(stage.by_key()), 401, "ERROR", "checksum")
    yield Row(6, "expired, another body", lambda _: other_body(by_secret(ahead_s=-9999)), 401, "ERROR", "checksum")
    yield Row(8, "secret, 65 s ahead", lambda _: by_secret(ahead_s=65), 503, "ERROR", "clock")
    yield Row(8, "key, 65 s ahead", lambda stage: stage.by_key(ahead_s=65), 503, "ERROR", "clock")


def _kept(
    number: int, severity: Severity, reason: str, bodies: Iterable[tuple[str, bytes, dict[str, str]]]
) -> Iterator[Row]:
    for name, body, known in bodies:

        def make(_: Stage, body: bytes = body) -> Request:
            return by_secret(body)

        yield Row(number, name, make, 200, severity, reason, "rejected", known)


def _rejected() -> Iterator[Row]:
    keep = {"status": 200, "severity": "WARNING", "reason": "expired", "topic": "rejected"}
    yield Row(9, "secret", lambda _: by_secret(ahead_s=-3665), **keep)  # type: ignore[arg-type]
    yield Row(9, "key", lambda stage: stage.by_key(ahead_s=-365), **keep)  # type: ignore[arg-type]
    yield Row(9, "and malformed", lambda _: by_secret(b"{", ahead_s=-3665), attributes={}, **keep)  # type: ignore[arg-type]
    canary = BODY_CANARY.encode()
    nested = b'{"a":' * 300 + b"1" + b"}" * 300
    malformed = {
        "empty": b"",
        "not UTF-8": b'{"event":"\xff' + canary + b'"}',
        "UTF-16": BODY.decode().encode("utf-16"),
        "byte order mark": b"\xef\xbb\xbf" + BODY,
        "no JSON": canary,
        "half of it": BODY[:-1],
        "two objects": BODY + BODY,
        "array": b"[" + BODY + b"]",
        "null": b"null",
        "NaN": changed("event.data.temperature.value", float("nan")),
        "Infinity": changed("event.data.temperature.value", float("inf")),
        "nested 300 deep": nested,
        "nested 100,000 deep": b"[" * 100_000,
    }
    yield from _kept(10, "ERROR", "malformed", ((name, body, {}) for name, body in malformed.items()))
    surrogate = changed("event.eventId", "\ud800")
    no_envelope = {
        "no event": (b'{"a":"' + canary + b'"}', {}),
        "event is a list": (json.dumps({"event": [BODY_CANARY]}).encode(), {}),
        "no eventId": (changed("event.eventId"), without("eventId")),
        "eventId empty": (changed("event.eventId", ""), without("eventId")),
        "eventId a number": (changed("event.eventId", 1), without("eventId")),
        "eventId no Unicode": (surrogate, without("eventId")),
        "no eventType": (changed("event.eventType"), without("eventType")),
        "eventType null": (changed("event.eventType", None), without("eventType")),
        "no targetName": (changed("event.targetName"), KNOWN),
        "targetName of no project": (changed("event.targetName", "organizations/o"), KNOWN),
    }
    yield from _kept(11, "ERROR", "no_envelope", ((name, body, known) for name, (body, known) in no_envelope.items()))
    foreign = changed("event.targetName", "projects/other/devices/d")
    known = {**KNOWN, "projectId": "other", "deviceId": "d"}
    yield from _kept(12, "WARNING", "foreign_project", [("other project", foreign, known)])


def _of_operators() -> Iterator[Row]:
    """Return requests whose token has an ``origin``. Only a token that a secret has proven has one."""

    def delivered(number: int, name: str, make: Make, origin: str, **fields: object) -> Row:
        attributes = {**KNOWN, "origin": origin} if origin else KNOWN
        said = {"origin": origin, **fields} if origin else fields
        return Row(number, name, make, 200, "INFO", topic="events", attributes=attributes, fields=said)

    def refused(name: str, reason: str, body: bytes = BODY, main: Fault | None = None, ahead_s: float = 0) -> Row:
        def make(_: Stage) -> Request:
            return by_secret(body, ahead_s=ahead_s, origin="replay")

        fields, calls = {"origin": "replay"}, 1 if main else 0
        return Row(24, name, make, 422, "WARNING", reason, main=main, calls=calls, fields=fields)

    yield delivered(17, "replay", _secret(origin="replay"), "replay", secretIndex=0)
    yield delivered(
        17, "backfill, older secret", _secret(origin="backfill", secret=OLDER_SECRET), "backfill", secretIndex=1
    )
    yield delivered(
        17, "replay, and a key", lambda stage: by_secret(origin="replay").plus(*stage.by_key().headers), "replay"
    )
    yield delivered(17, "origin by a key", _key(origin="replay"), "")
    yield delivered(17, "origin of no command by a key", _key(origin=["live"]), "")
    for name, changes in (("no command", {"origin": "live"}), ("expired", {"origin": "replay", "ahead_s": -3665})):
        yield delivered(
            17,
            f"origin, {name}, and a key",
            lambda stage, changes=changes: by_secret(**changes).plus(*stage.by_key().headers),  # type: ignore[misc]
            "",
        )
    keep = {"status": 200, "severity": "WARNING", "reason": "expired", "topic": "rejected"}
    yield Row(9, "origin by a key", _key(origin="replay", ahead_s=-365), **keep)  # type: ignore[arg-type]
    yield refused("expired", "expired", ahead_s=-3665)
    yield refused("expired and malformed", "expired", b"{", ahead_s=-3665)
    yield refused("malformed", "malformed", BODY_CANARY.encode())
    yield refused("no eventId", "no_envelope", changed("event.eventId"))
    yield refused("other project", "foreign_project", changed("event.targetName", "projects/other/devices/d"))
    yield refused("invalid for the main topic", "invalid_argument", main=Fault.fail("INVALID_ARGUMENT"))


def _published(number: int, name: str, body: bytes, known: Mapping[str, str] = KNOWN) -> Row:
    return Row(number, name, lambda _: by_secret(body), 200, "INFO", topic="events", attributes=known)


def _tolerated() -> Iterator[Row]:
    yield _published(13, "unknown type", changed("event.eventType", "vibration"), {**KNOWN, "eventType": "vibration"})
    yield _published(13, "unknown field in data", changed("event.data.temperature.unit", "C"))
    yield _published(13, "unknown field beside", changed("event.trace", {"a": [None, BODY_CANARY]}))
    yield _published(13, "newer fields missing", changed("event.data.temperature.samples"))
    yield _published(13, "labels null", changed("labels", None), without("label.name"))
    yield _published(13, "labels absent", changed("labels"), without("label.name"))
    yield _published(13, "metadata null", changed("metadata", None), without("deviceType"))
    yield _published(13, "metadata absent", changed("metadata"), without("deviceType"))
    yield _published(13, "a member twice", BODY[:-1] + b',"labels":{"name":"2"}}', {**KNOWN, "label.name": "2"})
    yield _published(13, "spaces and escapes", json.dumps(json.loads(BODY), indent=2).encode())
    yield _published(16, "1024 letters fit", changed("labels.room", "a" * 1024), {**KNOWN, "label.room": "a" * 1024})
    yield _published(17, "exactly the cap", padded(CAP))


def _contradictory() -> Iterator[Row]:
    for path, value, at in (
        ("event.data.temperature.value", "warm", ".temperature.value"),
        ("event.data.temperature.samples", [{"value": 1}], ".temperature.samples[0]"),
        ("event.data.temperature", DROP, ""),
        ("event.data", None, ""),
    ):
        body, violation = changed(path, value), f"$.event.data{at}"
        yield Row(
            14,
            f"{path} {'missing' if value is DROP else value}",
            lambda _, body=body: by_secret(body),  # type: ignore[misc]
            200,
            "WARNING",
            topic="events",
            attributes={**KNOWN, "schemaViolation": violation},
            fields={"schemaViolation": violation},
        )


def _cut() -> Iterator[Row]:
    long = {"1024 é": ("é" * 1024, "é" * 512), "1023 letters and an é": ("a" * 1023 + "é", "a" * 1023)}
    for name, (label, cut) in long.items():
        body = changed("labels.room", label)
        yield Row(
            16,
            name,
            lambda _, body=body: by_secret(body),  # type: ignore[misc]
            200,
            "WARNING",
            topic="events",
            attributes={**KNOWN, "label.room": cut},
            fields={"cutAttributes": ["label.room"]},
        )


def _good() -> Iterator[Row]:
    def good(name: str, make: Make, **fields: object) -> Row:
        return Row(17, name, make, 200, "INFO", topic="events", fields=fields)

    yield good("newest secret", lambda _: by_secret(), secretIndex=0)
    yield good("older secret", lambda _: by_secret(secret=OLDER_SECRET), secretIndex=1)
    yield good("key", lambda stage: stage.by_key())
    yield good("both", lambda stage: by_secret().plus(*stage.by_key().headers), secretIndex=0)
    yield good("secret wrong, key right", lambda stage: by_secret(secret="x" * 40).plus(*stage.by_key().headers))
    yield good("secret right, key wrong", lambda stage: by_secret().plus(*stage.by_key(key=new_key()).headers))
    yield good("secret twice, key right", lambda stage: by_secret().plus(*by_secret().headers, *stage.by_key().headers))
    yield good("in chunks", lambda _: by_secret().chunked(100))
    yield good("55 s ahead", lambda _: by_secret(ahead_s=55))
    yield good("expired 55 s ago", lambda _: by_secret(ahead_s=-3655))


def _failing() -> Iterator[Row]:
    def fails(number: int, name: str, severity: Severity, reason: str, calls: int, **faults: Fault) -> Row:
        body = BODY if "main" in faults else b"{"
        return Row(number, name, lambda _: by_secret(body), 503, severity, reason, calls=calls, **faults)  # type: ignore[arg-type]

    for code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN"):
        yield fails(18, code, "WARNING", "publish", 3, main=Fault.fail(code))
    yield fails(18, "no answer", "WARNING", "publish", 1, main=Fault.hang())
    yield fails(18, "connection cut", "WARNING", "publish", 3, main=Fault.cut())
    for code in ("NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED"):
        yield fails(19, code, "CRITICAL", "publish_config", 1, main=Fault.fail(code))
    yield Row(
        20,
        "and kept",
        lambda _: by_secret(),
        200,
        "ERROR",
        "invalid_argument",
        "rejected",
        main=Fault.fail("INVALID_ARGUMENT"),
        calls=2,
    )
    for code in ("UNAVAILABLE", "PERMISSION_DENIED", "INVALID_ARGUMENT"):
        at_least = {"UNAVAILABLE": 3, "INVALID_ARGUMENT": 2}.get(
            code, 1
        )  # the second attempt, with only three attributes
        yield fails(21, code, "CRITICAL", "publish_rejected", at_least, rejected=Fault.fail(code))
    yield fails(21, "no id", "CRITICAL", "publish_rejected", 1, rejected=Fault.empty_ids())
    yield fails(
        21,
        "both topics",
        "CRITICAL",
        "publish_rejected",
        2,
        main=Fault.fail("INVALID_ARGUMENT"),
        rejected=Fault.fail("NOT_FOUND"),
    )
    yield fails(22, "no id", "ERROR", "publish", 1, main=Fault.empty_ids())
    yield fails(22, "two ids", "ERROR", "publish", 1, main=Fault.two_ids())


ROWS: tuple[Row, ...] = (
    *_methods(),
    *_unsigned(),
    *_too_large(),
    *_signature(),
    *_checksum_and_clock(),
    *_rejected(),
    *_of_operators(),
    *_tolerated(),
    *_contradictory(),
    *_cut(),
    *_good(),
    *_failing(),
)
SEALED = SECRET, OLDER_SECRET, BODY_CANARY
"""Texts that must not be in any output or answer."""
