"""The one error of the benchmark."""


class BenchError(Exception):
    """A measurement that would not be true, or could not be made; its sentence is fit for a terminal."""
