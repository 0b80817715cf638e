"""Requests to the function: the signed content, and its acceptance by the function's own verifier."""

import hashlib
from collections.abc import Mapping

import jwt
import pytest

from deploy.function_client import EXECUTION_HEADER, SIGNATURE_HEADER, FunctionClient
from deploy.resources.alert_definitions import PROBE
from deploy.secret import Secret

NOW = 1_764_000_000.5
TEXT = "0123456789abcdef" * 4
URL = "https://function.example/"


class Function:
    """A function that records its requests."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, Mapping[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Answer with 200."""
        self.sent.append((url, body, headers))
        return 200, "{}"


@pytest.fixture
def function() -> Function:
    return Function()


def client(function: Function) -> FunctionClient:
    return FunctionClient(URL, function, lambda: NOW)


def test_a_body_is_posted_as_it_is_and_the_answer_returned(function: Function) -> None:
    assert client(function).send(b"{}", {"Content-Type": "application/json"}) == (200, "{}")
    assert function.sent == [(URL, b"{}", {"Content-Type": "application/json"})]


@pytest.mark.parametrize(("signed", "of"), [(None, b"{}"), (b"another body", b"another body"), (b"", b"")])
def test_a_signature_is_of_the_posted_or_the_named_body_and_valid_for_an_hour(
    function: Function, signed: bytes | None, of: bytes
) -> None:
    client(function).send_signed(b"{}", Secret(TEXT), signed_body=signed)
    ((_, body, headers),) = function.sent
    token = headers[SIGNATURE_HEADER]
    claims = jwt.decode(token, TEXT, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert (body, jwt.get_unverified_header(token)) == (b"{}", {"alg": "HS256", "typ": "JWT"})
    assert claims["checksum_sha256"] == hashlib.sha256(of).hexdigest()
    assert (claims["iat"], claims["exp"]) == (int(NOW), int(NOW) + 3600)


def test_an_origin_is_signed_only_for_a_command_of_an_operator(function: Function) -> None:
    client(function).send_signed(b"{}", Secret(TEXT), origin="backfill")
    client(function).send_signed(b"{}", Secret(TEXT))
    tokens = [headers[SIGNATURE_HEADER] for _, _, headers in function.sent]
    signed = [
        jwt.decode(token, TEXT, algorithms=["HS256"], options={"verify_iat": False, "verify_exp": False})
        for token in tokens
    ]
    assert [claims.get("origin") for claims in signed] == ["backfill", None]


def test_two_signatures_of_the_same_body_are_two_tokens(function: Function) -> None:
    for _ in range(2):
        client(function).send_signed(b"{}", Secret(TEXT))
    assert len({headers[SIGNATURE_HEADER] for _, _, headers in function.sent}) == 2


def test_only_a_probe_has_an_execution_id_that_tells_its_log_line_from_that_of_an_attack(function: Function) -> None:
    client(function).send_signed(b"{}", Secret(TEXT))
    client(function).send_signed(b"{}", Secret(TEXT), signed_body=b"another body")
    event, probe = (headers for _, _, headers in function.sent)
    assert EXECUTION_HEADER not in event
    assert probe[EXECUTION_HEADER].startswith(f"{PROBE}-")
    assert len(probe[EXECUTION_HEADER]) <= 64
