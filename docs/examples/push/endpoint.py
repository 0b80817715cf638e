r"""Receive a push subscription: check that Google sent the request for you, store the event once, answer at once.

    AUDIENCE=https://example.com/events SENDER=pusher@my-project.iam.gserviceaccount.com \
        gunicorn 'endpoint:create_app()'

Anybody can call an address. Google signs a token for every service account of every customer, so a valid token alone
proves nothing: its audience must be this endpoint, and its email the account of this very subscription.
"""

import base64
import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from flask import Flask, Response, abort, request
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.oauth2.id_token import verify_oauth2_token

CERTIFICATES_FOR_S = 3600.0
CLOCK_SKEW_S = 10
TABLE = """
CREATE TABLE IF NOT EXISTS inbox (event_id TEXT PRIMARY KEY, event_type TEXT, device_id TEXT, time TEXT, body BLOB,
  done INTEGER NOT NULL DEFAULT 0)
"""


class Certificates:
    """Google's certificates, fetched once an hour: google-auth itself would fetch them for every token."""

    def __init__(self, fetch: Callable[..., Any]) -> None:
        self._fetch = fetch
        self._answer: Any = None
        self._until = 0.0

    def __call__(self, url: str, **options: Any) -> Any:
        """Return the answer of Google, at most an hour old. ``verify_oauth2_token`` calls this."""
        if time.monotonic() > self._until:
            self._answer = self._fetch(url, timeout=5, **options)
            if self._answer.status != 200:
                return self._answer  # is not kept
            self._until = time.monotonic() + CERTIFICATES_FOR_S
        return self._answer


class FromGoogle:
    """Refuses every request that Pub/Sub did not send for one service account, and to one audience."""

    def __init__(self, audience: str, sender: str, fetch: Callable[..., Any]) -> None:
        if not (audience and sender):  # google-auth takes a missing audience for "any"
            raise ValueError("AUDIENCE and SENDER are those of the push subscription: set both")
        self._audience, self._sender, self._certificates = audience, sender, Certificates(fetch)

    def __call__(self, authorization: str) -> None:
        """Return if the token proves the sender; end the request with 401, 403 or 503 if not."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            abort(401, "there is no token")
        try:
            claims = verify_oauth2_token(token, self._certificates, self._audience, CLOCK_SKEW_S)
        except TransportError:
            abort(503, "Google's certificates cannot be fetched")  # says nothing about the token: Pub/Sub tries again
        except (ValueError, GoogleAuthError):
            abort(401, "the token is not valid")
        if claims.get("email_verified") is not True or claims.get("email") != self._sender:
            abort(403, "the token is that of somebody else")


def store(path: str, message: dict[str, Any]) -> None:
    """Store an event, unless it is there already. The transaction is on the disk when this returns."""
    has = message.get("attributes") or {}
    event_id = has.get("eventId", message["messageId"])
    body = base64.b64decode(message.get("data", ""))
    row = (event_id, has.get("eventType"), has.get("deviceId"), has.get("timestamp"), body)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "INSERT OR IGNORE INTO inbox (event_id, event_type, device_id, time, body) VALUES (?, ?, ?, ?, ?)", row
        )


def create_app(check: Callable[[str], None] | None = None, path: str = "") -> Flask:
    """Return the endpoint. It only stores: what takes time belongs to a program that reads ``inbox``."""
    check = check or FromGoogle(os.environ.get("AUDIENCE", ""), os.environ.get("SENDER", ""), Request())
    path = path or os.environ.get("INBOX", "inbox.db")
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(TABLE)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 2**20  # an event has at most 256 KiB, unless MAX_BODY_BYTES allows more

    @app.post("/events")
    def receive() -> Response:
        check(request.headers.get("Authorization", ""))  # before anything of the body is read
        try:
            store(path, json.loads(request.get_data())["message"])
        except (ValueError, KeyError, TypeError, AttributeError):
            abort(400, "this is not a push of Pub/Sub")
        return Response(status=204)  # acknowledges; any answer but 102, 200, 201, 202 and 204 sends it again

    return app


if __name__ == "__main__":  # to try it with an emulator, which sends no tokens: on this machine only
    print("WITHOUT A CHECK: as a program it accepts every request; only for an emulator on this machine", flush=True)
    create_app(check=lambda _: None).run("127.0.0.1", int(os.environ.get("PORT", "8090")))
