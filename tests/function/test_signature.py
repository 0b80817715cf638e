"""signature: the format and the times of valid tokens, and that the module raises nothing but ``ProofError``.

The table of forgeries for both schemes is in ``test_verifier.py``.
"""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.utils import base64url_decode

from function.errors import ChecksumMismatch, ClockBehind, ProofError, SignatureInvalid
from function.key_source import Es256Key
from function.signature import (
    MAX_LIFETIME_S,
    MAX_TOKEN_BYTES,
    Token,
    parse_token,
    verify_body,
    verify_key,
    verify_secret,
)
from tests.function.builders import (
    ABSENT,
    NOW,
    OLD_SECRET,
    PRIVATE_KEY,
    SECRET,
    STRANGERS_KEY,
    WRONG_SECRET,
    base64url,
    body,
    es256,
    forged,
    hs256,
    key_claims,
    key_header,
    key_token,
    secret_claims,
    secret_header,
    secret_token,
    sha256,
    thorough,
)

BODY = body()
LEEWAY_S = 60

KNOWN_TOKEN = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"
    ".eyJjaGVja3N1bV9zaGEyNTYiOiI0NDEzNmZhMzU1YjM2NzhhMTE0NmFkMTZmN2U4NjQ5ZTk0ZmI0ZmMyMWZlNzdlODMxMGMwNjBmNjFjYWFmZj"
    "hhIiwiZXhwIjoxNzYwMDAzNjAwLCJpYXQiOjE3NjAwMDAwMDB9"
    "._qeNhTdzoVsOr08B6-cQRRsqaI1MESdJwdj8cpqrFNU"
)
"""A known token for the body ``{}`` and the secret SECRET, made once."""


def token(**changes: Any) -> Token:
    return parse_token(secret_token(BODY, **changes), "HS256")


@pytest.mark.parametrize("origin", ["replay", "backfill"])
def test_the_origin_of_a_token_that_a_secret_made_is_read(origin: str) -> None:
    assert token(origin=origin).origin == origin
    assert token().origin is None


NO_ORIGINS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    1.5,
    "",
    "live",
    "Replay",
    "replay ",
    "replay\x00",
    "backfills",
    [],
    ["replay"],
    {},
)
"""Values of every type of JSON that are neither ``replay`` nor ``backfill``."""


@pytest.mark.parametrize("value", [*NO_ORIGINS, {"replay": 1}, "\ud800", "x" * 2000, [["replay"]]], ids=repr)
def test_any_other_origin_is_a_malformed_token(value: Any) -> None:
    with pytest.raises(SignatureInvalid, match=r"^(origin is not replay or backfill|a segment is not)"):
        token(origin=value)


@pytest.mark.parametrize("value", ["replay", *NO_ORIGINS], ids=repr)
def test_an_origin_that_dts_own_key_has_signed_is_ignored(value: Any) -> None:
    assert parse_token(key_token(BODY, origin=value), "ES256").origin is None


def test_a_known_token_verifies() -> None:
    known = parse_token(KNOWN_TOKEN, "HS256")
    assert verify_secret(known, [SECRET.encode()]) == 0
    assert verify_body(known, b"{}", now=1_760_000_000, leeway_s=0) is False


def test_a_parsed_token_has_its_claims() -> None:
    text = key_token(BODY)
    read = parse_token(text, "ES256")
    signed, _, _ = text.rpartition(".")
    assert read.signed == signed.encode()
    assert len(read.signature) == 64
    assert (read.key_id, read.issued_at, read.expires_at) == ("key-of-2026", NOW, NOW + 300)
    assert (read.subject, read.checksum) == ("ch4r7s9k2r7g00fq5b1g", sha256(BODY))


@pytest.mark.parametrize("secrets", [(SECRET, OLD_SECRET), (OLD_SECRET, SECRET), (OLD_SECRET, WRONG_SECRET, SECRET)])
def test_the_index_of_the_secret_that_made_the_token_is_returned(secrets: tuple[str, ...]) -> None:
    assert verify_secret(token(), [secret.encode() for secret in secrets]) == secrets.index(SECRET)


@pytest.mark.parametrize("secrets", [[], [WRONG_SECRET.encode()], [SECRET.encode()[:-1]], [SECRET.encode() + b"x"]])
def test_a_token_that_no_secret_made_is_invalid(secrets: list[bytes]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_secret(token(), secrets)


def test_a_key_proves_its_own_tokens_and_no_others() -> None:
    read = parse_token(key_token(BODY), "ES256")
    verify_key(read, Es256Key(PRIVATE_KEY.public_key()))
    with pytest.raises(SignatureInvalid):
        verify_key(read, Es256Key(STRANGERS_KEY.public_key()))


@pytest.mark.parametrize("signature", [b"", b"\x00" * 64, b"\xff" * 64, b"\x01" * 63, b"\x01" * 65, b"\x30" * 71])
def test_a_signature_of_any_length_is_invalid(signature: bytes) -> None:
    read = parse_token(forged(key_header(), key_claims(BODY), lambda _: signature), "ES256")
    with pytest.raises(SignatureInvalid):
        verify_key(read, Es256Key(PRIVATE_KEY.public_key()))


def test_a_der_signature_is_not_an_es256_signature() -> None:
    def in_der(signed: bytes) -> bytes:
        return PRIVATE_KEY.sign(signed, ec.ECDSA(hashes.SHA256()))

    with pytest.raises(SignatureInvalid):
        verify_key(
            parse_token(forged(key_header(), key_claims(BODY), in_der), "ES256"), Es256Key(PRIVATE_KEY.public_key())
        )


@pytest.mark.parametrize(("ahead_s", "is_taken"), [(0, True), (LEEWAY_S, True), (LEEWAY_S + 1, False)])
def test_a_token_may_be_ahead_of_the_clock_by_exactly_the_leeway(ahead_s: int, *, is_taken: bool) -> None:
    ahead = token(iat=NOW + ahead_s, exp=NOW + 3600)
    if is_taken:
        assert verify_body(ahead, BODY, now=NOW, leeway_s=LEEWAY_S) is False
    else:
        with pytest.raises(ClockBehind):
            verify_body(ahead, BODY, now=NOW, leeway_s=LEEWAY_S)


@pytest.mark.parametrize(
    ("age_s", "is_expired"),
    [(-1, False), (0, False), (LEEWAY_S - 1, False), (LEEWAY_S, True), (LEEWAY_S + 1, True), (10**9, True)],
)
def test_a_token_expires_a_leeway_after_its_exp(age_s: int, *, is_expired: bool) -> None:
    old = token(iat=NOW - 3600, exp=NOW)
    assert verify_body(old, BODY, now=NOW + age_s, leeway_s=LEEWAY_S) is is_expired


def test_fractions_of_the_clock_count() -> None:
    old = token(iat=NOW - 3600, exp=NOW)
    assert verify_body(old, BODY, now=NOW + LEEWAY_S - 0.001, leeway_s=LEEWAY_S) is False
    with pytest.raises(ClockBehind):
        verify_body(token(), BODY, now=NOW - 0.001, leeway_s=0)


@pytest.mark.parametrize(("ahead_s", "is_taken"), [(0, True), (LEEWAY_S, True), (LEEWAY_S + 0.25, False)])
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_fractions_of_the_tokens_times_count(claim: str, ahead_s: float, *, is_taken: bool) -> None:
    ahead = token(**{"iat": NOW - 0.5, "exp": NOW + 3599.5, claim: NOW + float(ahead_s)})
    if is_taken:
        assert verify_body(ahead, BODY, now=NOW, leeway_s=LEEWAY_S) is False
    else:
        with pytest.raises(ClockBehind):
            verify_body(ahead, BODY, now=NOW, leeway_s=LEEWAY_S)


@pytest.mark.parametrize(("exp", "is_expired"), [(NOW - LEEWAY_S, True), (NOW - LEEWAY_S + 0.25, False)])
def test_a_fraction_of_exp_counts(exp: float, *, is_expired: bool) -> None:
    assert verify_body(token(iat=NOW - 3600.5, exp=exp), BODY, now=NOW, leeway_s=LEEWAY_S) is is_expired


def test_a_whole_number_may_be_written_with_a_zero_fraction() -> None:
    whole, written = token(), token(iat=float(NOW), exp=float(NOW + 3600))
    assert (written.issued_at, written.expires_at) == (whole.issued_at, whole.expires_at)


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [True, False, "1760000000", [NOW], {"s": NOW}, None])
def test_a_time_that_is_not_a_number_is_invalid(claim: str, value: object) -> None:
    with pytest.raises(SignatureInvalid, match=f"{claim} is not a number of seconds"):
        token(**{claim: value})


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity"])
def test_a_time_that_is_not_finite_is_invalid(claim: str, number: bytes) -> None:
    claims = json.dumps(secret_claims(BODY, **{claim: "number"})).encode().replace(b'"number"', number)
    with pytest.raises(SignatureInvalid):
        parse_token(forged(secret_header(), claims, hs256()), "HS256")


@pytest.mark.parametrize("iat", [1.5, -1e300, 1e300, 10**1000], ids=["small", "early", "large", "huge"])
@pytest.mark.parametrize("exp", [1.5, 1e300, 10**1000, -(10**1000)], ids=["small", "large", "huge", "long ago"])
def test_times_of_very_different_size_are_invalid(iat: float, exp: float) -> None:
    with pytest.raises(SignatureInvalid, match="not valid for up to"):
        token(iat=iat, exp=exp)


def test_a_token_without_nbf_is_valid_from_its_iat() -> None:
    assert token().not_before == NOW
    assert token(nbf=NOW - 7.5).not_before == NOW - 7.5


def test_nbf_before_iat_makes_a_token_valid_no_earlier() -> None:
    with pytest.raises(ClockBehind):
        verify_body(token(iat=NOW + 61, exp=NOW + 3600, nbf=NOW), BODY, now=NOW, leeway_s=LEEWAY_S)


@pytest.mark.parametrize("audience", ["https://another.example", ["a", "b"], None, 7, []])
def test_an_added_audience_does_not_reject_the_token(audience: object) -> None:
    assert verify_body(token(aud=audience), BODY, now=NOW, leeway_s=LEEWAY_S) is False


@pytest.mark.parametrize("life_s", [0.25, 1, 300, 3600, MAX_LIFETIME_S])
def test_a_token_may_be_valid_for_two_hours(life_s: float) -> None:
    assert token(exp=NOW + life_s).expires_at == NOW + life_s


@pytest.mark.parametrize(
    "life_s",
    [-1, -0.25, 0, MAX_LIFETIME_S + 0.25, MAX_LIFETIME_S + 1, 100 * 365 * 86400, 10**2000],
    ids=["before", "just before", "none", "a quarter", "a second", "a century", "ages"],
)
def test_a_token_that_is_valid_for_longer_or_never_is_invalid(life_s: float) -> None:
    with pytest.raises(SignatureInvalid):
        token(exp=NOW + life_s)


@pytest.mark.parametrize("epoch", [10**1000, -(10**1000)], ids=["early", "late"])
def test_times_beyond_any_calendar_are_in_the_future_or_expired(epoch: int) -> None:
    beyond = token(iat=epoch, exp=epoch + 60, checksum=ABSENT)
    if epoch < 0:
        assert verify_body(beyond, BODY, now=NOW, leeway_s=LEEWAY_S) is True
    else:
        with pytest.raises(ClockBehind):
            verify_body(beyond, BODY, now=NOW, leeway_s=LEEWAY_S)


def test_a_token_over_4096_characters_is_invalid_even_with_a_valid_signature() -> None:
    with pytest.raises(SignatureInvalid, match="compact"):
        token(pad="x" * MAX_TOKEN_BYTES)


KNOWN = parse_token(KNOWN_TOKEN, "HS256")
IN_WORDS: dict[str, Callable[[], object]] = {
    "not a compact token of three segments": lambda: parse_token("a.b", "HS256"),
    "a segment is not base64url": lambda: parse_token("a.b.c", "HS256"),
    "a segment is not canonical base64url": lambda: parse_token(KNOWN_TOKEN[:-1] + "V", "HS256"),
    "a segment is not one strict JSON object": lambda: parse_token("bm8.bm8.bm8", "HS256"),
    "the algorithm is not ES256": lambda: parse_token(KNOWN_TOKEN, "ES256"),
    "a header member that no token of DT has": lambda: parse_token(
        forged(secret_header(crit=[]), secret_claims(BODY), hs256()), "HS256"
    ),
    "iat is not a number of seconds": lambda: token(iat="1.5"),
    "exp is not a number of seconds": lambda: token(exp=None),
    "nbf is not a number of seconds": lambda: token(nbf=None),
    "not valid for up to 7200 seconds": lambda: token(exp=NOW),
    "no checksum_sha256": lambda: token(checksum_sha256=ABSENT),
    "made with none of our secrets": lambda: verify_secret(KNOWN, []),
    "not made with the key that it names": lambda: verify_key(KNOWN, Es256Key(PRIVATE_KEY.public_key())),
    "the body's SHA-256 is not the one in the token": lambda: verify_body(KNOWN, b"", now=NOW, leeway_s=0),
    "issued more than 7 s ahead of our clock": lambda: verify_body(KNOWN, b"{}", now=NOW - 8, leeway_s=7),
    "valid only from more than 7 s ahead of our clock": lambda: verify_body(
        token(nbf=NOW + 8), BODY, now=NOW, leeway_s=7
    ),
}


@pytest.mark.parametrize(("words", "refused"), IN_WORDS.items(), ids=IN_WORDS)
def test_the_error_says_what_is_wrong(words: str, refused: Callable[[], object]) -> None:
    with pytest.raises(ProofError) as caught:
        refused()
    assert str(caught.value) == words


@pytest.mark.parametrize("content", [b"", BODY + b"\n", BODY[:-1], BODY.replace(b"24.9", b"24.8")])
def test_another_body_is_a_mismatch(content: bytes) -> None:
    with pytest.raises(ChecksumMismatch):
        verify_body(token(), content, now=NOW, leeway_s=LEEWAY_S)


def test_a_checksum_mismatch_has_precedence_over_the_time() -> None:
    with pytest.raises(ChecksumMismatch):
        verify_body(token(iat=NOW + 900, exp=NOW + 960), b"", now=NOW, leeway_s=LEEWAY_S)


def test_unknown_members_are_ignored() -> None:
    claims = secret_claims(BODY, aud=["x"], sub=7, nbf=NOW + 9999, jti=None, future={"a": [1.5, None]})
    text = forged(secret_header(typ=ABSENT, kid="x", cty="JWT"), claims, hs256())
    assert verify_secret(parse_token(text, "HS256"), [SECRET.encode()]) == 0


@given(st.text(max_size=300), st.sampled_from(["HS256", "ES256"]))
@example("..", "HS256")
@example("\ud800.\ud800.\ud800", "HS256")
@thorough
def test_any_text_parses_or_raises_signature_invalid(text: str, algorithm: str) -> None:
    with pytest.raises(SignatureInvalid):
        parse_token(text, algorithm)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["HS256", "exp", NOW]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=3,
)
names = st.sampled_from(["alg", "typ", "kid", "crit", "exp", "iat", "iss", "sub", "checksum_sha256"])


@given(st.dictionaries(names, json_values, max_size=2), st.dictionaries(names, json_values, max_size=3))
@thorough
def test_any_signed_content_verifies_or_raises_a_proof_error(
    header: dict[str, object], claims: dict[str, object]
) -> None:
    text = forged({**secret_header(), **header}, {**secret_claims(BODY), **claims}, hs256())
    try:
        read = parse_token(text, "HS256")
        assert verify_secret(read, [SECRET.encode()]) == 0
        assert verify_body(read, BODY, now=NOW, leeway_s=LEEWAY_S) in {True, False}
    except ProofError:
        pass


@given(st.data())
@thorough
def test_one_changed_bit_of_token_or_body_never_verifies(data: st.DataObject) -> None:
    text, content = secret_token(BODY).encode("latin-1"), BODY
    bit = data.draw(st.integers(0, 8 * (len(text) + len(content)) - 1))
    flipped = bytearray(text + content)
    flipped[bit // 8] ^= 1 << bit % 8
    text, content = bytes(flipped[: len(text)]), bytes(flipped[len(text) :])
    with pytest.raises(ProofError):
        proven(text.decode("latin-1"), content)


@given(st.data())
@thorough
def test_one_changed_bit_of_an_es256_token_never_verifies(data: st.DataObject) -> None:
    flipped = bytearray(KEY_TOKEN)
    bit = data.draw(st.integers(0, 8 * len(flipped) - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProofError):
        verify_key(parse_token(flipped.decode("latin-1"), "ES256"), Es256Key(PRIVATE_KEY.public_key()))


KEY_TOKEN = key_token(BODY).encode("latin-1")


def proven(text: str, content: bytes) -> bool:
    read = parse_token(text, "HS256")
    verify_secret(read, [SECRET.encode()])
    return verify_body(read, content, now=NOW, leeway_s=LEEWAY_S)


times = (
    st.integers(NOW - 4000, NOW + 4000)
    | st.floats(NOW - 4000, NOW + 4000)
    | st.sampled_from([NOW, NOW + 60, NOW + 60.5, NOW + 61, NOW - 59.5, NOW - 60, NOW - 61, 1.5, "1"])
)
changed_claims = st.fixed_dictionaries(
    {},
    optional={
        "iat": times | json_values,
        "exp": times | json_values,
        "nbf": times | json_values,
        "checksum_sha256": st.sampled_from([sha256(BODY), sha256(b""), None, 5]),
        "aud": json_values,
    },
)
changed_headers = st.fixed_dictionaries(
    {}, optional={"alg": st.sampled_from(["none", "HS256", "HS384", None, []]), "kid": json_values, "crit": json_values}
)


@given(changed_headers, changed_claims, st.sampled_from([SECRET, WRONG_SECRET]))
@example({}, {"aud": float("inf")}, SECRET)
@example({"x": [float("nan")]}, {}, SECRET)
@thorough
def test_every_token_that_verifies_here_also_verifies_with_a_jwt_library(
    header: dict[str, object], claims: dict[str, object], secret: str
) -> None:
    text = forged({**secret_header(), **header}, {**secret_claims(BODY), **claims}, hs256(secret))
    try:
        is_good = not proven(text, BODY)
    except ProofError:
        is_good = False
    assert is_good == reference_verdict(text)


def reference_verdict(text: str) -> bool:
    """Return whether PyJWT accepts a token. Its missing checks and the times are added: the clock stands still."""
    off = {f"verify_{name}": False for name in ("aud", "sub", "jti", "nbf", "iat", "exp", "iss")}
    options = {**off, "require": ["exp", "iat", "checksum_sha256"], "enforce_minimum_key_length": True}
    try:
        claims = jwt.decode(text, SECRET, algorithms=["HS256"], options=options)  # type: ignore[arg-type]
    except jwt.PyJWTError:
        return False
    if not all(is_standard_json(base64url_decode(part)) for part in text.split(".")[:2]):
        return False
    issued_at, expires_at, not_before = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
    return (
        all(
            type(time) is int or (type(time) is float and abs(time) < 1e999)
            for time in (issued_at, expires_at, not_before)
        )
        and issued_at < expires_at <= issued_at + 7200
        and max(issued_at, not_before) <= NOW + LEEWAY_S
        and expires_at > NOW - LEEWAY_S
        and claims["checksum_sha256"] == sha256(BODY)
    )


def is_standard_json(content: bytes) -> bool:
    """Return whether content has none of the words that Python's json adds to JSON: NaN, Infinity, -Infinity."""
    added: list[str] = []
    json.loads(content, parse_constant=added.append)
    return not added


@pytest.mark.parametrize("member", ["alg", "typ", "kid"])
def test_a_repeated_header_member_is_invalid_even_if_both_values_agree(member: str) -> None:
    twice = json.dumps(secret_header(kid="x"))[:-1] + f', "{member}": "{secret_header(kid="x")[member]}"}}'
    with pytest.raises(SignatureInvalid):
        parse_token(forged(twice.encode(), secret_claims(BODY), hs256()), "HS256")


def test_white_space_in_the_json_of_a_segment_is_ignored() -> None:
    text = forged(b' { "alg" : "HS256" } \n', secret_claims(BODY), hs256())
    assert verify_secret(parse_token(text, "HS256"), [SECRET.encode()]) == 0


def test_an_unpadded_segment_is_decoded_at_each_length() -> None:
    for length in range(4):
        claims = secret_claims(BODY, pad="x" * length)
        text = forged(secret_header(), claims, hs256())
        assert base64url(json.dumps(claims).encode()) in text
        assert verify_secret(parse_token(text, "HS256"), [SECRET.encode()]) == 0


def test_an_es256_token_is_invalid_as_hs256_and_vice_versa() -> None:
    with pytest.raises(SignatureInvalid, match="not HS256"):
        parse_token(key_token(BODY), "HS256")
    with pytest.raises(SignatureInvalid, match="not ES256"):
        parse_token(secret_token(BODY), "ES256")
    assert es256()(b"x") != es256()(b"x")  # ES256 signatures are random, so no test may compare two
