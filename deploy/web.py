"""How this package's own HTTP calls are made: without ~/.netrc, and by connections that stay open.

``requests`` replaces an ``Authorization`` header by a login from ``~/.netrc``, even for a host that only its
``default`` entry matches. That would send the user's password to DT and to the function, in place of our tokens.
Proxies and certificate authorities of the environment still apply.
"""

import os
import threading

import requests

_VARIABLE = "NETRC"
"""The variable with the file that ``requests`` reads in place of ``~/.netrc``: ``requests.utils.get_netrc_auth``."""

_of_thread = threading.local()


def without_netrc() -> None:
    """Make ``requests`` ignore ~/.netrc in this whole process, also when another package makes the call."""
    os.environ[_VARIABLE] = os.devnull


def session() -> requests.Session:
    """Return the session of this thread, which keeps its connections open for the next call."""
    found: requests.Session | None = getattr(_of_thread, "session", None)
    if found is None:
        found = _of_thread.session = requests.Session()
    return found


def forget_session() -> None:
    """Close the connections of this thread: after a failure they may be dead, for example because the machine slept."""
    session().close()
    _of_thread.session = None
