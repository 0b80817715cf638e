"""One message, as a subscriber received it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the main topic, or of the rejected topic if ``rejected``.

    ``id``: Pub/Sub's message id. ``data``: the bytes, which may be anything on the rejected topic. ``published_at`` and
    ``received_at``: unix seconds by Pub/Sub's clock and by this machine's.
    """

    id: str
    data: bytes
    attributes: Mapping[str, str]
    published_at: float
    received_at: float
    rejected: bool
