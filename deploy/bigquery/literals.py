"""Texts and labels as literals of GoogleSQL."""

import json
from collections.abc import Mapping

_written = json.JSONEncoder(ensure_ascii=False).encode


def text(words: str) -> str:
    """Return a text as a literal, which has JSON's escapes."""
    return _written(words)


def pairs(labels: Mapping[str, str]) -> str:
    """Return labels as the value of the option ``labels``."""
    return f"[{', '.join(f'({text(key)}, {text(value)})' for key, value in sorted(labels.items()))}]"
