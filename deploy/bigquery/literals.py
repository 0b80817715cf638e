"""Texts and labels as literals of GoogleSQL."""

import json
from collections.abc import Mapping


def text(words: str) -> str:
    """Return a text as a literal, which has JSON's escapes."""
    return json.dumps(words, ensure_ascii=False)


def pairs(labels: Mapping[str, str]) -> str:
    """Return labels as the value of the option ``labels``."""
    return f"[{', '.join(f'({text(key)}, {text(value)})' for key, value in sorted(labels.items()))}]"
