"""The error for a text that is no filter, and the limit of a filter's length. Pure."""

from deploy.errors import DeployError

MAX_BYTES = 256
"""Bytes of a filter: https://cloud.google.com/pubsub/quotas#resource_limits."""


class FilterInvalid(DeployError):
    """A text is not a filter. ``position``: the index of the first invalid character."""

    def __init__(self, text: str, position: int, why: str) -> None:
        super().__init__(f"invalid filter {text!r}, at character {position + 1}: {why}")
        self.text = text
        self.position = position
        self.why = why
