"""A request and its answer, as the workbench and ``send`` show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. ``reply``: the answer's JSON object. ``latency_s``: until the answer, in seconds."""

    at: datetime
    method: str
    body: bytes
    status: int
    reply: Mapping[str, Any]
    latency_s: float
    execution_id: str

    @property
    def is_rejected(self) -> bool:
        """Whether the event went to the rejected topic."""
        return self.reply.get("topic") == "rejected"

    @property
    def needs_log(self) -> bool:
        """Whether only the log says why: the event was rejected, or the function failed."""
        return self.is_rejected or self.status >= 500
