"""DT's ids: 20 characters of base 32 that grow with time, like those of https://github.com/rs/xid."""

import base64
import itertools
import secrets
import time

_MACHINE = secrets.token_bytes(5)
_numbers = itertools.count(secrets.randbelow(2**16))


def new_xid() -> str:
    """Return an id that sorts after all earlier ones."""
    raw = int(time.time()).to_bytes(4) + _MACHINE + (next(_numbers) % 2**24).to_bytes(3)
    return base64.b32hexencode(raw).decode().lower().rstrip("=")
