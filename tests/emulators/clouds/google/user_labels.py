"""The user labels of alert policies and notification channels, with Google's limits."""

import re
from collections.abc import Mapping

from tests.emulators.clouds.google.problems import invalid

_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


def check_user_labels(labels: Mapping[str, str]) -> None:
    """Refuse more than 64 labels, and keys and values that are too long or have other characters."""
    if len(labels) > 64:
        raise invalid("There are at most 64 user labels.")
    for key, value in labels.items():
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise invalid(f"The user label {key!r}: {value!r} is not valid.")
