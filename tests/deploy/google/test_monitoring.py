"""Time series of Cloud Monitoring: what counts as no value yet, what is repeated, and what an error says."""

from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.google.calls import Answer, Call
from deploy.google.monitoring import Monitoring

SOME: list[Any] = [{"points": []}]
URL = "https://monitoring.googleapis.com/v3/projects/p/timeSeries"


class Google:
    """Answers the next calls with these answers, and keeps the calls and the pauses between them."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked, self.slept = list(answers), list[Call](), list[float]()

    def time_series(self) -> list[Any]:
        """Ask for time series of the project ``p``."""
        return Monitoring(self, self.slept.append).time_series("p", {"filter": "x = y"})

    def __call__(self, call: Call) -> Answer:
        """Answer a call."""
        self.asked.append(call)
        return self.answers.pop(0)


def said(message: str = "", **error: Any) -> dict[str, Any]:
    return {"error": {"message": message, **error}}


@pytest.mark.parametrize(
    ("answer", "series"),
    [
        (Answer(200, {"timeSeries": SOME}), SOME),
        (Answer(200, {}), []),
        (Answer(404, said("Cannot find metric(s) that match type = x")), []),
    ],
)
def test_time_series_are_read_and_a_metric_that_was_never_written_has_none(answer: Answer, series: list[Any]) -> None:
    google = Google(answer)
    assert google.time_series() == series
    assert google.asked == [Call("GET", URL, params={"filter": "x = y"})]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(403, said(details=[{"reason": "SERVICE_DISABLED"}])), "services enable monitoring"),
        (Answer(403, said(status="PERMISSION_DENIED")), "monitoring.timeSeries.list is missing"),
        (Answer(404, said("project not found")), r"did not answer \(404\)"),
        (Answer(302), "302"),
        (Answer(500), "500"),
        (Answer(200, []), "unexpected structure"),
        (Answer(200, {"timeSeries": {}}), "unexpected structure"),
        (Answer(0, why="no name server", fix="cat /etc/resolv.conf"), "no name server\n  fix: cat /etc/resolv.conf"),
    ],
)
def test_time_series_that_cannot_be_read_are_an_error_that_says_why(answer: Answer, message: str) -> None:
    with pytest.raises(DeployError, match=message):
        Google(*[answer] * 3).time_series()


@pytest.mark.parametrize("status", [429, 503])
def test_time_series_are_asked_for_again_after_what_passes(status: int) -> None:
    google = Google(Answer(status), Answer(status), Answer(200, {"timeSeries": SOME}))
    assert google.time_series() == SOME
    assert google.slept == [1.0, 3.0]
