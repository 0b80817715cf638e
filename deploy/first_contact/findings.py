"""Reads the recorder's log lines, and returns the answers that they contain. Pure.

The log is not trusted: a line that does not have the recorder's form is left out, and every text is checked again.
"""

import ipaddress
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from deploy.first_contact.recorder.main import (
    LENGTH,
    OTHER,
    OWN_HEADER,
    SECRET_HEADER,
    digest,
    shown_name,
    shown_value,
)
from deploy.secret import Secret

_DIGEST = re.compile(r"[0-9a-f]{16}")
_ALGORITHM = re.compile(r"[A-Z]{2}\d{3}|none")


@dataclass(frozen=True, slots=True)
class Token:
    """What the recorder has printed of a token. The texts of ``token``, ``jti`` and ``subject`` are digests."""

    token: str
    jti: str = ""
    subject: str = ""
    algorithm: str = OTHER
    members: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    iat: int | None = None
    exp: int | None = None
    is_issued_by_dt: bool = False
    matches_body: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request for an emulated event. ``case``: the status with which its device's events are refused."""

    at: float
    case: int
    event: str
    body: str
    network: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, Token] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redaction:
    """The values that no report may contain: secrets and ids of the customer."""

    hidden: tuple[Secret, ...] = ()

    def name(self, text: str) -> str:
        """Return the name of a header or claim; ``OTHER`` if it is not a name, or has a part of a hidden value."""
        return text if shown_name(text) == text and not _shows(text, self.hidden) else OTHER

    def value(self, name: str, text: str) -> str:
        """Return the value of a header if it may be shown; else its length."""
        is_shown = bool(LENGTH.fullmatch(text)) or shown_value(name, text) == text
        return text if is_shown and not _shows(text, self.hidden) else f"{len(text)} characters"


@lru_cache(maxsize=1000)
def _shows(text: str, hidden: tuple[Secret, ...]) -> bool:
    """Return whether a text has a part of a hidden value; the same few names come with every request."""
    return any(secret.hidden_in(form) != form for secret in hidden for form in (text, text.lower()))


def read_attempts(entries: Iterable[Mapping[str, Any]], recorder: str, redaction: Redaction) -> list[Attempt]:
    """Return the requests that the recorder of a run has printed, in the order of their arrival."""
    lines = (entry.get("jsonPayload") for entry in entries)
    found = (
        _attempt(line, redaction) for line in lines if isinstance(line, Mapping) and line.get("recorder") == recorder
    )
    return sorted((attempt for attempt in found if attempt), key=lambda attempt: attempt.at)


def _attempt(line: Mapping[str, Any], redaction: Redaction) -> Attempt | None:
    try:
        tokens = {
            name: _token(line["tokens"][name], redaction)
            for name in (SECRET_HEADER, OWN_HEADER)
            if name in line["tokens"]
        }
        headers = {
            redaction.name(str(name)): redaction.value(str(name), str(value)) for name, value in line["headers"].items()
        }
        event, body = _digest(line["event"]), _digest(line["body"])
        network = _network(line.get("source"))
        return Attempt(float(line["at"]), int(line["case"]), event, body, network, headers, tokens)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None


def _token(printed: Mapping[str, Any], redaction: Redaction) -> Token:
    token = Token(_digest(printed["token"]))
    if not printed.get("readable"):
        return token
    algorithm = str(printed["algorithm"])
    return Token(
        token.token,
        _digest(printed["jti"]) if printed["jti"] else "",
        _digest(printed["subject"]) if printed["subject"] else "",
        algorithm if _ALGORITHM.fullmatch(algorithm) else OTHER,
        tuple(redaction.name(str(name)) for name in printed["members"]),
        tuple(redaction.name(str(name)) for name in printed["claims"]),
        None if printed["iat"] is None else int(printed["iat"]),
        None if printed["exp"] is None else int(printed["exp"]),
        printed["is_issued_by_dt"] is True,
        printed["matches_body"] is True,
    )


def _digest(text: Any) -> str:
    """Return a digest. Raises ``ValueError`` if a text does not have the form of one."""
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise ValueError("not a digest")
    return text


def _network(text: Any) -> str:
    return str(ipaddress.ip_network(text)) if isinstance(text, str) and text else ""


def headers_of(attempts: Sequence[Attempt]) -> dict[str, str]:
    """Return the headers of all requests by name, each with the value of the first request that has it."""
    found: dict[str, str] = {}
    for attempt in attempts:
        for name, value in attempt.headers.items():
            found.setdefault(name, value)
    return dict(sorted(found.items()))


def networks_of(attempts: Sequence[Attempt]) -> list[str]:
    """Return the networks from which the requests came."""
    return sorted({attempt.network for attempt in attempts if attempt.network})


def signature_of(attempts: Sequence[Attempt], header: str, recorder: str, organization: str) -> dict[str, Any]:
    """Return the form of the tokens in a header. ``organization``: the id of the customer's DT organization."""
    first = next((attempt for attempt in attempts if header in attempt.tokens), None)
    if first is None:
        return {"sent": False}
    token = first.tokens[header]
    times = token.iat is not None and token.exp is not None
    return {
        "sent": True,
        "algorithm": token.algorithm,
        "members": list(token.members),
        "claims": list(token.claims),
        "lifetimeSeconds": token.exp - token.iat if times and token.exp and token.iat else None,
        "arrivedAfterIatSeconds": None if token.iat is None else round(first.at - token.iat, 1),
        "matchesBody": token.matches_body,
        "issuedByDt": token.is_issued_by_dt,
        "subjectIsOrganization": bool(organization) and token.subject == digest(recorder, organization),
    }


def retries_of(attempts: Sequence[Attempt], case: int, watched_s: float) -> dict[str, Any] | None:
    """Return how an event was repeated that was refused with a status; None if none came.

    If more events than one were published, the one with the most attempts counts.
    """
    by_event: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.case == case:
            by_event.setdefault(attempt.event, []).append(attempt)
    if not by_event:
        return None
    repeated = max(by_event.values(), key=len)
    pauses = [round(later.at - earlier.at, 1) for earlier, later in itertools.pairwise(repeated)]
    return {
        "attempts": len(repeated),
        "pausesSeconds": pauses,
        "watchedSeconds": round(watched_s),
        "signedAnew": _changes(repeated, SECRET_HEADER, "token"),
        "newIat": _changes(repeated, SECRET_HEADER, "iat"),
        "newJti": _changes(repeated, SECRET_HEADER, "jti"),
        "ownSignatureAnew": _changes(repeated, OWN_HEADER, "token"),
        "sameBody": len({attempt.body for attempt in repeated}) == 1 if pauses else None,
    }


def _changes(attempts: Sequence[Attempt], header: str, part: str) -> bool | None:
    """Return whether a part of a header's token differs from attempt to attempt; None if that is unknown."""
    values = [getattr(attempt.tokens[header], part) for attempt in attempts if header in attempt.tokens]
    values = [value for value in values if value not in {None, ""}]
    if len(values) < 2:
        return None
    return len(set(values)) > 1
