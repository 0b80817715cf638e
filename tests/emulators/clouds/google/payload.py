"""The payload of a secret version: standard or URL-safe base64, and its checksum.

JSON bytes: https://protobuf.dev/programming-guides/json. Checksums: https://cloud.google.com/secret-manager/docs/data-integrity.
"""

import base64
import binascii
from typing import Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.problems import invalid

MAX_BYTES = 65_536
_CASTAGNOLI = 0x82F63B78  # the polynomial, bit-reversed


def read_payload(payload: Any) -> bytes:
    """Return the bytes of a ``SecretPayload``. Raises ``Problem``."""
    if not isinstance(payload, dict) or not payload.get("data"):
        raise invalid("Secret payload cannot be empty.")
    data = decode_bytes(payload["data"], "payload.data")
    if len(data) > MAX_BYTES:
        raise invalid(f"The payload of a secret version has at most {MAX_BYTES} bytes.")
    checksum = payload.get("dataCrc32c")
    if checksum is not None and str(checksum) != str(crc32c(data)):
        raise invalid(f"The checksum of the payload data is {crc32c(data)}, but {checksum} was provided.")
    return data


def written_payload(data: bytes) -> Json:
    """Return a ``SecretPayload`` with these bytes."""
    return {"data": base64.b64encode(data).decode(), "dataCrc32c": str(crc32c(data))}


def decode_bytes(text: Any, field: str) -> bytes:
    """Return the bytes of standard or URL-safe base64, with or without padding. Raises ``Problem``."""
    try:
        plain = str(text).replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"Invalid value at '{field}' (TYPE_BYTES), Base64 decoding failed for \"{text}\"") from error


def crc32c(data: bytes) -> int:
    """Return the CRC32C (RFC 3720) of the data."""
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = (checksum >> 8) ^ _TABLE[(checksum ^ byte) & 0xFF]
    return checksum ^ 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_CASTAGNOLI if byte & 1 else 0)
    return byte


_TABLE = [_entry(byte) for byte in range(256)]
