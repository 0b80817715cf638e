"""verifier: which scheme proves a request, and the table of forgeries for both schemes."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from function.errors import ChecksumMismatch, ClockBehind, KeysUnavailable, ProofError, SignatureInvalid, Unsigned
from function.signature import MAX_TOKEN_BYTES, Verified
from function.verifier import OrganizationScheme, Scheme, SecretScheme, Verifier
from tests.emulators import signing
from tests.function import builders
from tests.function.builders import (
    ABSENT,
    ISSUER,
    KEY_ID,
    NOW,
    OLD_SECRET,
    ORGANIZATION_ID,
    PRIVATE_KEY,
    SECRET,
    STRANGERS_KEY,
    WRONG_SECRET,
    body,
    es256,
    forged,
    hs256,
    jwk,
    key_claims,
    key_header,
    key_token,
    secret_claims,
    secret_header,
    secret_token,
    sha256,
    thorough,
    with_spare_bits,
)
from tests.function.fakes import FakeClock, FakeKeys, FakeSecrets

BODY = body()
HASH = hashes.SHA256()
BY_SECRET = "x-dt-signature"
BY_KEY = "dt-asymmetric-signature"
PUBLIC_PEM = PRIVATE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def schemes(secrets: FakeSecrets, keys: FakeKeys) -> list[Scheme]:
    return [SecretScheme(secrets), OrganizationScheme(ORGANIZATION_ID, ISSUER, keys)]


def prove(
    headers: dict[str, str | Sequence[str]],
    content: bytes = BODY,
    *,
    secrets: FakeSecrets | None = None,
    keys: FakeKeys | None = None,
    now: float = NOW,
) -> Verified:
    verifier = Verifier(schemes(secrets or FakeSecrets(), keys or FakeKeys()), now=FakeClock(now), leeway_s=60)
    lists = {name: [value] if isinstance(value, str) else value for name, value in headers.items()}
    return asyncio.run(builders.prove(verifier, lists, content))


# The table of forgeries: the fault -> the token. Both schemes refuse those of the first two tables.

Make = Callable[..., str]


def by_secret(header: dict[str, Any] | bytes | None = None, sign: Any = None, **claims: Any) -> str:
    head = header if isinstance(header, bytes) else secret_header(**(header or {}))
    return forged(head, secret_claims(BODY, **claims), sign or hs256())


def by_key(header: dict[str, Any] | bytes | None = None, sign: Any = None, **claims: Any) -> str:
    head = header if isinstance(header, bytes) else key_header(**(header or {}))
    return forged(head, key_claims(BODY, **claims), sign or es256())


def payload_in_raw(make: Make, payload: bytes) -> str:
    if make is by_secret:
        return forged(secret_header(), payload, hs256())
    return forged(key_header(), payload, es256())


def with_member(make: Make, text: str, **changes: Any) -> str:
    """Add the text of a member to the claims, which may already have a member of this name."""
    claims = secret_claims(BODY, **changes) if make is by_secret else key_claims(BODY, **changes)
    return payload_in_raw(make, json.dumps(claims)[:-1].encode() + f", {text}}}".encode())


def resegmented(text: str, change: Callable[[list[str]], list[str]]) -> str:
    return ".".join(change(text.split(".")))


def in_plain_base64(make: Make) -> str:
    """Return a valid token whose signature is in the alphabet of base64, and differs from base64url."""
    tokens = (make(x=number) for number in range(1000))
    return next(
        token.translate(str.maketrans("-_", "+/")) for token in tokens if {"-", "_"} & set(token.rpartition(".")[2])
    )


FORGERIES_OF_ANY: dict[str, Callable[[Make], str]] = {
    "alg none without a signature": lambda make: make({"alg": "none"}, lambda _: b""),
    "alg none with a signature": lambda make: make({"alg": "none"}),
    "alg NoNe": lambda make: make({"alg": "NoNe"}, lambda _: b""),
    "alg missing": lambda make: make({"alg": ABSENT}),
    "alg null": lambda make: make({"alg": None}),
    "alg a list": lambda make: make({"alg": ["HS256", "ES256"]}),
    "alg an object": lambda make: make({"alg": {"HS256": 1}}),
    "alg a number": lambda make: make({"alg": 256}),
    "alg in lower case": lambda make: make({"alg": "hs256" if make is by_secret else "es256"}),
    "alg with a space": lambda make: make({"alg": "HS256 " if make is by_secret else "ES256 "}),
    "alg HS512, soundly made": lambda make: make({"alg": "HS512"}, hs256(digest="sha512")),
    "alg HS384, soundly made": lambda make: make({"alg": "HS384"}, hs256(digest="sha384")),
    "alg RS256": lambda make: make({"alg": "RS256"}),
    "alg PS256": lambda make: make({"alg": "PS256"}),
    "alg ES384": lambda make: make({"alg": "ES384"}),
    "alg EdDSA": lambda make: make({"alg": "EdDSA"}),
    "crit": lambda make: make({"crit": ["exp"]}),
    "crit, empty": lambda make: make({"crit": []}),
    "crit null": lambda make: make({"crit": None}),
    "b64 false": lambda make: make({"b64": False, "crit": ["b64"]}),
    "b64 false without crit": lambda make: make({"b64": False}),
    "b64 true": lambda make: make({"b64": True}),
    "jwk of its own": lambda make: make({"jwk": jwk(STRANGERS_KEY)}, es256(STRANGERS_KEY)),
    "jwk that is ours": lambda make: make({"jwk": jwk()}),
    "jku": lambda make: make({"jku": "https://evil.example.com/keys"}),
    "x5u": lambda make: make({"x5u": "https://evil.example.com/cert"}),
    "x5c": lambda make: make({"x5c": ["MIIB"]}),
    "zip": lambda make: make({"zip": "DEF"}),
    "kid an integer": lambda make: make({"kid": 1}),
    "kid null": lambda make: make({"kid": None}),
    "kid a list": lambda make: make({"kid": [KEY_ID]}),
    "kid an object": lambda make: make({"kid": {}}),
    "header a list": lambda make: make(b'["alg"]'),
    "header a text": lambda make: make(b'"HS256"'),
    "header null": lambda make: make(b"null"),
    "header not JSON": lambda make: make(b"{alg: HS256}"),
    "header empty": lambda make: make(b""),
    "header with alg twice": lambda make: make(
        b'{"alg": "none", "alg": "%s", "kid": "%s"}' % (b"HS256" if make is by_secret else b"ES256", KEY_ID.encode())
    ),
    "header with NaN": lambda make: make(
        b'{"alg": "%s", "kid": "%s", "a": NaN}' % (b"HS256" if make is by_secret else b"ES256", KEY_ID.encode())
    ),
    "header nested deep": lambda make: make(b'{"a":' + b"[" * 2000),
    "header with a byte order mark": lambda make: make(b'\xef\xbb\xbf{"alg": "HS256"}'),
    "exp missing": lambda make: make(exp=ABSENT),
    "exp null": lambda make: make(exp=None),
    "exp a text": lambda make: make(exp=str(NOW + 300)),
    "exp a float of two hours and a bit": lambda make: make(exp=NOW + 7200.25),
    "exp true": lambda make: make(exp=True),
    "exp a list": lambda make: make(exp=[NOW + 300]),
    "exp Infinity": lambda make: with_member(make, '"exp": Infinity', exp=ABSENT),
    "exp 1e400": lambda make: with_member(make, '"exp": 1e400', exp=ABSENT),
    "exp 1e9": lambda make: make(exp=1e9),
    "exp of 1,000 digits": lambda make: make(exp=10**1000),
    "exp a century away": lambda make: make(exp=NOW + 100 * 365 * 86_400),
    "exp twice": lambda make: with_member(make, f'"exp": {NOW + 300}'),
    "iat missing": lambda make: make(iat=ABSENT),
    "iat null": lambda make: make(iat=None),
    "iat a text": lambda make: make(iat=str(NOW)),
    "iat a float in a text": lambda make: make(iat=f"{NOW}.0"),
    "nbf null": lambda make: make(nbf=None),
    "nbf a text": lambda make: make(nbf=str(NOW)),
    "nbf true": lambda make: make(nbf=True),
    "nbf 1e400": lambda make: with_member(make, '"nbf": 1e400'),
    "iat false": lambda make: make(iat=False, exp=60),
    "iat 1e400": lambda make: with_member(make, '"iat": 1e400', iat=ABSENT),
    "iat the same as exp": lambda make: make(iat=NOW, exp=NOW),
    "iat after exp": lambda make: make(iat=NOW + 1, exp=NOW),
    "life of 7,201 s": lambda make: make(exp=NOW + 7201),
    "payload a list": lambda make: payload_in_raw(make, b"[]"),
    "payload a text": lambda make: payload_in_raw(make, b'"exp"'),
    "payload a number": lambda make: payload_in_raw(make, b"1"),
    "payload empty": lambda make: payload_in_raw(make, b""),
    "payload an empty object": lambda make: payload_in_raw(make, b"{}"),
    "payload not JSON": lambda make: payload_in_raw(make, b"{"),
    "payload not UTF-8": lambda make: payload_in_raw(
        make, json.dumps(key_claims(BODY, a="?")).encode().replace(b"?", b"\xff")
    ),
    "payload in UTF-16": lambda make: payload_in_raw(make, json.dumps(key_claims(BODY)).encode("utf-16")),
    "payload with NaN": lambda make: with_member(make, '"a": NaN'),
    "payload with Infinity": lambda make: with_member(make, '"a": -Infinity'),
    "payload nested deep": lambda make: payload_in_raw(make, b'{"a":' + b"[" * 2500),
    "payload nested deep and closed": lambda make: payload_in_raw(make, b"[" * 1300 + b"]" * 1300),
    "payload with a member twice inside": lambda make: with_member(make, '"a": {"b": 1, "b": 1}'),
    "checksum twice": lambda make: with_member(make, f'"checksum_sha256": "{sha256(BODY)}"'),
    "checksum missing": lambda make: make(checksum_sha256=ABSENT),
    "checksum of SHA-1 alone": lambda make: make(checksum_sha256=ABSENT, checksum="0" * 40),
    "checksum null": lambda make: make(checksum_sha256=None),
    "checksum an integer": lambda make: make(checksum_sha256=int(sha256(BODY), 16)),
    "checksum a list": lambda make: make(checksum_sha256=[sha256(BODY)]),
    "signature empty": lambda make: make(sign=lambda _: b""),
    "signature all zeros": lambda make: make(sign=lambda signed: bytes(len(es256()(signed)))),
    "signature cut": lambda make: make()[:-4],
    "signature longer": lambda make: make() + "AAAA",
    "signature of another token": lambda make: resegmented(make(), lambda parts: [*parts[:2], make(x=1).split(".")[2]]),
    "claims of another token": lambda make: resegmented(make(), lambda p: [p[0], make(x=1).split(".")[1], p[2]]),
    "spare bits set in the signature": lambda make: with_spare_bits(make()),
    "padding": lambda make: make() + "=",
    "padding of two": lambda make: make() + "==",
    "padding inside": lambda make: resegmented(make(), lambda parts: [parts[0] + "=", *parts[1:]]),
    "the plus and slash alphabet": in_plain_base64,
    "a newline inside": lambda make: make()[:40] + "\n" + make()[40:],
    "a newline at the end": lambda make: make() + "\n",
    "a space before": lambda make: " " + make(),
    "a space at the end": lambda make: make() + " ",
    "a tab inside": lambda make: make()[:40] + "\t" + make()[40:],
    "a NUL at the end": lambda make: make() + "\x00",
    "a quoted token": lambda make: f'"{make()}"',
    "Bearer before it": lambda make: f"Bearer {make()}",
    "junk that a lenient decoder skips": lambda make: make()[:40] + "!" + make()[40:],
    "a character beyond ASCII": lambda make: make()[:40] + "ø" + make()[41:],
    "a full-width letter": lambda make: make()[:-1] + "\uff21",
    "an empty header": lambda make: resegmented(make(), lambda parts: ["", *parts[1:]]),
    "an empty payload": lambda make: resegmented(make(), lambda parts: [parts[0], "", parts[2]]),
    "one segment": lambda _: "token",
    "two segments": lambda make: resegmented(make(), lambda parts: parts[:2]),
    "four segments": lambda make: make() + ".AAAA",
    "five segments, as of encryption": lambda make: make() + ".AAAA.AAAA",
    "dots alone": lambda _: "..",
    "segments of one character": lambda _: "a.b.c",
}


@pytest.mark.parametrize("scheme", [BY_SECRET, BY_KEY])
@pytest.mark.parametrize("forgery", FORGERIES_OF_ANY.values(), ids=FORGERIES_OF_ANY)
def test_a_forgery_is_an_invalid_signature_in_either_header(scheme: str, forgery: Callable[[Make], str]) -> None:
    with pytest.raises(SignatureInvalid):
        prove({scheme: forgery(by_secret if scheme == BY_SECRET else by_key)})


FORGERIES_BY_SECRET = {
    "another secret": secret_token(BODY, WRONG_SECRET),
    "the empty secret": secret_token(BODY, ""),
    "the secret with a newline": secret_token(BODY, SECRET + "\n"),
    "our public key as the secret": by_secret(sign=hs256(PUBLIC_PEM)),
    "our public key's JWK as the secret": by_secret(sign=hs256(json.dumps(jwk()))),
    "a token for the other header": key_token(BODY),
    "an ES256 token that says HS256": by_secret(sign=es256()),
    "a signature of SHA-512 that says HS256": by_secret(sign=hs256(digest="sha512")),
    "origin of no command": by_secret(origin="live"),
    "origin null": by_secret(origin=None),
    "origin a list": by_secret(origin=["replay"]),
    "origin twice": with_member(by_secret, '"origin": "replay"', origin="replay"),
}
FORGERIES_BY_KEY = {
    "another key": by_key(sign=es256(STRANGERS_KEY)),
    "another curve": by_key(sign=lambda signed: ec.generate_private_key(ec.SECP384R1()).sign(signed, ec.ECDSA(HASH))),
    "our public key as a secret, and says HS256": by_key({"alg": "HS256"}, hs256(PUBLIC_PEM)),
    "our public key as a secret, and says ES256": by_key(sign=hs256(PUBLIC_PEM)),
    "our secret, and says ES256": by_key(sign=hs256()),
    "a token for the other header": secret_token(BODY),
    "a kid that DT does not have": by_key({"kid": "another-key"}),
}
FORGERIES_BEFORE_ANY_KEY = {
    "kid empty": by_key({"kid": ""}),
    "kid missing": by_key({"kid": ABSENT}),
    "another organization": by_key(sub="another-organization"),
    "another organization, ours within": by_key(sub=ORGANIZATION_ID + "x"),
    "our organization in upper case": by_key(sub=ORGANIZATION_ID.upper()),
    "our organization's long name": by_key(sub=f"organizations/{ORGANIZATION_ID}"),
    "sub missing": by_key(sub=ABSENT),
    "sub null": by_key(sub=None),
    "sub a list": by_key(sub=[ORGANIZATION_ID]),
    "another issuer": by_key(iss="https://identity.example.com/data-connector"),
    "our issuer with a slash": by_key(iss=ISSUER + "/"),
    "part of our issuer": by_key(iss=ISSUER[:-1]),
    "iss missing": by_key(iss=ABSENT),
    "iss a list": by_key(iss=[ISSUER]),
}


@pytest.mark.parametrize("token", FORGERIES_BY_SECRET.values(), ids=FORGERIES_BY_SECRET)
def test_a_forged_token_of_a_secret_is_invalid(token: str) -> None:
    with pytest.raises(SignatureInvalid):
        prove({BY_SECRET: token})


@pytest.mark.parametrize("token", FORGERIES_BY_KEY.values(), ids=FORGERIES_BY_KEY)
def test_a_forged_token_of_dts_own_key_is_invalid(token: str) -> None:
    with pytest.raises(SignatureInvalid):
        prove({BY_KEY: token})


@pytest.mark.parametrize("token", FORGERIES_BEFORE_ANY_KEY.values(), ids=FORGERIES_BEFORE_ANY_KEY)
def test_a_token_for_another_organization_is_invalid_and_fetches_no_key(token: str) -> None:
    keys = FakeKeys()
    with pytest.raises(SignatureInvalid):
        prove({BY_KEY: token}, keys=keys)
    assert keys.asked == []


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({BY_KEY: by_key(sub="another-organization")}, "another issuer's token, or another organization's"),
        ({BY_KEY: by_key({"kid": ABSENT})}, "the token names no key"),
        ({BY_SECRET: by_secret(origin="live")}, "origin is not replay or backfill"),
        ({}, "no signature header that is there once and short enough"),
    ],
)
def test_the_error_says_what_is_wrong(headers: dict[str, str | Sequence[str]], words: str) -> None:
    with pytest.raises(ProofError) as caught:
        prove(headers)
    assert str(caught.value) == words


MISMATCHES = {
    "checksum in upper case": sha256(BODY).upper(),
    "checksum cut": sha256(BODY)[:-1],
    "checksum empty": "",
    "checksum of another body": sha256(b""),
    "checksum with a space": sha256(BODY) + " ",
    "checksum beyond ASCII": "ø" + sha256(BODY)[1:],
    "checksum with a lone surrogate": "\ud800" + sha256(BODY)[1:],
}


@pytest.mark.parametrize("make", [by_secret, by_key])
@pytest.mark.parametrize("checksum", MISMATCHES.values(), ids=MISMATCHES)
def test_a_proven_token_with_another_checksum_is_a_mismatch(make: Make, checksum: str) -> None:
    with pytest.raises(ChecksumMismatch):
        prove({BY_SECRET if make is by_secret else BY_KEY: make(checksum_sha256=checksum)})


@pytest.mark.parametrize("make", [by_secret, by_key])
def test_a_proven_token_from_the_future_means_that_the_clock_is_behind(make: Make) -> None:
    with pytest.raises(ClockBehind):
        prove({BY_SECRET if make is by_secret else BY_KEY: make(iat=NOW + 61, exp=NOW + 300)})


@pytest.mark.parametrize("make", [by_secret, by_key])
def test_a_proven_token_that_has_expired_is_verified_as_expired(make: Make) -> None:
    header = BY_SECRET if make is by_secret else BY_KEY
    assert prove({header: make(iat=NOW - 300, exp=NOW - 59)}).expired is False
    assert prove({header: make(iat=NOW - 300, exp=NOW - 60)}).expired is True


@pytest.mark.parametrize("life_s", [1, 7200])
def test_the_longest_and_the_shortest_validity_are_accepted(life_s: int) -> None:
    assert prove({BY_SECRET: by_secret(exp=NOW + life_s)}) == Verified(BODY, 0, expired=False)
    assert prove({BY_KEY: by_key(exp=NOW + life_s)}) == Verified(BODY, None, expired=False)


def test_a_token_of_dt_is_verified_with_the_index_of_the_secret_or_none_for_the_key() -> None:
    by_library = signing.sign_with_secret(signing.secret_claims(BODY, now=NOW), OLD_SECRET)
    assert prove({BY_SECRET: by_library}, secrets=FakeSecrets(SECRET, OLD_SECRET)) == Verified(BODY, 1, expired=False)
    claims = signing.organization_claims(BODY, now=NOW, issuer=ISSUER, organization_id=ORGANIZATION_ID)
    by_library = signing.sign_with_key(claims, PRIVATE_KEY, KEY_ID)
    assert prove({BY_KEY: by_library}) == Verified(BODY, None, expired=False)


def of_length(length: int) -> str:
    """Return a valid token of exactly this many characters."""
    for header in ({}, {"kid": "x"}, {"kid": "xx"}):
        for pad in range(length):
            token = by_secret(header, pad="x" * pad)
            if len(token) >= length:
                break
        if len(token) == length:
            return token
    raise AssertionError(length)


def test_a_token_of_4096_characters_is_read_and_one_of_4097_counts_as_none() -> None:
    assert prove({BY_SECRET: of_length(MAX_TOKEN_BYTES)}).secret_index == 0
    with pytest.raises(Unsigned):
        prove({BY_SECRET: of_length(MAX_TOKEN_BYTES + 1)})


UNSIGNED: dict[str, dict[str, str | Sequence[str]]] = {
    "no header": {},
    "an empty header": {BY_SECRET: ""},
    "a header without a value": {BY_SECRET: []},
    "other headers": {"authorization": secret_token(BODY), "x-dt-signature-2": secret_token(BODY)},
    "a repeated header": {BY_SECRET: [secret_token(BODY), secret_token(BODY)]},
    "a repeated header of the key": {BY_KEY: [key_token(BODY), key_token(BODY)]},
    "repeated values joined by a comma": {BY_SECRET: f"{secret_token(BODY)},{secret_token(BODY)}"},
    "values joined by comma and space": {BY_KEY: f"{key_token(BODY)}, junk"},
    "a megabyte": {BY_SECRET: "a" * 1_000_000},
}


@pytest.mark.parametrize("headers", UNSIGNED.values(), ids=UNSIGNED)
def test_a_request_without_one_usable_signature_header_is_unsigned(headers: dict[str, str | Sequence[str]]) -> None:
    with pytest.raises(Unsigned):
        prove(headers)


@pytest.mark.parametrize("header", [BY_SECRET, BY_KEY])
def test_a_scheme_that_is_not_configured_counts_as_absent(header: str) -> None:
    both = schemes(FakeSecrets(), FakeKeys())
    verifier = Verifier([scheme for scheme in both if scheme.header != header], now=FakeClock(), leeway_s=60)
    with pytest.raises(Unsigned):
        verifier.tokens({header: ["token"]})


def test_an_unusable_header_of_one_scheme_does_not_affect_the_other() -> None:
    assert prove({BY_SECRET: ["a", "b"], BY_KEY: key_token(BODY)}) == Verified(BODY, None, expired=False)
    assert prove({BY_SECRET: "a" * 5000, BY_KEY: key_token(BODY)}) == Verified(BODY, None, expired=False)


def test_a_request_that_the_secret_proves_fetches_no_key() -> None:
    keys = FakeKeys(fails=KeysUnavailable(""))
    assert prove({BY_KEY: key_token(BODY), BY_SECRET: secret_token(BODY)}, keys=keys) == Verified(
        BODY, 0, expired=False
    )
    assert keys.asked == []


FAILING_TOKENS = ["junk", secret_token(BODY, WRONG_SECRET), secret_token(b""), secret_token(BODY, iat=NOW + 99)]


@pytest.mark.parametrize("failing", FAILING_TOKENS)
def test_one_scheme_that_verifies_in_full_is_sufficient(failing: str) -> None:
    assert prove({BY_SECRET: failing, BY_KEY: key_token(BODY)}) == Verified(BODY, None, expired=False)


def test_one_scheme_that_has_not_expired_is_sufficient() -> None:
    old = secret_token(BODY, iat=NOW - 3600, exp=NOW - 60)
    assert prove({BY_SECRET: old, BY_KEY: key_token(BODY)}) == Verified(BODY, None, expired=False)
    assert prove({BY_SECRET: old, BY_KEY: "junk"}) == Verified(BODY, 0, expired=True)


REPLAYED = secret_token(BODY, origin="replay")
OLD: dict[str, Any] = {"iat": NOW - 3600, "exp": NOW - 60}


@pytest.mark.parametrize(
    ("headers", "verified"),
    [
        ({BY_SECRET: REPLAYED}, Verified(BODY, 0, expired=False, origin="replay")),
        ({BY_SECRET: secret_token(BODY, origin="backfill")}, Verified(BODY, 0, expired=False, origin="backfill")),
        ({BY_SECRET: secret_token(BODY, origin="replay", **OLD)}, Verified(BODY, 0, expired=True, origin="replay")),
        ({BY_KEY: key_token(BODY, origin="replay")}, Verified(BODY, None, expired=False)),
        ({BY_KEY: key_token(BODY, origin=[])}, Verified(BODY, None, expired=False)),
        ({BY_KEY: key_token(BODY, origin="replay", **OLD)}, Verified(BODY, None, expired=True)),
    ],
)
def test_only_a_token_that_a_secret_made_has_an_origin(headers: dict[str, Any], verified: Verified) -> None:
    assert prove(headers) == verified


BY_SECRET_FIRST = Verified(BODY, 0, expired=False, origin="replay")
BY_KEY_ALONE = Verified(BODY, None, expired=False)


@pytest.mark.parametrize(
    ("by_secret_token", "by_key_token", "verified"),
    [
        (REPLAYED, key_token(BODY), BY_SECRET_FIRST),
        (REPLAYED, key_token(BODY, origin="backfill"), BY_SECRET_FIRST),
        (REPLAYED, "junk", BY_SECRET_FIRST),
        (secret_token(BODY), key_token(BODY, origin="replay"), Verified(BODY, 0, expired=False)),
        (secret_token(BODY, origin="live"), key_token(BODY), BY_KEY_ALONE),
        (secret_token(BODY, WRONG_SECRET, origin="replay"), key_token(BODY), BY_KEY_ALONE),
        (secret_token(b"another", origin="replay"), key_token(BODY), BY_KEY_ALONE),
        (secret_token(BODY, origin="replay", **OLD), key_token(BODY), BY_KEY_ALONE),
        (
            secret_token(BODY, origin="replay", **OLD),
            key_token(BODY, **OLD),
            Verified(BODY, 0, expired=True, origin="replay"),
        ),
        (secret_token(BODY, **OLD), key_token(BODY, origin="replay", **OLD), Verified(BODY, 0, expired=True)),
    ],
)
def test_the_origin_is_that_of_the_token_that_proved_the_body(
    by_secret_token: str, by_key_token: str, verified: Verified
) -> None:
    assert prove({BY_SECRET: by_secret_token, BY_KEY: by_key_token}) == verified


@pytest.mark.parametrize(
    ("by_secret_token", "by_key_token", "error"),
    [
        ("junk", key_token(b""), ChecksumMismatch),
        (secret_token(b""), "junk", ChecksumMismatch),
        (secret_token(b""), key_token(BODY, iat=NOW + 99), ClockBehind),
        (secret_token(BODY, iat=NOW + 99), key_token(b""), ClockBehind),
        ("junk", "junk", SignatureInvalid),
    ],
)
def test_the_failure_with_the_higher_precedence_is_raised(
    by_secret_token: str, by_key_token: str, error: type[ProofError]
) -> None:
    with pytest.raises(error):
        prove({BY_SECRET: by_secret_token, BY_KEY: by_key_token})


@pytest.mark.parametrize("token", FAILING_TOKENS)
def test_unavailable_keys_have_precedence_over_every_other_failure(token: str) -> None:
    with pytest.raises(KeysUnavailable):
        prove({BY_SECRET: token, BY_KEY: key_token(BODY)}, keys=FakeKeys(fails=KeysUnavailable("")))


def test_unavailable_secrets_are_keys_unavailable() -> None:
    with pytest.raises(KeysUnavailable):
        prove({BY_SECRET: secret_token(BODY)}, secrets=FakeSecrets(fails=KeysUnavailable("")))


def test_a_signature_that_no_secret_made_is_tried_once_more_with_the_secrets_after_a_miss() -> None:
    secrets = FakeSecrets(OLD_SECRET, after_miss=[SECRET, OLD_SECRET])
    assert prove({BY_SECRET: secret_token(BODY)}, secrets=secrets) == Verified(BODY, 0, expired=False)
    assert secrets.asked == ["secrets", "after miss"]


@pytest.mark.parametrize("token", ["junk", by_key(), by_secret({"alg": "none"})])
def test_a_malformed_token_reads_no_secret(token: str) -> None:
    secrets = FakeSecrets()
    with pytest.raises(SignatureInvalid):
        prove({BY_SECRET: token}, secrets=secrets)
    assert secrets.asked == []


@given(st.text(min_size=1, max_size=200) | st.text("eyJ0hb.=-_", min_size=1, max_size=200))
@thorough
def test_any_headers_verify_or_raise_a_proof_error(text: str) -> None:
    with pytest.raises(ProofError):
        prove({BY_SECRET: text, BY_KEY: text})


@given(st.sampled_from([BY_SECRET, BY_KEY]), st.data())
@thorough
def test_one_changed_bit_in_a_header_never_verifies(header: str, data: st.DataObject) -> None:
    flipped = bytearray((secret_token(BODY) if header == BY_SECRET else key_token(BODY)).encode())
    bit = data.draw(st.integers(0, 8 * len(flipped) - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProofError):
        prove({header: flipped.decode("latin-1")})
