"""Who may see the page: a browser on this machine that opened the address from the terminal. Random, otherwise pure.

Another site in the same browser can reach a port of this machine, so a request has to pass three checks:

* its ``Host`` is a name of this machine. That stops a site whose name resolves to 127.0.0.1 (DNS rebinding);
* the browser says that it does not come from another site or another port: ``Sec-Fetch-Site``;
* it has the session's cookie, which a browser gets once for the token in the address.

A cookie does not belong to one port, but a browser sends ``Sec-Fetch-Site: same-site`` for a page of another port.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence
from hmac import compare_digest
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store, no-transform",
}
"""The headers of every answer: https://www.w3.org/TR/CSP3/ and https://www.w3.org/TR/trusted-types/."""


class Access:
    """The token of the address, which works once, and the cookie that a browser gets for it.

    ``host_names``: further names under which a proxy or a tunnel shows the page. ``port`` distinguishes the cookies of
    several pages of this machine.
    """

    def __init__(self, port: int, host_names: Sequence[str] = ()) -> None:
        self._names = {*LOOPBACK, *(name.lower().rstrip(".") for name in host_names)}
        self._lock = threading.Lock()
        self._session = secrets.token_urlsafe(32)
        self._cookie = f"dt-live-{port}"
        self._token = secrets.token_urlsafe(24)

    @property
    def token(self) -> str:
        """The token of the address that works next."""
        with self._lock:
            return self._token

    def exchange(self, token: str) -> str | None:
        """Return the cookie for a token and replace the token, or return None if it is not the current one."""
        with self._lock:
            if not compare_digest(token.encode(), self._token.encode()):
                return None
            self._token = secrets.token_urlsafe(24)
        return f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"

    def has_session(self, cookies: str) -> bool:
        """Return whether a ``Cookie`` header has the session's cookie.

        A browser sends the cookies of all ports of a host. ``http.cookies`` would read none of them if another program
        has set a single one that is odd.
        """
        pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
        sessions = [value for name, _, value in pairs if name == self._cookie]
        return any(compare_digest(session.encode(), self._session.encode()) for session in sessions)

    def is_ours(self, hosts: Sequence[str]) -> bool:
        """Return whether the values of ``Host`` are one name of this page."""
        if len(hosts) != 1:
            return False
        try:
            name = urlsplit(f"//{hosts[0]}").hostname
        except ValueError:
            return False
        return (name or "").rstrip(".") in self._names


def is_from_another_site(fetch_site: str, fetch_mode: str) -> bool:
    """Return whether a browser says that another site or port caused a request.

    A link to the page is allowed, because its address is of no use without the token. An old browser says nothing.
    """
    return fetch_site not in {"", "none", "same-origin"} and fetch_mode != "navigate"
