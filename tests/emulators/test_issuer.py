"""The stand-in for DT's issuer: a JWT library accepts its tokens, and every fault does what its name says."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import jwt
import pytest

from tests.emulators.issuer import DISCOVERY, KEY_SET, Issuer
from tests.emulators.signing import organization_claims
from tests.pace import in_time

BODY = b'{"event":{}}'


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


def get(issuer: Issuer, path: str, timeout_s: float = 2.0) -> bytes:
    with urllib.request.urlopen(issuer.url + path, timeout=timeout_s) as answer:  # noqa: S310  # the loopback address
        document: bytes = answer.read()
    return document


def key_set(issuer: Issuer) -> jwt.PyJWKSet:
    discovery = json.loads(get(issuer, DISCOVERY))
    return jwt.PyJWKSet.from_json(get(issuer, discovery["jwks_uri"].removeprefix(issuer.url)).decode())


def signed(issuer: Issuer) -> str:
    return issuer.sign(organization_claims(BODY, now=time.time(), issuer=issuer.url, organization_id="o"))


def subject(issuer: Issuer, token: str) -> str:
    claims = jwt.decode(token, key_set(issuer)[issuer.key_id], algorithms=["ES256"], issuer=issuer.url)
    return str(claims["sub"])


def test_a_jwt_library_verifies_its_tokens_with_the_keys_from_discovery(issuer: Issuer) -> None:
    assert subject(issuer, signed(issuer)) == "o"


def test_discovery_names_the_issuer_itself(issuer: Issuer) -> None:
    assert json.loads(get(issuer, DISCOVERY))["issuer"] == issuer.url


def test_a_rotation_signs_with_a_new_key_and_publishes_only_one_older_key(issuer: Issuer) -> None:
    first = issuer.key_id
    second = issuer.rotate()

    assert {key.key_id for key in key_set(issuer).keys} == {first, second}
    assert subject(issuer, signed(issuer)) == "o"

    third = issuer.rotate()

    assert {key.key_id for key in key_set(issuer).keys} == {second, third}


def test_fetches_are_counted_by_path_even_if_they_fail(issuer: Issuer) -> None:
    key_set(issuer)
    issuer.fault = "down"
    with pytest.raises(http.client.RemoteDisconnected):
        get(issuer, DISCOVERY)

    assert issuer.fetches == {DISCOVERY: 2, KEY_SET: 1}


def test_any_other_path_is_not_found(issuer: Issuer) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        get(issuer, "/private")
    refused.value.close()


def test_the_redirect_fault_redirects_to_the_right_document(issuer: Issuer) -> None:
    issuer.fault = "redirect"

    assert json.loads(get(issuer, DISCOVERY))["issuer"] == issuer.url
    assert issuer.fetches[DISCOVERY] == 1
    assert sum(issuer.fetches.values()) == 2


def test_the_slow_fault_answers_after_its_delay(issuer: Issuer) -> None:
    issuer.slow_s = 0.2
    issuer.fault = "slow"
    began_at = time.monotonic()

    assert json.loads(get(issuer, DISCOVERY))
    assert time.monotonic() - began_at >= 0.2


def test_stopping_does_not_wait_for_a_slow_answer() -> None:
    with Issuer() as issuer:
        issuer.fault = "slow"
        with pytest.raises(TimeoutError):
            get(issuer, DISCOVERY, timeout_s=0.1)
        began_at = time.monotonic()
    in_time(time.monotonic() - began_at, 2)


def test_the_huge_fault_answers_valid_json_of_more_than_a_mebibyte(issuer: Issuer) -> None:
    issuer.fault = "huge"
    document = get(issuer, DISCOVERY)

    assert len(document) > 2**20
    assert json.loads(document)["issuer"] == issuer.url


def test_the_malformed_fault_answers_invalid_json(issuer: Issuer) -> None:
    issuer.fault = "malformed"

    with pytest.raises(json.JSONDecodeError):
        json.loads(get(issuer, DISCOVERY))


def test_the_other_issuer_fault_answers_the_document_of_another_issuer(issuer: Issuer) -> None:
    issuer.fault = "other issuer"

    assert json.loads(get(issuer, DISCOVERY))["issuer"] != issuer.url


def test_the_wrong_keys_fault_publishes_other_keys_under_the_right_ids(issuer: Issuer) -> None:
    issuer.fault = "wrong keys"

    with pytest.raises(jwt.InvalidSignatureError):
        subject(issuer, signed(issuer))


def test_the_no_keys_fault_answers_an_empty_key_set(issuer: Issuer) -> None:
    issuer.fault = "no keys"

    assert json.loads(get(issuer, KEY_SET)) == {"keys": []}
