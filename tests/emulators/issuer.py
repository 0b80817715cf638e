"""DT's issuer on loopback: OpenID Connect discovery, a key set that can be rotated, and faults on demand.

with Issuer() as issuer:
    os.environ["DT_ISSUER"] = issuer.url
    token = issuer.sign(organization_claims(body, now=time.time(), issuer=issuer.url, organization_id="o"))
"""

import contextlib
import itertools
import json
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.emulators.signing import sign_with_key

Fault = Literal["down", "slow", "redirect", "huge", "malformed", "other issuer", "wrong keys", "no keys"]
"""``down``: closes the connection; ``redirect``: answers 302 with another path that has the document; ``huge``: adds
1 MiB of spaces to the document; ``wrong keys``: publishes other keys with the same ids."""

DISCOVERY = "/.well-known/openid-configuration"
KEY_SET = "/keys"
_MOVED = "/moved"


class Issuer:
    """An issuer, as a context manager. ``url``: its URL. ``fetches``: the number of requests by path, also failed ones.

    ``fault``: in force from the next request on. ``slow_s``: seconds that an answer takes with the fault ``slow``.
    """

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.slow_s = 5.0
        self.fetches: Counter[str] = Counter()
        self.key_id = ""
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._numbers = itertools.count(1)
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="issuer")
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.rotate()

    def rotate(self) -> str:
        """Make a new key and return its id. The previous key stays published beside it."""
        kept = {self.key_id: self._keys[self.key_id]} if self._keys else {}
        self.key_id = f"key-{next(self._numbers)}"
        self._keys = {**kept, self.key_id: new_key()}
        return self.key_id

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return an ES256 token, signed with the newest key."""
        return sign_with_key(claims, self._keys[self.key_id], self.key_id)

    def document(self, path: str) -> dict[str, Any] | None:
        """Return the document at a path, changed by the current fault, or None if the path has no document."""
        if path == DISCOVERY:
            named = "http://127.0.0.1:1" if self.fault == "other issuer" else self.url
            return {"issuer": named, "jwks_uri": self.url + KEY_SET, "id_token_signing_alg_values_supported": ["ES256"]}
        if path != KEY_SET:
            return None
        keys = {} if self.fault == "no keys" else self._keys
        if self.fault == "wrong keys":
            keys = {key_id: new_key() for key_id in keys}
        return {"keys": [_jwk(key_id, key) for key_id, key in keys.items()]}

    def wait_slowly(self) -> None:
        """Wait ``slow_s`` seconds, or until the issuer ends."""
        self._ended.wait(self.slow_s)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new private key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def _jwk(key_id: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": "ES256"}


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches[self.path] += 1
            fault = issuer.fault
            if fault == "down":
                return
            if fault == "slow":
                issuer.wait_slowly()
            document = issuer.document(self.path.removeprefix(_MOVED))
            is_redirected = fault == "redirect" and not self.path.startswith(_MOVED)
            self.send_response(404 if document is None else 302 if is_redirected else 200)
            if is_redirected:
                self.send_header("Location", issuer.url + _MOVED + self.path)
            text = "{" if fault == "malformed" else json.dumps(document) + " " * (2**20 if fault == "huge" else 0)
            self.send_header("Content-Length", str(len(text)))
            with contextlib.suppress(ConnectionError):  # the client may have closed the connection
                self.end_headers()
                self.wfile.write(text.encode())

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Write no log."""

    return Handler
