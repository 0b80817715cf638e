"""The texts in Python source, for tests of what a command prints. Support for tests, not a test."""

import functools
from collections.abc import Iterator
from pathlib import Path
from types import CodeType


@functools.cache
def texts(module: Path) -> tuple[str, ...]:
    """Return all strings of a module without its docstrings, which Python leaves out at this level."""
    return tuple(_strings(compile(module.read_text("utf-8"), module, "exec", dont_inherit=True, optimize=2)))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, CodeType):
        yield from _strings(value.co_consts)
    elif isinstance(value, tuple | frozenset):
        for part in value:
            yield from _strings(part)
