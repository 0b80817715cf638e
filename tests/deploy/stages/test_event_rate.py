"""How many events come, and from what that is known."""

import pytest

from deploy.costs.month import MONTH_S
from deploy.dt.sensors import SensorCount
from deploy.errors import DeployError, DtFailed
from deploy.google.request_counts import DAY_S, RequestCounts
from deploy.profiles import events_per_s
from deploy.spec import CostSettings
from deploy.stages.event_rate import LONG_S, Counts, found_out, given, why_uncounted, why_unmeasured
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.stage import spec

SENSORS = SensorCount((DT_PROJECT,), 1_240)
REFUSED = DtFailed(403, "403 permission denied", where="DT, GET /projects/x/devices")


def measured(seconds: float, per_s: float = 12.1) -> RequestCounts:
    return RequestCounts(MONTH_S, {"200": round(per_s * seconds)}, {}, since=MONTH_S - seconds)


def test_what_was_measured_for_three_hours_is_better_than_the_number_of_sensors() -> None:
    found = found_out(spec(), Counts(SENSORS, measured(LONG_S)))
    assert found is not None
    assert (found.by, found.words, found.sensors) == ("measured", "at 12 requests/s, measured over 3 h", None)
    assert found.per_s == pytest.approx(12.1)


def test_the_number_of_sensors_is_better_than_what_was_measured_for_a_shorter_time() -> None:
    found = found_out(spec(), Counts(SENSORS, measured(LONG_S - 1)))
    assert found is not None
    assert (found.by, found.words, found.sensors) == (
        *("counted", f"for the 1,240 sensors that DT has in DT project {DT_PROJECT}"),
        1_240,
    )
    assert found.per_s == events_per_s(1_240)


def test_the_number_of_sensors_is_better_if_the_connectors_will_send_other_events() -> None:
    found = found_out(spec(event_types=("touch",)), Counts(SENSORS, measured(24 * 3600)), changes_events=True)
    assert found is not None
    assert (found.by, found.per_s) == ("counted", events_per_s(1_240, with_network_status=False))


def test_a_rate_that_was_measured_before_the_connectors_send_other_events_is_a_guess() -> None:
    found = found_out(spec(event_types=("touch",)), Counts(REFUSED, measured(24 * 3600)), changes_events=True)
    assert found is not None
    assert (found.by, found.is_guess) == ("measured", True)
    assert found.words == "at 12 requests/s, measured over 1 d, before this change"


@pytest.mark.parametrize("sensors", [None, REFUSED, SensorCount((DT_PROJECT,), 0)])
def test_without_a_number_of_sensors_a_short_measurement_counts(sensors: SensorCount | DeployError | None) -> None:
    found = found_out(spec(), Counts(sensors, measured(300)))
    assert found is not None
    assert (found.words, found.is_guess) == ("at 12 requests/s, a first guess from 5 min", True)


@pytest.mark.parametrize("requests", [None, DeployError("is off"), RequestCounts(MONTH_S)])
def test_nothing_is_known_without_both(requests: RequestCounts | DeployError | None) -> None:
    assert found_out(spec(), Counts(REFUSED, requests)) is None


@pytest.mark.parametrize(
    ("per_s", "words"),
    [
        (1 / DAY_S, "1 request a day"),
        (0.0099, "855 requests a day"),
        (0.01, "0.01 requests/s"),
        (0.4, "0.4 requests/s"),
        (3.68, "3.7 requests/s"),
        (367.5, "368 requests/s"),
        (3675.2, "3,675 requests/s"),
    ],
)
def test_a_rate_is_written_without_an_exponent(per_s: float, words: str) -> None:
    found = found_out(spec(), Counts(requests=measured(24 * 3600, per_s)))
    assert found is not None
    assert found.words == f"at {words}, measured over 1 d"


def test_only_requests_that_dt_sends_are_measured() -> None:
    scanned = RequestCounts(MONTH_S, {"403": 90_000, "404": 500, "401": 9}, {}, since=None)
    found = found_out(spec(), Counts(SENSORS, scanned))
    assert found is not None
    assert found.by == "counted"


@pytest.mark.parametrize(("share", "is_named"), [(0.099, True), (0.101, False)])
def test_a_rate_far_below_that_of_the_sensors_is_named_with_it(share: float, *, is_named: bool) -> None:
    found = found_out(spec(), Counts(SENSORS, measured(24 * 3600, events_per_s(1_240) * share)))
    assert found is not None
    both = f", far below 4.6 requests/s for the 1,240 sensors that DT has in DT project {DT_PROJECT}"
    assert found.words == f"at {'0.45' if is_named else '0.46'} requests/s, measured over 1 d{both if is_named else ''}"


def test_emulated_sensors_and_the_number_of_projects_are_named() -> None:
    found = found_out(spec(), Counts(SensorCount((DT_PROJECT, SECOND), 1, emulated=1)))
    assert found is not None
    assert found.words == "for the 1 sensor that DT has in 2 DT projects (1 emulated)"


def test_a_number_that_is_set_is_given() -> None:
    found = given(spec(cost=CostSettings(sensors=5_000)))
    assert found is not None
    assert (found.by, found.words, found.sensors) == ("given", "at 5,000 sensors", 5_000)
    assert given(spec()) is None


@pytest.mark.parametrize(
    ("sensors", "why"),
    [
        (None, ""),
        (SENSORS, ""),
        (REFUSED, "the sensors could not be counted: 403 permission denied"),
        (SensorCount((DT_PROJECT,), 0), f"no sensors yet in DT project {DT_PROJECT}"),
        (SensorCount((DT_PROJECT, SECOND), 0), "no sensors yet in 2 DT projects"),
    ],
)
def test_why_there_is_no_number_is_said_in_few_words(sensors: SensorCount | DeployError | None, why: str) -> None:
    assert why_uncounted(Counts(sensors)) == why


@pytest.mark.parametrize(
    ("requests", "why"),
    [
        (None, ""),
        (RequestCounts(MONTH_S), ""),
        (DeployError("is off"), "the requests could not be counted: is off"),
    ],
)
def test_why_no_rate_is_measured_is_said_in_few_words(requests: RequestCounts | DeployError | None, why: str) -> None:
    assert why_unmeasured(Counts(requests=requests)) == why
