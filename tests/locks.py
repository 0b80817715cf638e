"""``python -m tests.locks LOCK ...``: add a pin without the extra for each package that is pinned with an extra.

A pip before 23.3 looks at the newest release of a package before it has read the pin of the same package with an extra.
As soon as there is a newer release, pip refuses it, because it has no hash. So each lock has both pins:
``google-api-core==2.44.0`` and ``google-api-core[grpc]==2.44.0``. uv writes only one of them.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_WITH_EXTRA = re.compile(r"^([a-z0-9-]+)\[[a-z0-9,-]+\](==.*)$", re.DOTALL)


def completed(lock: str) -> str:
    """Return the lock with the same pin without the extra before each pin with an extra."""
    blocks = [*_blocks(lock)]
    bare = {found[1] + found[2].split()[0] for block in blocks if (found := _WITH_EXTRA.match(block))}
    kept = [block for block in blocks if block.split()[0] not in bare]
    return "".join(_both(block) for block in kept)


def _blocks(lock: str) -> Iterator[str]:
    """Split a lock into requirements, each with the lines that belong to it."""
    block = ""
    for line in lock.splitlines(keepends=True):
        if block and not line.startswith(" "):
            yield block
            block = ""
        block += line
    yield block


def _both(block: str) -> str:
    found = _WITH_EXTRA.match(block)
    if not found:
        return block
    pinned = "".join(line for line in found[2].splitlines(keepends=True) if not line.startswith("    #"))
    return f"{found[1]}{pinned}{block}"


def main(arguments: Sequence[str]) -> int:
    """Complete these files in place."""
    for name in arguments:
        path = Path(name)
        path.write_text(completed(path.read_text("utf-8")), "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
