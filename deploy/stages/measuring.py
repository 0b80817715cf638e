"""Asks Cloud Monitoring for the requests of a day, and turns an answer that Google does not document into an error."""

from collections.abc import Callable
from typing import TypeVar

from deploy.errors import DeployError
from deploy.google.monitoring import ReadTimeSeries
from deploy.google.request_counts import RequestCounts, counted, question
from deploy.spec import Spec

T = TypeVar("T")


def read_requests(spec: Spec, read_time_series: ReadTimeSeries, now: float) -> RequestCounts:
    """Return how many requests the function has answered in the last day. ``now``: seconds since 1970.

    Raises:
        DeployError: they could not be read.

    """
    series = read_time_series(spec.google_project, question(spec, now))
    return parsed(lambda: counted(series, now))


def parsed(parse: Callable[[], T]) -> T:
    """Return the parsed answer of Cloud Monitoring.

    Raises:
        DeployError: the answer has another structure than Google documents.

    """
    try:
        return parse()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"answered with an unexpected structure ({type(error).__name__})"
        raise DeployError(what, where="Cloud Monitoring") from None
