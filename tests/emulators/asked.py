"""Google's side of the offline clouds without proxy and TLS: a request in, its answer out, all in this process."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.blackbox.serving import Answer
from tests.emulators.clients import Heard, all_on
from tests.emulators.clouds.exchange import Request
from tests.emulators.clouds.google.cloud import Google
from tests.emulators.clouds.google.data_plane import DataPlane
from tests.emulators.clouds.google.estate import Estate

__all__ = ["Answer", "Asked"]

NOWHERE = "127.0.0.1:1"
"""A port at which nobody answers, for tests without messages."""


class Asked:
    """Google with one project in which every API is on. ``pubsub``: the address of the Pub/Sub with the messages."""

    def __init__(self, pubsub: str = NOWHERE, estate: Estate | None = None) -> None:
        self._plane = DataPlane(pubsub)
        self.estate = all_on(estate or Estate(account_lag_s=0))
        self.google = Google(self.estate, self._plane, {})

    def __call__(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Heard:
        """Return the answer to a request of the project's owner. ``url``: below ``https://``."""
        parts = urlsplit(f"https://{url}")
        sent = {"authorization": f"Bearer {self.estate.token}", **(headers or {})}
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        data = b"" if body is None else json.dumps(body).encode()
        answer = self.google.answer(Request.from_target(method, parts.hostname or "", target, sent, data))
        assert answer.is_played, url
        return Heard(answer.status, answer.headers, answer.body)

    def close(self) -> None:
        """End what runs."""
        self.google.close()
        self._plane.close()
