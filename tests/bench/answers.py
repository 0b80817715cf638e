"""A server's answers, as bytes: whether one has come to its end, and whether it is right. Pure."""

import json
import re

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def is_whole(answer: bytes) -> bool:
    """Whether an HTTP answer has come to its end: by its length, or by its last chunk."""
    head_ends_at = answer.find(b"\r\n\r\n")
    if head_ends_at < 0:
        return False
    if length := _LENGTH.search(answer, 0, head_ends_at):
        return len(answer) >= head_ends_at + 4 + int(length[1])
    return answer.endswith(b"0\r\n\r\n")


def message_id(answer: bytes, *, has_id: bool) -> str | None:
    """Give the message id of a right answer (of one that needs none: an empty text); ``None`` of a wrong one."""
    if not answer.startswith(b"HTTP/1.1 200 "):
        return None
    if not has_id:
        return ""
    try:
        found = json.loads(answer.partition(b"\r\n\r\n")[2])["messageId"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and found else None


def told(answer: bytes) -> str:
    """Tell a wrong answer by its status and the beginning of its body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, _, _ = head.partition(b"\r\n")
    return f"{status.decode(errors='replace')} {body[:200]!r}"
