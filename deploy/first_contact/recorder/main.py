"""The recorder: a temporary function that refuses the events of this run's emulated devices, and prints how they came.

``verify --report`` uploads this file alone, and deletes the function before it ends. It uses the standard library only.

* An event of one of the run's emulated devices is answered with the status that the device's label names. After
  ``REFUSES_FOR_S`` it is answered with 200, so that a recorder that is left over ends the retries by itself.
* Every other event is answered with 200, and nothing of it is printed or kept: the deployment's own connector delivers
  the events of real devices.
* A line has names, lengths, times and salted digests. It has no value that could be a secret or name a customer.
"""

import base64
import hashlib
import ipaddress
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

LABEL = "dt-pubsub-contact"
"""The label of an emulated device of a run: the name of the run's recorder, ``-``, and the status of the answers."""

MOUNTED = "MOUNTED_SECRET"
"""The variable with the path of the mounted secret, of which only a digest leaves the function."""

REFUSES_FOR_S = 1800.0
"""Seconds after its event for which an emulated event is refused."""

SECRET_HEADER, OWN_HEADER = "x-dt-signature", "dt-asymmetric-signature"
DT_ISSUER = "https://identity.disruptive-technologies.com/data-connector"

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
"""What a name of a header or a claim looks like; another one is shown as ``OTHER``."""

OTHER = "(another name)"
LENGTH = re.compile(r"\d{1,9} characters")

_SHOWN = {
    "content-type": re.compile(r"[a-z]{1,20}/[a-z.+-]{1,40}(; ?charset=[A-Za-z0-9-]{1,12})?"),
    "user-agent": re.compile(r"[A-Za-z][A-Za-z-]{0,23}(/v?\d[\d.]{0,11})?( [A-Za-z][A-Za-z-]{0,23}/v?\d[\d.]{0,11})?"),
    "accept": re.compile(r"[a-z*]{1,20}/[a-z.+*-]{1,40}"),
    "accept-encoding": re.compile(r"(gzip|deflate|br|zstd|identity)(, ?(gzip|deflate|br|zstd|identity))*"),
    "content-length": re.compile(r"\d{1,9}"),
}
"""The headers whose value is shown if it has this form. Of every other value, only the length is shown."""


def record(request: Any) -> tuple[str, int, dict[str, str]]:
    """Answer one request: the entry point of the function. ``request``: Flask's."""
    status, reply, line = answer(list(request.headers.items()), request.get_data(), os.environ, time.time())
    if line:
        print(json.dumps(line), flush=True)
    return json.dumps(reply), status, {"Content-Type": "application/json"}


def answer(
    headers: Sequence[tuple[str, str]], body: bytes, environ: Mapping[str, str], now: float
) -> tuple[int, Mapping[str, Any], Mapping[str, Any] | None]:
    """Return status, reply and log line for a request. An empty body asks for the recorder's own state."""
    recorder = environ.get("K_SERVICE", "")
    if not body:
        return 200, _state(recorder, environ), None
    event = _event(body)
    refused_with = _refusal(event, recorder)
    if not refused_with:
        return 200, {}, None
    age_s = now - _seconds((event.get("event") or {}).get("timestamp"))
    status = refused_with if age_s < REFUSES_FOR_S else 200
    line = {
        "severity": "INFO",
        "message": "an emulated event of verify --report",
        "recorder": recorder,
        "at": round(now, 3),
        "case": refused_with,
        "status": status,
        "event": digest(recorder, str((event.get("event") or {}).get("eventId"))),
        "body": digest(recorder, body.decode("latin-1")),
        "headers": {shown_name(name.lower()): shown_value(name.lower(), value) for name, value in headers},
        "source": _network(dict(_lower(headers)).get("x-forwarded-for", "")),
        "tokens": {
            name: _token(recorder, value, body)
            for name, value in _lower(headers)
            if name in {SECRET_HEADER, OWN_HEADER}
        },
    }
    return status, {}, line


def digest(recorder: str, value: str) -> str:
    """Return a digest of a value, salted with the name of the run's recorder, so that two runs cannot be compared."""
    return hashlib.sha256(f"{recorder}\0{value}".encode()).hexdigest()[:16]


def shown_name(name: str) -> str:
    """Return a name if it has the form of one."""
    return name if NAME.fullmatch(name) else OTHER


def shown_value(name: str, value: str) -> str:
    """Return the value of a header that may be shown and has its usual form; of any other only the length."""
    pattern = _SHOWN.get(name)
    return value if pattern and pattern.fullmatch(value) else f"{len(value)} characters"


def _state(recorder: str, environ: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        mounted = digest(recorder, Path(environ.get(MOUNTED, "")).read_text("utf-8"))
    except (OSError, ValueError):
        mounted = ""
    return {"recorder": recorder, "revision": environ.get("K_REVISION", ""), "mounted": mounted}


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) and isinstance(event.get("event"), dict) else {}


def _refusal(event: Mapping[str, Any], recorder: str) -> int:
    """Return the status with which an event is refused; 0 for an event that is not of this run's devices."""
    labels = event.get("labels")
    label = labels.get(LABEL) if isinstance(labels, dict) else None
    found = re.fullmatch(rf"{re.escape(recorder)}-([45]\d\d)", label) if isinstance(label, str) else None
    return int(found[1]) if found else 0


def _lower(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers]


def _seconds(timestamp: Any) -> float:
    """Return the time of an event in seconds since 1970; 0 if it has none, so that its event is not refused."""
    try:
        moment = datetime.fromisoformat(str(timestamp))
        return moment.timestamp() if moment.tzinfo else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _network(forwarded: str) -> str:
    """Return the network of the sender of a request, as 16 bits of an IPv4 or 32 bits of an IPv6 address; or ""."""
    try:
        address = ipaddress.ip_address(forwarded.partition(",")[0].strip())
    except ValueError:
        return ""
    bits = 16 if address.version == 4 else 32
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def _token(recorder: str, token: str, body: bytes) -> Mapping[str, Any]:
    """Return the form of a token, without the token itself and without claims that could name a customer."""
    try:
        head, claims = (_decoded(part) for part in token.split(".")[:2])
    except (TypeError, ValueError, RecursionError):
        return {"readable": False, "token": digest(recorder, token)}
    algorithm = str(head.get("alg"))
    return {
        "readable": True,
        "token": digest(recorder, token),
        "algorithm": algorithm if re.fullmatch(r"[A-Z]{2}\d{3}|none", algorithm) else OTHER,
        "members": sorted({shown_name(name) for name in head}),
        "claims": sorted({shown_name(name) for name in claims}),
        "iat": _integer(claims.get("iat")),
        "exp": _integer(claims.get("exp")),
        "jti": digest(recorder, str(claims["jti"])) if "jti" in claims else "",
        "subject": digest(recorder, str(claims["sub"])) if "sub" in claims else "",
        "is_issued_by_dt": claims.get("iss") == DT_ISSUER,
        "matches_body": claims.get("checksum_sha256") == hashlib.sha256(body).hexdigest(),
    }


def _decoded(part: str) -> dict[str, Any]:
    """Return an object in base64url. Raises ``TypeError`` or ``ValueError`` if the text is not one."""
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**40 else None
