"""docs/examples/push: only what Google signed for this endpoint and this sender is stored, and each event once."""

import base64
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.transport.requests import Request
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from werkzeug.serving import make_server

from tests.blackbox.serving import eventually
from tests.emulators.processes import free_port
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.control import Control
from tests.examples.loading import EXAMPLES, example, publish, touch

AUDIENCE, SENDER = "https://example.com/events", "pusher@my-project.iam.gserviceaccount.com"
KEY, STRANGERS_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
endpoint = example("push/endpoint.py")


def certificate(key: rsa.RSAPrivateKey) -> str:
    """Return a certificate in the form of Google's."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


class Issuer:
    """Google's page of certificates, on the loopback address. ``fetch`` reads it in place of Google's."""

    def __init__(self, url: str) -> None:
        self._url, self._requests = url, Request()
        self.status, self.fetches = 200, 0

    def fetch(self, url: str, **options: Any) -> Any:
        """Return the page, in place of Google's."""
        assert url == "https://www.googleapis.com/oauth2/v1/certs"
        return self._requests(self._url, **options)


@pytest.fixture(scope="module")
def _page() -> Iterator[Issuer]:
    body = json.dumps({"of-today": certificate(KEY)}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page.fetches += 1
            self.send_response(page.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        page = Issuer(f"http://127.0.0.1:{server.server_port}/")
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield page
        server.shutdown()
        serving.join()


@pytest.fixture
def issuer(_page: Issuer) -> Issuer:
    _page.status, _page.fetches = 200, 0
    return _page


def token(key: Any = KEY, key_id: str = "of-today", algorithm: str = "RS256", **changes: Any) -> str:
    """Return a token as Google makes it for a push subscription, with these changes."""
    now = int(time.time())
    claims = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": SENDER,
        "email_verified": True,
        "sub": "113774264463038321964",
        "iat": now,
        "exp": now + 3600,
    }
    return jwt.encode({**claims, **changes}, key, algorithm, {"kid": key_id})


def push(number: int = 1) -> dict[str, Any]:
    """Return the body of a push."""
    message = touch(number)
    data = base64.b64encode(message.data).decode()
    return {
        "message": {"data": data, "attributes": dict(message.attributes), "messageId": "7", "publishTime": "…"},
        "subscription": "projects/my-project/subscriptions/dt-events",
    }


class Client:
    """Google, or somebody else, who calls the endpoint."""

    def __init__(self, issuer: Issuer, file: Path) -> None:
        app = endpoint.create_app(endpoint.FromGoogle(AUDIENCE, SENDER, issuer.fetch), str(file))
        self._client, self._file = app.test_client(), file

    def post(self, authorization: str | None, body: Any = None) -> int:
        """Return the status of the answer to a push."""
        headers = {} if authorization is None else {"Authorization": authorization}
        sent = push() if body is None else body
        return int(self._client.post("/events", json=sent, headers=headers).status_code)

    @property
    def stored(self) -> list[str]:
        """The ids of the stored events."""
        return stored(self._file)


def stored(file: Path) -> list[str]:
    """Return the ids of the stored events."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        return [event_id for (event_id,) in database.execute("SELECT event_id FROM inbox ORDER BY event_id")]


@pytest.fixture
def client(issuer: Issuer, tmp_path: Path) -> Client:
    return Client(issuer, tmp_path / "inbox.db")


def test_an_event_that_google_sends_twice_is_stored_once(client: Client) -> None:
    assert [client.post(f"Bearer {token()}") for _ in range(2)] == [204, 204]
    assert client.stored == ["touch-0001"]


NOW = int(time.time())
REFUSED: dict[str, tuple[int, str | None]] = {
    "no token": (401, None),
    "another scheme": (401, f"Basic {token()}"),
    "garbage": (401, "Bearer garbage"),
    "not base64": (401, "Bearer a.b.c"),
    "a token for another audience": (401, f"Bearer {token(aud='https://example.com/other')}"),
    "a token without an audience": (401, f"Bearer {token(aud='')}"),
    "the token of another service account": (403, f"Bearer {token(email='thief@other.iam.gserviceaccount.com')}"),
    "a token without an email": (403, f"Bearer {token(email=None)}"),
    "an email that is not verified": (403, f"Bearer {token(email_verified=False)}"),
    "an email that is verified in a text": (403, f"Bearer {token(email_verified='false')}"),
    "an expired token": (401, f"Bearer {token(iat=NOW - 7200, exp=NOW - 3600)}"),
    "a token of the future": (401, f"Bearer {token(iat=NOW + 600, exp=NOW + 4200)}"),
    "another issuer": (401, f"Bearer {token(iss='https://accounts.example.com')}"),
    "another key": (401, f"Bearer {token(STRANGERS_KEY)}"),
    "an unknown key": (401, f"Bearer {token(STRANGERS_KEY, key_id='of-a-stranger')}"),
    "a token that is not signed": (401, f"Bearer {token('', algorithm='none')}"),
    "a token signed with the text of the certificate": (401, f"Bearer {token('c' * 64, algorithm='HS256')}"),
}


@pytest.mark.parametrize(("status", "authorization"), REFUSED.values(), ids=REFUSED)
def test_a_request_that_google_did_not_sign_for_this_endpoint_and_sender_is_refused(
    client: Client, status: int, authorization: str | None
) -> None:
    assert client.post(authorization) == status
    assert client.stored == []


def test_a_clock_that_is_a_few_seconds_late_refuses_nothing(client: Client) -> None:
    assert client.post(f"Bearer {token(iat=int(time.time()) + 5)}") == 204


def test_googles_certificates_are_fetched_once_for_many_requests(client: Client, issuer: Issuer) -> None:
    for number in range(5):
        assert client.post(f"Bearer {token()}", push(number)) == 204
    assert issuer.fetches == 1


def test_without_certificates_it_asks_to_be_called_again_and_then_works(client: Client, issuer: Issuer) -> None:
    issuer.status = 500
    assert client.post(f"Bearer {token()}") == 503
    issuer.status = 200
    assert client.post(f"Bearer {token()}") == 204


@pytest.mark.parametrize("body", [[], {}, {"message": 1}, {"message": {"data": "ä"}}])
def test_a_body_that_is_no_push_is_refused(client: Client, body: Any) -> None:
    assert client.post(f"Bearer {token()}", body) == 400
    assert client.stored == []


@pytest.mark.parametrize(("audience", "sender"), [("", SENDER), (AUDIENCE, "")])
def test_it_does_not_start_without_audience_and_sender(audience: str, sender: str) -> None:
    with pytest.raises(ValueError, match="set both"):
        endpoint.FromGoogle(audience, sender, None)


@contextlib.contextmanager
def subscribed(pubsub: EmbeddedPubSub, project: str, url: str) -> Iterator[tuple[str, str]]:
    """Make a topic with a push subscription, yield their names, and end the pushes."""
    topic, subscription = f"projects/{project}/topics/events", f"projects/{project}/subscriptions/push"
    pubsub.create_topic(topic)
    with grpc.insecure_channel(pubsub.host) as channel:
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        subscriber.create_subscription(
            request={"name": subscription, "topic": topic, "push_config": {"push_endpoint": url}}
        )
        yield topic, subscription
        subscriber.delete_subscription(subscription=subscription)


def test_as_a_program_it_receives_what_an_emulator_pushes(pubsub: EmbeddedPubSub, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "inbox.db"
    environ = {**os.environ, "PORT": str(port), "INBOX": str(file)}
    line = [sys.executable, str(EXAMPLES / "push" / "endpoint.py")]
    with (
        subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        subscribed(pubsub, "push-once", f"http://127.0.0.1:{port}/events") as (topic, subscription),
        Control(pubsub.host) as control,
    ):
        try:
            assert process.stdout
            assert process.stdout.readline().startswith(b"WITHOUT A CHECK: as a program it accepts every request")
            assert any(b"Running on" in text for text in process.stderr or ())
            publish(pubsub.host, topic, [touch(1), touch(2), touch(1)])
            assert eventually(lambda: control.unacknowledged(subscription) == (0, 0))
        finally:
            process.kill()
    assert stored(file) == ["touch-0001", "touch-0002"]


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an endpoint on the loopback address; yield its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/events"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_a_push_without_a_token_stays_in_the_subscription(
    pubsub: EmbeddedPubSub, issuer: Issuer, tmp_path: Path
) -> None:
    file = tmp_path / "inbox.db"
    app = endpoint.create_app(endpoint.FromGoogle(AUDIENCE, SENDER, issuer.fetch), str(file))
    answers: list[int] = []

    def note(answer: Any) -> Any:
        answers.append(answer.status_code)
        return answer

    app.after_request(note)
    with served(app) as url, subscribed(pubsub, "push-refused", url) as (topic, subscription):
        publish(pubsub.host, topic, [touch(1)])
        assert eventually(lambda: answers[:1] == [401])
        with Control(pubsub.host) as control:
            assert (control.unacknowledged(subscription) or (0, 0))[0] == 1
    assert stored(file) == []
