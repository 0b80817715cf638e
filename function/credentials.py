"""Fetches access tokens: from the metadata server of Cloud Run, or else by Application Default Credentials.

Google's library sends the metadata server up to four requests for each new token: a ping with three attempts of 3 s,
the project, the account, and the token. If the environment says that there is a metadata server, one request is enough:
https://cloud.google.com/run/docs/securing/service-identity#access_tokens.
"""

import contextlib
import http.client
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from function.access_token import AccessToken, Fetch
from function.errors import PublishTransient

METADATA_HOSTS = ("169.254.169.254", "metadata.google.internal")
"""The address comes first, because it works while names cannot be resolved."""

SPARE_S = 0.2
"""Seconds between a request's timeout and the shutdown of its connection.

The socket's own timeout comes first, so that the error of a silent server is a timeout.
"""

LONGEST_REPLY = 65_536
"""Maximum bytes that are read of a metadata server's reply."""

_TOKEN = re.compile(r"[!-~]{1,8192}")
"""Printable ASCII. Google's tokens have at most 2,048 bytes, and gRPC sends at most 16 KiB of metadata."""

_PATH = "/computeMetadata/v1/instance/service-accounts/default/token?scopes="


def token_source(environ: Mapping[str, str], scopes: Sequence[str], *, now: Callable[[], float]) -> Fetch:
    """Return the call that fetches tokens in this environment, in the order of Application Default Credentials.

    A file of credentials comes first. Without a file, the metadata server is asked if the environment says that there
    is one: Cloud Run sets ``K_SERVICE`` (https://cloud.google.com/run/docs/container-contract#services-env-vars).
    """
    named_host = environ.get("GCE_METADATA_HOST")
    has_server = named_host or environ.get("K_SERVICE")
    if not has_server or environ.get("GOOGLE_APPLICATION_CREDENTIALS") or _gcloud_file(environ).exists():
        from function.google_tokens import google_credentials  # noqa: PLC0415  # Cloud Run needs no such library

        return google_credentials(scopes)
    return MetadataServer([named_host] if named_host else METADATA_HOSTS, scopes, now=now)


def _gcloud_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the file that ``gcloud auth application-default login`` writes."""
    folder = environ.get("CLOUDSDK_CONFIG") or Path(environ.get("HOME", "/"), ".config", "gcloud")
    return Path(folder, "application_default_credentials.json")


class _Reply(msgspec.Struct):
    access_token: str
    expires_in: float


class MetadataServer:
    """Fetches the token of the machine's service account. If one host does not answer, the next call asks the next."""

    def __init__(self, hosts: Sequence[str], scopes: Sequence[str], *, now: Callable[[], float]) -> None:
        self._hosts = deque(hosts)
        self._path = _PATH + ",".join(scopes)
        self._now = now

    def __call__(self, timeout_s: float) -> AccessToken:
        """Ask one host once, within ``timeout_s`` seconds. Raises PublishTransient, which says how that failed."""
        asked_at = self._now()
        try:
            reply = msgspec.json.decode(self._ask(timeout_s), type=_Reply)
        except (OSError, http.client.HTTPException) as error:
            self._hosts.rotate(-1)
            raise PublishTransient(f"no access token: metadata server: {type(error).__name__}: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PublishTransient("no access token: the metadata server's reply is not one") from error
        if not _TOKEN.fullmatch(reply.access_token):
            raise PublishTransient("no access token: the metadata server's reply is not one")
        if reply.expires_in <= 0:
            raise PublishTransient("no access token: the metadata server's token has expired")
        return AccessToken((("authorization", f"Bearer {reply.access_token}"),), asked_at + reply.expires_in)

    def _ask(self, timeout_s: float) -> bytes:
        connection = http.client.HTTPConnection(self._hosts[0], timeout=timeout_s)
        try:
            connection.connect()
            with _cut_after(timeout_s + SPARE_S, connection.sock):
                connection.request("GET", self._path, headers={"Metadata-Flavor": "Google"})
                with connection.getresponse() as response:
                    if response.status != http.client.OK:
                        raise PublishTransient(f"no access token: the metadata server answered {response.status}")
                    return response.read(LONGEST_REPLY)
        finally:
            connection.close()


@contextlib.contextmanager
def _cut_after(timeout_s: float, connection: socket.socket) -> Iterator[None]:
    """Shut a connection down after ``timeout_s`` seconds, because a socket's own timeout restarts with each byte."""

    def cut() -> None:
        with contextlib.suppress(OSError):  # the connection has just ended by itself
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
