"""Thousands of tokens from a seed: each is valid, or has one to three changes that an attacker could make."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

from tests.function.builders import (
    KEY_ID,
    NOW,
    OLD_SECRET,
    ORGANIZATION_ID,
    PRIVATE_KEY,
    SECRET,
    STRANGERS_KEY,
    WRONG_SECRET,
    base64url,
    es256,
    hs256,
    jwk,
    key_claims,
    key_header,
    secret_claims,
    secret_header,
    sha256,
    with_spare_bits,
)

BY_SECRET = "x-dt-signature"
BY_KEY = "dt-asymmetric-signature"
BODIES = (b'{"event":{}}', b"", b"\x00\xff", "{ø}".encode(), b"x" * 5000)


@dataclass
class Draft:
    """A request that is being built; ``changes`` names the changes made to it."""

    random: Random
    header_name: str
    header: dict[str, Any]
    claims: dict[str, Any]
    sign: Callable[[bytes], bytes]
    body: bytes
    now: float = NOW
    changes: list[str] = field(default_factory=list)
    encode: Callable[[dict[str, Any]], bytes] = lambda members: json.dumps(members).encode()
    finish: Callable[[str], str] = str

    @property
    def token(self) -> str:
        """The token, signed in its present form."""
        signed = f"{base64url(json.dumps(self.header).encode())}.{base64url(self.encode(self.claims))}"
        return self.finish(f"{signed}.{base64url(self.sign(signed.encode()))}")


Change: TypeAlias = Callable[[Draft], None]


def draft(random: Random) -> Draft:
    """Return a request: one in eight is valid, the others have one to three changes."""
    content = random.choice(BODIES)
    if random.random() < 0.5:
        by_operator = random.choice(({}, {"origin": "replay"}, {"origin": "backfill"}))
        claims = secret_claims(content, jti="j", **by_operator)
        made = Draft(random, BY_SECRET, secret_header(), claims, hs256(), content)
    else:
        made = Draft(random, BY_KEY, key_header(), key_claims(content), es256(), content)
    for name in random.sample(sorted(CHANGES), random.choice([0, 1, 1, 1, 1, 2, 2, 3])):
        CHANGES[name](made)
        made.changes.append(name)
    return made


JUNK: tuple[Any, ...] = (None, True, False, 0, -1, 1.5, "", "1", [], ["x"], {}, {"a": {"a": [1]}}, "ø", 10**18, NOW)
OFFSETS = (-(10**9), -7260, -3660, -3600, -361, -360, -301, -300, -61, -60, -59, -1, 0, 1, 59, 60, 61, 300, 3600, 7200)


def _member(part: str, *names: str, values: tuple[Any, ...] = JUNK) -> Change:
    def change(made: Draft) -> None:
        getattr(made, part)[made.random.choice(names)] = made.random.choice(values)

    return change


def _without(part: str, *names: str) -> Change:
    return lambda made: getattr(made, part).pop(made.random.choice(names), None)


def _signed(*ways: Callable[[bytes], bytes]) -> Change:
    def change(made: Draft) -> None:
        made.sign = made.random.choice(ways)

    return change


def _times(made: Draft) -> None:
    made.claims["iat"] = NOW + made.random.choice(OFFSETS)
    made.claims["exp"] = made.claims["iat"] + made.random.choice([-1, 0, 1, 60, 300, 3600, 7199, 7200, 7201, 10**9])


def _fractions(made: Draft) -> None:
    made.claims["iat"] = NOW + made.random.choice(OFFSETS) + made.random.choice([0.0, 0.25, 0.5, -0.25])
    made.claims["exp"] = made.claims["iat"] + made.random.choice(
        [-0.25, 0.25, 60, 3600, 7199.75, 7200.0, 7200.25, 1e300]
    )


def _clock(made: Draft) -> None:
    made.now = NOW + made.random.choice(OFFSETS) + made.random.choice([0, 0.5, -0.001])


def _other_body(made: Draft) -> None:
    made.body = made.random.choice([*BODIES, made.body + b" ", made.body[:-1]])


def _twice(made: Draft) -> None:
    name = made.random.choice([*made.claims, "aud"])
    value = json.dumps(made.claims.get(name))
    made.encode = lambda members: f'{json.dumps(members)[:-1]}, "{name}": {value}}}'.encode()


def _raw(*payloads: bytes) -> Change:
    def change(made: Draft) -> None:
        payload = made.random.choice(payloads)
        made.encode = lambda _: payload

    return change


def _re_encoded(made: Draft) -> None:
    ways: list[Callable[[str], bytes]] = [
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-32-le"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode().replace(b"{", b"{ \n\t", 1) + b" \r\n",
        lambda text: text.encode().replace(b'"', b"'"),
        lambda text: text[:-1].encode() + b', "x": NaN}',
        lambda text: text[:-1].encode() + b', "x": "\xff"}',
        lambda text: text[:-1].encode() + b', "x": "\\ud83c\\udf21"}',
        lambda text: text[:-1].encode() + b', "x": "\x01"}',
        lambda text: text[:-1].encode() + b', "x": 01}',
        lambda text: text[:-1].encode() + b', "x": 123456789012345678901234567890}',
        lambda text: text[:-1].encode() + b', "x": ' + b"[" * 100 + b"]" * 100 + b"}",
        lambda text: text[:-1].encode() + b', "x": ' + b"[" * 1500,
        lambda text: text[:-1].encode() + b",}",
        lambda text: text.encode() + b"{}",
        lambda text: text[:-1].encode() + b', "x": "' + b"x" * made.random.randrange(2000, 4000) + b'"}',
    ]
    way = made.random.choice(ways)
    made.encode = lambda members: way(json.dumps(members))


def _beyond(made: Draft) -> None:
    member = made.random.choice([b"1e400", b"-1e400", b'"\\ud800"', b'"\\udfff\\ud800"'])
    made.encode = lambda members: json.dumps(members)[:-1].encode() + b', "x": ' + member + b"}"


def _finished(made: Draft) -> None:
    at = made.random.randrange(1, 60)
    made.finish = made.random.choice(
        [
            lambda token: token if token.endswith(".") else with_spare_bits(token),
            lambda token: token + "=",
            lambda token: token + ".",
            lambda token: token[:-1],
            lambda token: token + "A",
            lambda token: token.replace(".", "", 1),
            lambda token: token.replace(".", "..", 1),
            lambda token: token[:at] + made.random.choice("\n\t !=.+/,ø\x00") + token[at:],
            lambda token: token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :],
            lambda token: token.swapcase(),
            lambda token: token[::-1],
            lambda token: ".".join(token.split(".")[1:]),
            lambda token: token.rpartition(".")[0] + ".",
            lambda _: made.random.choice(["", ".", "..", "...", "a.b.c", "e30.e30.e30"]),
        ]
    )


ALGORITHMS: tuple[Any, ...] = (
    "none",
    "None",
    "HS384",
    "HS512",
    "RS256",
    "ES384",
    "ES256K",
    "EdDSA",
    "hs256",
    "HS256",
    "ES256",
    None,
    [],
)

CHANGES: dict[str, Change] = {
    "alg": _member("header", "alg", values=(*ALGORITHMS, *JUNK)),
    "alg gone": _without("header", "alg"),
    "kid": _member("header", "kid", values=(*JUNK, KEY_ID, KEY_ID + "x", "strange")),
    "kid gone": _without("header", "kid"),
    "typ or cty": _member("header", "typ", "cty", values=("jwt", "JWT", "", "at+jwt", "ø")),
    "typ or cty no text": _member("header", "typ", "cty", values=(None, 5, [], {}, True)),
    "typ gone": _without("header", "typ"),
    "a member that is not understood": _member(
        "header", "crit", "b64", "zip", "jku", "x5u", "x5c", values=(*JUNK, "https://x")
    ),
    "a key of its own": _member("header", "jwk", values=(jwk(STRANGERS_KEY), jwk(), {}, None)),
    "a further header member": _member("header", "x", "nonce", "x5t#S256", values=("x", "y", "")),
    "times": _times,
    "times again": _times,
    "iat or exp junk": _member("claims", "iat", "exp"),
    "iat or exp a float or text": _member("claims", "iat", "exp", values=(NOW + 0.0, NOW + 1.5, str(NOW), f"{NOW}.0")),
    "fractions of times": _fractions,
    "not before": _member("claims", "nbf", values=(*JUNK, *(NOW + offset for offset in (*OFFSETS, 60.25, 60.5, 0.0)))),
    "an audience": _member("claims", "aud", values=(*JUNK, "https://example.com", ORGANIZATION_ID)),
    "a claim gone": _without("claims", "iat", "exp", "checksum_sha256", "iss", "sub", "jti"),
    "our clock": _clock,
    "our clock again": _clock,
    "checksum": _member("claims", "checksum_sha256", values=(*JUNK, *map(sha256, BODIES), sha256(b"").upper())),
    "issuer": _member("claims", "iss", values=(*JUNK, "https://identity.example.com/data-connector")),
    "organization": _member("claims", "sub", values=(*JUNK, ORGANIZATION_ID, "another", [ORGANIZATION_ID])),
    "a claim of nobody's business": _member("claims", "jti", "sub2", "event", values=(*JUNK, NOW + 9999)),
    "an origin": _member("claims", "origin", values=("replay", "backfill", "replay", "backfill", "Replay", *JUNK)),
    "another body": _other_body,
    "a member twice": _twice,
    "no claims": _raw(b"", b"{}", b"[]", b"null", b'"x"', b"1", b"{", b"\xff", b"[" * 1500),
    "JSON": _re_encoded,
    "JSON that is beyond Unicode or doubles": _beyond,
    "text": _finished,
    "text again": _finished,
    "an older secret or another": _signed(hs256(OLD_SECRET), hs256(WRONG_SECRET), hs256(""), hs256(SECRET + "\n")),
    "another hash": _signed(hs256(digest="sha512"), hs256(digest="sha384"), hs256(digest="sha1")),
    "another key": _signed(es256(STRANGERS_KEY), es256(), hs256(json.dumps(jwk(PRIVATE_KEY)))),
    "no signature": _signed(lambda _: b"", lambda _: bytes(32), lambda _: bytes(64), lambda _: b"\xff" * 64),
    "a signature cut": lambda made: setattr(made, "sign", _cut(made.sign)),
}


def _cut(sign: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda signed: sign(signed)[:-1]
