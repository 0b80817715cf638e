"""What every HTTP call of this package has in common: the headers that it was given are the headers that are sent.

``requests`` puts a login from ``~/.netrc`` in the place of an ``Authorization`` header, also where a host is not listed
there but a ``default`` entry is. That would send somebody's password to DT and to the function, in place of our tokens.
Proxies and certificate authorities of the environment hold as before.
"""

import os

_VARIABLE = "NETRC"
"""Names the file that ``requests`` reads in place of ``~/.netrc``: ``requests.utils.get_netrc_auth``."""


def without_netrc() -> None:
    """Let no login of ~/.netrc be sent by this process, whichever package makes the call."""
    os.environ[_VARIABLE] = os.devnull
