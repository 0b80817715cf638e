"""The one error of the benchmark."""


class BenchError(Exception):
    """A measurement is impossible or would be wrong; the message can be shown to a user."""
