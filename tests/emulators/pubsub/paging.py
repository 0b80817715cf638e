"""Lists in pages: https://google.aip.dev/158."""

from collections.abc import Sequence
from typing import Any

from tests.emulators.errors import invalid
from tests.emulators.pubsub import limits

_TOKEN = "after-"  # no secret


def page(items: Sequence[Any], size: int, token: str) -> tuple[list[Any], str]:
    """Return the requested page of a list, and the token of the next page (empty at the end). Raises ``Refused``."""
    limits.check_page_size(size)
    number = token.removeprefix(_TOKEN)
    if token and not (token.startswith(_TOKEN) and number.isdecimal()):
        raise invalid("Invalid page token given.")
    start = int(number or 0)
    end = start + min(size or limits.MAX_PAGE_SIZE, limits.MAX_PAGE_SIZE)
    return list(items[start:end]), f"{_TOKEN}{end}" if end < len(items) else ""
