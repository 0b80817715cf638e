"""A server's answers, as bytes: whether an answer is complete, and whether it is right. Pure."""

import json
import re

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def is_whole(answer: bytes) -> bool:
    """Return whether an HTTP answer is complete, by its length or by its last chunk."""
    head_ends_at = answer.find(b"\r\n\r\n")
    if head_ends_at < 0:
        return False
    if length := _LENGTH.search(answer, 0, head_ends_at):
        return len(answer) >= head_ends_at + 4 + int(length[1])
    return answer.endswith(b"0\r\n\r\n")


def message_id(answer: bytes, *, has_id: bool) -> str | None:
    """Return the message id of a right answer ("" if it needs none), or ``None`` for a wrong answer."""
    if not answer.startswith(b"HTTP/1.1 200 "):
        return None
    if not has_id:
        return ""
    try:
        found = json.loads(answer.partition(b"\r\n\r\n")[2])["messageId"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and found else None


def described(answer: bytes) -> str:
    """Return the status and the beginning of the body of a wrong answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, _, _ = head.partition(b"\r\n")
    return f"{status.decode(errors='replace')} {body[:200]!r}"
