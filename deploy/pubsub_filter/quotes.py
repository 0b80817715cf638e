"""Texts and keys of filters in quotes: their escapes are resolved and written. Pure."""

import re

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-3][0-7]{2})|([\\\"'abfnrtv]))")
_BARE_KEY = re.compile(r"[\w-]+")
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORDS = frozenset({"AND", "OR", "NOT", "hasPrefix", "attributes"})


def is_bare_key(text: str) -> bool:
    """Return whether a key needs no quotes because of its characters."""
    return bool(_BARE_KEY.fullmatch(text))


def decoded(quoted: str) -> str:
    """Return a quoted text with its escapes resolved. Raises ``ValueError``."""
    data, position = bytearray(), 0
    while position < len(quoted):
        if quoted[position] != "\\":
            data += quoted[position].encode()
            position += 1
            continue
        escape = _ESCAPE.match(quoted, position)
        if not escape:
            raise ValueError(quoted[position : position + 6])
        data += _escaped_bytes(escape)
        position = escape.end()
    return data.decode()


def _escaped_bytes(escape: "re.Match[str]") -> bytes:
    character, hexadecimal, octal, itself = escape.groups()
    if character:
        return chr(int(character, 16)).encode()
    if itself:
        return _CONTROL.get(itself, itself).encode()
    return bytes([int(hexadecimal, 16) if hexadecimal else int(octal, 8)])


def written(value: str) -> str:
    """Return a text in quotes."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written_key(key: str) -> str:
    """Return a key for a filter: in quotes unless it is a plain word."""
    return key if key.isascii() and is_bare_key(key) and key not in _WORDS else written(key)
