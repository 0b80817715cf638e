"""The subscription's transform: the JavaScript of ``transform.js``, which makes a row of the table of a message.

Rules of such a function: https://cloud.google.com/pubsub/docs/smts/udfs-overview
"""

import json
from importlib.resources import files
from typing import Any

FUNCTION = "row"
"""The name of the function in the code."""

LARGEST_CODE_BYTES = 20 * 1024
"""Google's limit."""

CODE = (files(__package__) / "transform.js").read_text("utf-8")


FILE = str(files(__package__) / "transforms.json")
"""The file of the transforms for ``--message-transforms-file`` of gcloud, which ``make schema`` writes."""


def transforms() -> list[dict[str, Any]]:
    """Return the ``messageTransforms`` of a subscription, as Pub/Sub's REST API and gcloud take them."""
    return [{"javascriptUdf": {"functionName": FUNCTION, "code": CODE}}]


def transforms_text() -> str:
    """Return the text of ``FILE``."""
    return json.dumps(transforms(), indent=1) + "\n"
