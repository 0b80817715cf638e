"""Keeps the logins of ``~/.netrc`` out of this package's HTTP calls.

``requests`` replaces an ``Authorization`` header by a login from ``~/.netrc``, even for a host that only its
``default`` entry matches. That would send the user's password to DT and to the function, in place of our tokens.
Proxies and certificate authorities of the environment still apply.
"""

import os

_VARIABLE = "NETRC"
"""The variable with the file that ``requests`` reads in place of ``~/.netrc``: ``requests.utils.get_netrc_auth``."""


def without_netrc() -> None:
    """Make ``requests`` ignore ~/.netrc in this whole process, also when another package makes the call."""
    os.environ[_VARIABLE] = os.devnull
