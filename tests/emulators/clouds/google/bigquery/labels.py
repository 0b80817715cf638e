"""The labels of datasets and tables: https://cloud.google.com/bigquery/docs/labels-intro."""

import re

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery.problems import invalid

MAX_LABELS = 64
_KEY = re.compile(r"[^\W\d_A-Z][\w-]{0,62}")
_VALUE = re.compile(r"[\w-]{0,63}")


def check_labels(labels: Json) -> None:
    """Refuse labels that BigQuery refuses."""
    if len(labels) > MAX_LABELS:
        raise invalid(f"Too many labels: {len(labels)}. At most {MAX_LABELS} are allowed.")
    for key, value in labels.items():
        if not _KEY.fullmatch(key) or key != key.lower():
            raise invalid(f'Label key "{key}" does not match the required format.')
        if not isinstance(value, str) or not _VALUE.fullmatch(value) or value != value.lower():
            raise invalid(f'Label value "{value}" does not match the required format.')


def matches_labels(resource: Json, wanted: str) -> bool:
    """Return whether a resource has the labels of a filter: ``labels.KEY`` or ``labels.KEY:VALUE``, with blanks."""
    labels = resource.get("labels", {})
    for term in wanted.split():
        key, has_value, value = term.partition(":")
        if not key.startswith("labels."):
            raise invalid(f"Invalid filter: {wanted}")
        name = key.removeprefix("labels.")
        if name not in labels or (has_value and labels[name] != value):
            return False
    return True
