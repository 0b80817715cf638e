"""The command that sends an event to the function again, for bash, zsh and fish. Pure.

``signed`` puts a signature into the command, which holds for an hour and for this body only. ``signing`` signs when it
is run, with the secret in a variable of the terminal, so that neither the browser nor the clipboard gets the secret.
"""

import re
import shlex
from collections.abc import Mapping
from textwrap import dedent

from deploy.pages import page

MAX_ARGUMENT_BYTES = 100_000
"""A longer body comes from a file; Linux allows an argument of 131,072 bytes."""

_READ_BY_FISH = re.compile(r"\\(?:[\\']|\Z)")
"""A backslash before another one or before a quote: fish takes it as an escape, even within quotes."""

URL, SECRET = "FUNCTION_URL", "DT_SIGNATURE_SECRET"  # names of variables
HOW = page("live-page.md")
NOTE = f"It takes the function's URL from {URL} and the secret from {SECRET}: {HOW} shows how to set them."

_PROGRAM = dedent(
    f"""\
    import base64, hashlib, hmac, json, os, secrets, sys, time
    part = lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")
    key = os.environ.get("{SECRET}", "").split()
    if not key or not os.environ.get("{URL}"): sys.exit("set {URL} and {SECRET} first")
    body, now = BODY, int(time.time())
    claims = {{"checksum_sha256": hashlib.sha256(body).hexdigest(), "iat": now, "exp": now + 3600}}
    parts = ({{"alg": "HS256", "typ": "JWT"}}, {{**claims, "jti": secrets.token_hex(10)}})
    head = ".".join(part(json.dumps(value).encode()) for value in parts)
    print("Content-Type: application/json")
    print("X-Dt-Signature: " + head + "." + part(hmac.digest(key[0].encode(), head.encode(), "sha256")))"""
)
"""Prints the headers, as ``curl -H @-`` reads them. It has no backslash and no single quote, so that every shell passes
it on unchanged."""


def signed(url: str, body: bytes, headers: Mapping[str, str], file_name: str) -> str:
    """Return a command with these headers. ``file_name``: of the body, if it cannot be a part of the command."""
    flags = [flag for name, value in headers.items() for flag in ("-H", f"{name}: {value}")]
    return shlex.join(["curl", "-i", url, *flags, *_data(body, file_name)])


def signing(body: bytes, file_name: str) -> str:
    """Return a command that signs the body when it is run. It takes URL and secret from the environment."""
    source = "sys.argv[1].encode()" if is_plain(body) else 'open(sys.argv[1], "rb").read()'
    argument = body.decode() if is_plain(body) else file_name
    program = shlex.join(["python3", "-c", _PROGRAM.replace("BODY", source), argument])
    return f'{program} |\n  curl -i "${URL}" -H @- {shlex.join(_data(body, file_name))}'


def is_plain(body: bytes) -> bool:
    """Return whether every shell passes a body on unchanged as an argument."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    is_printable = text.replace("\n", "").isprintable()
    return bool(text) and len(body) < MAX_ARGUMENT_BYTES and is_printable and not _READ_BY_FISH.search(text)


def _data(body: bytes, file_name: str) -> list[str]:
    """Return the flags of curl for a body. ``--data-raw`` sends a text that begins with ``@`` as it is."""
    return ["--data-raw", body.decode()] if is_plain(body) else ["--data-binary", f"@{file_name}"]
