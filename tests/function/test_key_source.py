"""key_source: when DT's keys are fetched, which keys are used, and what a failing issuer causes."""

import asyncio
import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from function.errors import KeysUnavailable, SignatureInvalid
from function.key_source import (
    FETCH_TIMEOUT_S,
    KEEP_S,
    MAX_DOCUMENT_BYTES,
    RETRY_S,
    UNKNOWN_KEY_S,
    KeySource,
    fetch_document,
)
from function.signature import parse_token, verify_key
from tests.function.builders import ISSUER, KEY_ID, PRIVATE_KEY, STRANGERS_KEY, body, jwk, key_token
from tests.function.fakes import DISCOVERY_URL, KEY_SET_URL, FakeClock, FakeIssuer, run_skipping, slept_s
from tests.pace import in_time


class Discovered:
    """A key source with a fake issuer and a fake clock."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.clock = FakeClock()
        self.issuer = FakeIssuer()
        self.warnings: list[str] = []
        self.source = KeySource(issuer, fetch=self.issuer, monotonic=self.clock, warn=self.warnings.append)

    def has(self, key_id: str = KEY_ID) -> bool:
        """Return whether DT has a key. Raises KeysUnavailable."""
        try:
            run_skipping(self.source.key(key_id))
        except SignatureInvalid:
            return False
        return True

    def has_long_since(self) -> bool:
        """Ask for the key that DT has. A second passes after it."""
        found = self.has()
        self.clock.advance(1)
        return found

    def is_unavailable(self, key_id: str = KEY_ID) -> bool:
        """Return whether the key source raises KeysUnavailable."""
        with pytest.raises(KeysUnavailable, match=r"^DT's key set cannot be fetched$"):
            self.has(key_id)
        return True


@pytest.fixture
def dt() -> Discovered:
    return Discovered()


def test_the_discovered_key_verifies_dts_token(dt: Discovered) -> None:
    key = run_skipping(dt.source.key(KEY_ID))
    verify_key(parse_token(key_token(body()), "ES256"), key)
    assert dt.issuer.fetched == [DISCOVERY_URL, KEY_SET_URL]
    assert dt.warnings == []


def test_nothing_is_fetched_before_a_key_is_needed(dt: Discovered) -> None:
    assert dt.issuer.fetched == []


def test_a_key_set_is_fetched_again_after_fifteen_minutes(dt: Discovered) -> None:
    assert dt.has()
    dt.clock.advance(KEEP_S - 0.001)
    assert dt.has()
    assert dt.issuer.key_set_fetches == 1
    dt.clock.advance(0.001)
    assert dt.has()
    assert dt.issuer.key_set_fetches == 2
    assert KEEP_S == 15 * 60


def test_a_revoked_key_is_refused_after_the_key_set_is_fetched_again(dt: Discovered) -> None:
    assert dt.has()
    dt.issuer.has(jwk(STRANGERS_KEY, kid="new"))
    dt.clock.advance(KEEP_S)
    assert not dt.has()
    assert dt.has("new")


def test_a_new_key_is_found_at_once(dt: Discovered) -> None:
    assert dt.has_long_since()
    dt.issuer.has(jwk(), jwk(STRANGERS_KEY, kid="new"))
    assert dt.has("new")
    assert dt.issuer.key_set_fetches == 2


def test_an_unknown_key_id_is_an_invalid_signature(dt: Discovered) -> None:
    with pytest.raises(SignatureInvalid, match=r"^DT has no key of this id$"):
        run_skipping(dt.source.key("unknown"))


def test_an_unknown_id_fetches_the_key_set_again_after_exactly_a_minute(dt: Discovered) -> None:
    assert dt.has_long_since()
    for passed_s, fetches in ((0.0, 2), (59.5, 2), (0.5, 3)):
        dt.clock.advance(passed_s)
        assert not dt.has("unknown")
        assert dt.issuer.key_set_fetches == fetches


def test_unknown_ids_fetch_the_key_set_at_most_once_a_minute(dt: Discovered) -> None:
    assert dt.has_long_since()
    for second in range(180):
        assert not dt.has(f"unknown-{second}")
        dt.clock.advance(1)
    assert dt.issuer.key_set_fetches == 1 + 180 / UNKNOWN_KEY_S
    assert UNKNOWN_KEY_S == 60


def test_an_unknown_id_fetches_a_missing_or_old_key_set_only_once() -> None:
    issuer, clock = FakeIssuer(), itertools.count(step=0.001)
    source = KeySource(ISSUER, fetch=issuer, monotonic=clock.__next__, warn=lambda _: None)
    with pytest.raises(SignatureInvalid):
        run_skipping(source.key("unknown"))
    assert issuer.key_set_fetches == 1


def many_at_once(source: KeySource, key_ids: list[str]) -> list[Any]:
    async def ask() -> list[Any]:
        return await asyncio.gather(*(source.key(key_id) for key_id in key_ids), return_exceptions=True)

    return run_skipping(ask())


def test_a_hundred_unknown_ids_at_once_share_one_fetch(dt: Discovered) -> None:
    assert dt.has_long_since()
    dt.issuer.slow_s = 0.1
    results = many_at_once(dt.source, [f"unknown-{number}" for number in range(100)])
    assert {type(result) for result in results} == {SignatureInvalid}
    assert dt.issuer.key_set_fetches == 2


def test_a_hundred_first_callers_share_one_fetch(dt: Discovered) -> None:
    dt.issuer.slow_s = 0.1
    results = many_at_once(dt.source, [KEY_ID] * 100)
    assert len({id(result) for result in results}) == 1
    assert dt.issuer.key_set_fetches == 1


def test_a_hundred_first_callers_share_one_failure(dt: Discovered) -> None:
    dt.issuer.slow_s = 0.1
    dt.issuer.fails(OSError())
    results = many_at_once(dt.source, [KEY_ID] * 100)
    assert {type(result) for result in results} == {KeysUnavailable}
    assert dt.issuer.key_set_fetches == 1


def test_all_who_wait_for_a_new_key_get_it_from_one_fetch(dt: Discovered) -> None:
    assert dt.has_long_since()
    dt.issuer.slow_s = 0.1
    dt.issuer.has(jwk(), jwk(STRANGERS_KEY, kid="new"))
    results = many_at_once(dt.source, ["new"] * 100)
    assert not [result for result in results if isinstance(result, Exception)]
    assert dt.issuer.key_set_fetches == 2


def test_known_keys_do_not_wait_for_a_fetch_for_an_unknown_one(dt: Discovered) -> None:
    async def ask() -> float:
        await dt.source.key(KEY_ID)
        dt.issuer.slow_s = 0.5
        unknown = asyncio.create_task(dt.source.key("unknown"))
        await asyncio.sleep(0.1)
        began = slept_s()
        await dt.source.key(KEY_ID)
        waited_s = slept_s() - began
        with contextlib.suppress(SignatureInvalid):
            await unknown
        return waited_s

    assert run_skipping(ask()) == 0


def test_the_last_valid_key_set_stays_in_use_while_no_newer_one_can_be_fetched(dt: Discovered) -> None:
    assert dt.has()
    dt.issuer.fails(OSError())
    for _ in range(100):
        dt.clock.advance(KEEP_S)
        assert dt.has()
    assert len(dt.warnings) == 100


def test_a_refresh_that_failed_is_tried_again_once_a_minute(dt: Discovered) -> None:
    assert dt.has()
    dt.issuer.fails(OSError())
    dt.clock.advance(KEEP_S)
    for _ in range(120):
        assert dt.has()
        dt.clock.advance(1)
    assert dt.issuer.key_set_fetches == 1 + 2


def test_without_any_key_set_the_fetch_is_tried_again_once_a_second(dt: Discovered) -> None:
    dt.issuer.fails(OSError())
    for _ in range(30):
        assert dt.is_unavailable()
        dt.clock.advance(RETRY_S / 10)
    assert dt.issuer.key_set_fetches == 3
    assert RETRY_S == 1


def test_an_unknown_id_is_not_an_invalid_signature_while_the_fetch_fails(dt: Discovered) -> None:
    assert dt.has_long_since()
    dt.issuer.fails(OSError())
    assert dt.is_unavailable("unknown")


def test_the_keys_are_available_again_when_the_issuer_answers_again(dt: Discovered) -> None:
    dt.issuer.fails(OSError())
    assert dt.is_unavailable()
    dt.issuer.documents = FakeIssuer().documents
    dt.clock.advance(RETRY_S)
    assert dt.has()


BAD_DISCOVERIES: dict[str, object] = {
    "an OSError": OSError("down"),
    "a ValueError": ValueError("no HTTP"),
    "nothing": b"",
    "HTML": b"<html></html>",
    "a list": [],
    "nested deep": b'{"a":' * 30_000,
    "not UTF-8": b"\xff",
    "NaN": b'{"issuer": NaN}',
    "another issuer": {"issuer": "https://evil.example.com", "jwks_uri": KEY_SET_URL},
    "the issuer with a slash": {"issuer": ISSUER + "/", "jwks_uri": KEY_SET_URL},
    "no issuer": {"jwks_uri": KEY_SET_URL},
    "no jwks_uri": {"issuer": ISSUER},
    "jwks_uri null": {"issuer": ISSUER, "jwks_uri": None},
    "jwks_uri a list": {"issuer": ISSUER, "jwks_uri": [KEY_SET_URL]},
    "jwks_uri by http": {"issuer": ISSUER, "jwks_uri": KEY_SET_URL.replace("https", "http")},
    "jwks_uri a file": {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
    "jwks_uri with a password": {"issuer": ISSUER, "jwks_uri": KEY_SET_URL.replace("://", "://user:word@")},
    "jwks_uri of the metadata server": {"issuer": ISSUER, "jwks_uri": "http://169.254.169.254/computeMetadata"},
    "jwks_uri invalid": {"issuer": ISSUER, "jwks_uri": "https://[::1"},
}


@pytest.mark.parametrize("document", BAD_DISCOVERIES.values(), ids=BAD_DISCOVERIES)
def test_an_invalid_discovery_document_leaves_the_keys_unavailable(dt: Discovered, document: object) -> None:
    dt.issuer.says(DISCOVERY_URL, document)
    assert dt.is_unavailable()
    assert dt.issuer.fetched == [DISCOVERY_URL]
    (warning,) = dt.warnings
    assert "word" not in warning


RSA_JWK = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)
P384_JWK = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)

BAD_KEYS: dict[str, object] = {
    "RSA": {**RSA_JWK, "kid": KEY_ID, "alg": "ES256"},
    "a shared secret": {"kty": "oct", "k": "c2VjcmV0", "kid": KEY_ID, "crv": "P-256", "x": "", "y": ""},
    "on P-384": {**P384_JWK, "kid": KEY_ID},
    "on P-384 that says P-256": {**P384_JWK, "crv": "P-256", "kid": KEY_ID},
    "on secp256k1": jwk(ec.generate_private_key(ec.SECP256K1()), crv="secp256k1"),
    "on secp256k1 that says P-256": jwk(ec.generate_private_key(ec.SECP256K1())),
    "on Ed25519": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": KEY_ID},
    "of another kty": jwk(kty="RSA"),
    "to encrypt with": jwk(use="enc"),
    "to sign with": jwk(key_ops=["sign"]),
    "to derive others from": jwk(key_ops=["deriveKey", "deriveBits"]),
    "for nothing": jwk(key_ops=[]),
    "for something in a text": jwk(key_ops="verify"),
    "for null": jwk(key_ops=None),
    "of no use": jwk(use=None),
    "to encrypt with, though its operation is to verify": jwk(use="enc", key_ops=["verify"]),
    "to sign with, though its use is sig": jwk(use="sig", key_ops=["sign"]),
    "for ES384": jwk(alg="ES384"),
    "for HS256": jwk(alg="HS256"),
    "without an id": jwk(kid=None),
    "with a number for its id": jwk(kid=7),
    "off the curve": jwk(y=jwk(STRANGERS_KEY)["y"]),
    "at zero": jwk(x="A" * 43, y="A" * 43),
    "with a short x": jwk(x="AAAA"),
    "with a long x": jwk(x="A" * 86),
    "with an x that is no base64": jwk(x="!" * 43),
    "with an x beyond ASCII": jwk(x="ø" * 43),
    "without y": jwk(y=None),
    "with a list for x": jwk(x=[]),
    "a text": "key",
    "null": None,
    "an empty object": {},
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_that_cannot_verify_es256_is_ignored(dt: Discovered, key: object) -> None:
    dt.issuer.has(key, jwk(STRANGERS_KEY, kid="good"))
    assert dt.has("good")
    assert not dt.has(KEY_ID)
    assert dt.warnings == []


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_set_without_a_usable_key_counts_as_not_fetched(dt: Discovered, key: object) -> None:
    assert dt.has()
    dt.issuer.has(key)
    dt.clock.advance(KEEP_S)
    assert dt.has()
    assert len(dt.warnings) == 1


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": None}, {"keys": {"a": 1}}, {"keys": "x"}, [], b"{"])
def test_a_document_that_is_not_a_key_set_counts_as_not_fetched(dt: Discovered, document: object) -> None:
    dt.issuer.says(KEY_SET_URL, document)
    assert dt.is_unavailable()


def test_a_key_may_omit_its_use(dt: Discovered) -> None:
    sparse = {name: value for name, value in jwk().items() if name not in {"use", "alg"}}
    dt.issuer.has(sparse)
    assert dt.has()


@pytest.mark.parametrize("operations", [["verify"], ["sign", "verify"], ["verify", "future"]])
@pytest.mark.parametrize("left_out", [(), ("use",), ("use", "alg")])
def test_a_key_that_may_verify_is_used_whatever_else_it_may_do(
    dt: Discovered, operations: list[str], left_out: tuple[str, ...]
) -> None:
    dt.issuer.has({name: value for name, value in jwk(key_ops=operations).items() if name not in left_out})
    assert dt.has()


def test_a_key_for_another_use_does_not_replace_the_key_of_the_same_id(dt: Discovered) -> None:
    dt.issuer.has(jwk(), jwk(STRANGERS_KEY, key_ops=["sign"]))
    verify_key(parse_token(key_token(body()), "ES256"), run_skipping(dt.source.key(KEY_ID)))


def test_a_private_key_that_dt_publishes_by_mistake_is_not_kept(dt: Discovered) -> None:
    whole = ECAlgorithm.to_jwk(PRIVATE_KEY, as_dict=True)
    dt.issuer.has({**whole, "kid": KEY_ID})
    key: Any = run_skipping(dt.source.key(KEY_ID))
    assert isinstance(key.key, ec.EllipticCurvePublicKey)


@pytest.mark.parametrize("end", ["/", "/X", "/XX/"])
def test_the_discovery_url_of_an_issuer_with_a_final_slash_has_no_double_slash(end: str) -> None:
    dt = Discovered(ISSUER + end)
    url = f"{ISSUER}{end.rstrip('/')}/.well-known/openid-configuration"
    dt.issuer.says(url, {"issuer": ISSUER + end, "jwks_uri": KEY_SET_URL})
    assert dt.has()
    assert dt.issuer.fetched == [url, KEY_SET_URL]


@pytest.mark.parametrize(("slow_s", "is_in_time"), [(0.9, True), (1.1, False), (100.0, False)])
def test_both_documents_together_have_a_timeout_of_two_seconds(
    dt: Discovered, slow_s: float, *, is_in_time: bool
) -> None:
    dt.issuer.slow_s = slow_s

    async def ask() -> float:
        with contextlib.suppress(KeysUnavailable):
            await dt.source.key(KEY_ID)
        return slept_s()

    assert run_skipping(ask()) == pytest.approx(2 * slow_s if is_in_time else FETCH_TIMEOUT_S)
    assert dt.warnings == ([] if is_in_time else ["DT's key set cannot be fetched: TimeoutError"])


@pytest.mark.parametrize("key_id", [KEY_ID, "unknown"])
def test_every_caller_waits_at_most_for_one_fetch(dt: Discovered, key_id: str) -> None:
    dt.issuer.slow_s = 100.0

    async def ask() -> float:
        began = slept_s()
        with contextlib.suppress(KeysUnavailable, SignatureInvalid):
            await dt.source.key(key_id)
        return slept_s() - began

    async def ask_all() -> list[float]:
        return await asyncio.gather(*(ask() for _ in range(20)))

    assert dt.is_unavailable()
    dt.clock.advance(KEEP_S)
    assert max(run_skipping(ask_all())) <= FETCH_TIMEOUT_S


# fetch_document, against a real server


class Handler(BaseHTTPRequestHandler):
    """A server that answers each path as the name of the method says."""

    def do_GET(self) -> None:
        """Answer by the method of the path."""
        getattr(self, "answer_" + self.path.strip("/"), self.answer_nothing)()

    def reply(self, status: int, content: bytes, **headers: str) -> None:
        """Send a complete reply."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def answer_document(self) -> None:
        """Answer with a document."""
        self.reply(200, b"{}")

    def answer_nothing(self) -> None:
        """Answer 404."""
        self.reply(404, b"no such document")

    def answer_moved(self) -> None:
        """Answer with a redirect."""
        self.reply(302, b"", Location="/document")

    def answer_failing(self) -> None:
        """Answer 500."""
        self.reply(500, b"{}")

    def answer_limit(self) -> None:
        """Answer with a document of the maximum size."""
        self.reply(200, b" " * MAX_DOCUMENT_BYTES)

    def answer_huge(self) -> None:
        """Answer with one byte more than the maximum."""
        self.reply(200, b" " * (MAX_DOCUMENT_BYTES + 1))

    def answer_endless(self) -> None:
        """Answer with a document that does not end."""
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b" " * 65_536)

    def answer_dripping(self) -> None:
        """Send the document byte by byte with pauses."""
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(35):
                self.wfile.write(b" ")
                time.sleep(0.1)

    def answer_junk(self) -> None:
        """Send bytes that are not HTTP."""
        self.wfile.write(b"220 smtp.example.com ESMTP\r\n")

    def answer_cut(self) -> None:
        """Send less than the announced length."""
        self.reply(200, b"{", **{"Content-Length": "100"})

    def log_message(self, *_: Any) -> None:
        """Write no log."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        serving.daemon_threads = True
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_a_document_is_fetched(server: str) -> None:
    assert asyncio.run(fetch_document(f"{server}/document")) == b"{}"


def test_a_document_of_64_kib_is_accepted_and_one_more_byte_is_not(server: str) -> None:
    assert len(asyncio.run(fetch_document(f"{server}/limit"))) == 65_536
    with pytest.raises(ValueError, match=r"^the document is too large$"):
        asyncio.run(fetch_document(f"{server}/huge"))


@pytest.mark.parametrize("path", ["moved", "failing", "nothing"])
def test_any_status_but_200_is_an_os_error_and_no_redirect_is_followed(server: str, path: str) -> None:
    with pytest.raises(OSError, match="HTTP Error"):
        asyncio.run(fetch_document(f"{server}/{path}"))


@pytest.mark.parametrize(
    ("path", "fault"), [("junk", "the answer is not HTTP"), ("endless", "the document is too large")]
)
def test_an_invalid_http_answer_is_a_value_error(server: str, path: str, fault: str) -> None:
    with pytest.raises(ValueError, match=rf"^{fault}$"):
        asyncio.run(fetch_document(f"{server}/{path}"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://127.0.0.1:99999/", "http://a b/", "http://no.invalid/"])
def test_a_url_without_a_server_is_an_expected_error(url: str) -> None:
    with pytest.raises((OSError, ValueError)):
        asyncio.run(fetch_document(url))


def test_a_server_that_accepts_a_connection_and_never_answers_times_out_after_two_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(OSError, match="timed out"):
            asyncio.run(fetch_document(f"http://127.0.0.1:{silent.getsockname()[1]}/"))

    took_s = time.monotonic() - began
    assert took_s > 1.9
    in_time(took_s, 3)


def discovering(server: str, path: str) -> Callable[[str], Any]:
    async def fetch(_: str) -> bytes:
        return await fetch_document(f"{server}/{path}")

    return fetch


def test_an_issuer_that_answers_byte_by_byte_times_out_after_two_seconds(server: str) -> None:
    source = KeySource(ISSUER, fetch=discovering(server, "dripping"), monotonic=time.monotonic, warn=lambda _: None)
    began = time.monotonic()
    with pytest.raises(KeysUnavailable):
        asyncio.run(source.key(KEY_ID))
    took_s = time.monotonic() - began
    assert took_s > 1.9
    in_time(took_s, 2.6)


@pytest.mark.parametrize("path", ["moved", "cut", "junk", "endless"])
def test_a_failing_server_leaves_the_keys_unavailable(server: str, path: str) -> None:
    source = KeySource(ISSUER, fetch=discovering(server, path), monotonic=time.monotonic, warn=lambda _: None)
    with pytest.raises(KeysUnavailable):
        asyncio.run(source.key(KEY_ID))


def test_a_token_made_by_a_jwt_library_verifies_with_a_key_of_a_key_set(dt: Discovered) -> None:
    claims = jwt.decode(key_token(body()), options={"verify_signature": False})
    token = jwt.encode(claims, PRIVATE_KEY, algorithm="ES256", headers={"kid": KEY_ID})
    verify_key(parse_token(token, "ES256"), run_skipping(dt.source.key(KEY_ID)))


def test_a_document_that_arrives_byte_by_byte_leaves_no_thread_behind(server: str) -> None:
    async def ask() -> None:
        with pytest.raises(TimeoutError):
            await fetch_document(f"{server}/dripping")

    began = time.monotonic()
    asyncio.run(ask())

    in_time(time.monotonic() - began, FETCH_TIMEOUT_S + 1)
