"""A fake of the deployed function for the requests of an operator: it verifies, judges and publishes in memory."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jwt

from deploy.function_client import SIGNATURE_HEADER, Answer, claims

ORIGINS = ("replay", "backfill")


@dataclass
class OperatorFunction:
    """The function. ``secret`` returns the one that it accepts.

    ``refuses``: the reason why a body is refused with 422; "" if it is published. ``special``: called with each body
    that is signed with a valid token, in the order of the requests; an answer that it returns is given instead.
    ``knows_origins``: false for a version that puts refused events on the rejected topic. ``main``: what is published.
    """

    secret: Callable[[], str]
    refuses: Callable[[bytes], str] = lambda _: ""
    special: Callable[[bytes], Answer | None] = lambda _: None
    knows_origins: bool = True
    main: list[bytes] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)
    requests: int = 0
    _lock: "threading.Lock" = field(default_factory=threading.Lock)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Answer a request."""
        del url
        try:
            options: jwt.types.Options = {"verify_exp": False, "verify_iat": False}
            token = jwt.decode(headers[SIGNATURE_HEADER], self.secret(), algorithms=["HS256"], options=options)
        except jwt.InvalidSignatureError:
            return Answer(401, '{"error": "signature"}')
        if self.knows_origins and token.get("origin") not in {None, *ORIGINS}:
            return Answer(401, '{"error": "signature"}')
        if token["checksum_sha256"] != claims(body, 0)["checksum_sha256"]:
            return Answer(401, '{"error": "checksum"}')
        return self.special(body) or self._judged(body, token["origin"])

    def _judged(self, body: bytes, origin: str) -> Answer:
        with self._lock:
            self.requests += 1
            self.origins.add(origin)
            if reason := self.refuses(body):
                topic = json.dumps({"messageId": "r1", "topic": "rejected"})
                return Answer(422, json.dumps({"error": reason})) if self.knows_origins else Answer(200, topic)
            self.main.append(body)
            return Answer(200, json.dumps({"messageId": f"m{len(self.main)}", "topic": "events"}))
