"""Requests to the function: the signed content, and its acceptance by the function's own verifier."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest

from deploy.function_client import EXECUTION_HEADER, SIGNATURE_HEADER, Answer, FunctionClient
from deploy.function_https import post
from deploy.resources.alert_definitions import PROBE
from deploy.secret import Secret
from deploy.web import forget_session

NOW = 1_764_000_000.5
TEXT = "0123456789abcdef" * 4
URL = "https://function.example/"


class Function:
    """A function that records its requests."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, Mapping[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Answer with 200."""
        self.sent.append((url, body, headers))
        return Answer(200, "{}")


@pytest.fixture
def function() -> Function:
    return Function()


def client(function: Function) -> FunctionClient:
    return FunctionClient(URL, function, lambda: NOW)


def test_a_body_is_posted_as_it_is_and_the_answer_returned(function: Function) -> None:
    assert client(function).send(b"{}", {"Content-Type": "application/json"}) == Answer(200, "{}")
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


def test_a_question_about_an_origin_has_the_signature_of_another_body_and_is_a_probe(function: Function) -> None:
    client(function).probe(Secret(TEXT), "replay")
    ((_, body, headers),) = function.sent
    token = headers[SIGNATURE_HEADER]
    claims = jwt.decode(token, TEXT, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert claims["origin"] == "replay"
    assert claims["checksum_sha256"] != hashlib.sha256(body).hexdigest()
    assert headers[EXECUTION_HEADER].startswith(f"{PROBE}-")


@pytest.mark.parametrize(
    ("text", "in_seconds"), [("5", 5.0), ("", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("-1", 0.0)]
)
def test_an_answer_has_the_seconds_after_which_the_function_wants_to_be_asked_again(
    text: str, in_seconds: float
) -> None:
    with answering(text) as (url, connections):
        assert post(url, b"{}", {}) == Answer(503, "busy", in_seconds)
        assert post(url, b"{}", {}) == Answer(503, "busy", in_seconds)
    assert len(connections) == 1, "both requests took the same connection"


def test_without_an_answer_the_status_is_0_and_the_next_request_opens_a_connection() -> None:
    with answering("") as (url, connections):
        assert post(url, b"{}", {}).status == 503
        assert post(url, b"drop", {}) == Answer(0, "")
        assert post(url, b"{}", {}).status == 503
    assert len(connections) == 2


@contextmanager
def answering(retry_after: str) -> Iterator[tuple[str, set[tuple[str, int]]]]:
    """Serve 503 to every request, but to the body ``drop`` nothing. Yield the URL and the connections so far."""
    connections: set[tuple[str, int]] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            connections.add(self.client_address)
            if self.rfile.read(int(self.headers["Content-Length"])) == b"drop":
                self.close_connection = True
                return
            self.send_response(503)
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"busy")

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002  # the name of the base class
            del format, values

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", connections
        finally:
            forget_session()
            server.shutdown()
            serving.join()
