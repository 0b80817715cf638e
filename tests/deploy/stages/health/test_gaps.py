"""Times of the last day without an event: what counts show, what DT repeats, and what only an audit can tell."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.errors import DtFailed
from deploy.google.request_counts import PERIOD_S, RequestCounts, counted
from deploy.stages.health.gaps import Gap, longest_gap
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row
from deploy.stages.health.rows import rows_of
from tests.deploy.stages.health.samples import EVERYTHING, HOUR_S, NOW, PROJECT, SPEC, line, readings

DAY_S = 24 * HOUR_S
CONNECTOR = EVERYTHING["observed"]["connectors"][PROJECT][0]


def periods(*hours: tuple[float, float], count: int) -> dict[float, int]:
    """Return so many requests in all five minutes of these times, in hours before now."""
    ends = [NOW - number * PERIOD_S for number in range(288)]
    return {end: count for end in ends if any(first * HOUR_S >= NOW - end > last * HOUR_S for first, last in hours)}


def day(*delivered: tuple[float, float], failed: tuple[float, float] = (0, 0), count: int = 5) -> RequestCounts:
    """Return a day in which events were delivered at these times, and requests failed at another."""
    good, bad = periods(*delivered, (-1, -1), count=count), periods(failed, count=count)
    return RequestCounts(NOW, {"200": 9}, {"200": 9}, NOW - DAY_S, NOW - 60, good, bad)


def gap(counts: RequestCounts) -> Gap | None:
    return longest_gap(counts)


def hours_before(found: Gap | None) -> tuple[float, float]:
    assert found
    return round((NOW - found.start) / HOUR_S, 1), round((NOW - found.end) / HOUR_S, 1)


def test_a_day_with_events_in_every_hour_has_no_gap() -> None:
    assert gap(day((24, -1))) is None
    assert gap(RequestCounts(NOW)) is None


def test_the_longest_time_without_an_event_is_found_with_how_many_are_usual_in_it() -> None:
    found = gap(day((24, 20), (18, 9), (6, -1)))
    assert hours_before(found) == (9.1, 6.1)
    assert found
    assert 160 <= found.usual <= 190
    assert not found.is_repeated


def test_a_time_that_has_not_ended_yet_is_a_gap() -> None:
    assert hours_before(gap(day((24, 2)))) == (2.1, 0.1)


def test_before_the_first_event_of_the_day_there_may_have_been_no_sensor() -> None:
    assert gap(day((20, -1))) is None


def test_a_short_time_and_a_few_silent_sensors_are_no_gap() -> None:
    assert gap(day((24, 9), (8.2, -1))) is None
    assert gap(day((24, 23), (6, -1), count=0)) is None
    assert gap(RequestCounts(NOW, delivered={NOW - 20 * HOUR_S: 1, NOW - 300: 0})) is None


def test_the_event_of_a_proof_makes_nothing_usual_before_the_sensors_come() -> None:
    assert gap(RequestCounts(NOW, delivered={NOW - 8 * HOUR_S: 1, **periods((4, -1), count=16)})) is None


def test_a_backfill_makes_no_gaps_of_quiet_hours() -> None:
    rare = {NOW - number * 4200 // PERIOD_S * PERIOD_S: 1 for number in range(20)}
    assert gap(RequestCounts(NOW, delivered=rare)) is None
    assert gap(RequestCounts(NOW, delivered={**rare, NOW - 6 * HOUR_S: 5000})) is None
    assert gap(RequestCounts(NOW, delivered={**rare, **periods((12, 9), count=15_000)})) is None


def test_a_long_time_before_the_first_sensors_hides_no_gap_after_them() -> None:
    early = {NOW - 23 * HOUR_S: 1, **periods((14, 4), (1, -1), count=5)}
    assert hours_before(gap(RequestCounts(NOW, delivered=early))) == (4.1, 1.1)


def test_strangers_and_this_commands_own_probes_are_no_tries_of_dts() -> None:
    during = NOW - 8 * HOUR_S
    outage = day((24, 9), (6, -1))
    for refused, probed, is_repeated in ((180, 0, True), (5, 0, False), (180, 170, False), (180, None, False)):
        counts = replace(outage, unauthorized={during: refused, NOW - 60: 500})
        found = longest_gap(counts, None if probed is None else [during - 1] * probed)
        assert found
        assert found.is_repeated == is_repeated


def test_what_dt_has_tried_it_repeats_for_twelve_hours_and_not_longer() -> None:
    tried = gap(day((24, 9), (6, -1), failed=(9, 6)))
    assert tried
    assert tried.is_repeated
    elsewhere = gap(day((24, 9), (6, -1), failed=(24, 20)))
    assert elsewhere
    assert not elsewhere.is_repeated
    for too_long in (day((24, 20), (6, -1), failed=(20, 6)), day((24, 9), (6, -1), failed=(6.2, 6.1), count=1)):
        found = gap(too_long)
        assert found
        assert not found.is_repeated


def test_counts_keep_their_five_minutes() -> None:
    end = "2026-11-25T04:00:00Z"
    point = {"interval": {"startTime": end, "endTime": end}, "value": {"int64Value": "7"}}
    codes = ("200", "503", "401", "429", "408", "405", "404", "403", "422")
    series = [{"metric": {"labels": {"response_code": code}}, "points": [point]} for code in codes]
    found = counted(series, NOW)
    at = datetime(2026, 11, 25, 4, tzinfo=UTC).timestamp()
    assert (found.delivered, found.failed, found.unauthorized) == ({at: 7}, {at: 21}, {at: 7})


def row(read: Readings, what: str) -> Row | None:
    return next((found for found in rows_of(SPEC, read) if found.what == what), None)


def test_a_gap_is_a_problem_that_names_the_audit_of_its_time() -> None:
    found = row(readings(requests=day((24, 9), (6, -1))), "last day")
    assert found
    assert (found.state, found.page, found.health) == ("gap", "missing-events", "unhealthy")
    assert found.detail.startswith("no event was delivered from 19:55 UTC to 22:55 UTC, in which ")
    assert found.command == "python -m deploy audit --from=2026-11-24T19:55:00Z --to=2026-11-24T22:55:00Z"


def test_a_gap_is_no_problem_any_more_when_backfill_has_sent_events_since() -> None:
    for backfilled, state, health in (
        (line(60), "backfilled", "ok"),
        (line(8 * HOUR_S), "gap", "unhealthy"),
        (DtFailed(403, "no", where="DT"), "gap", "unhealthy"),
    ):
        found = row(readings(requests=day((24, 9), (6, -1)), backfilled=backfilled), "last day")
        assert found
        assert (found.state, found.health) == (state, health)
        if health == "ok":
            assert found.detail.endswith(
                "; python -m deploy backfill has sent events since, the last 1 min ago (04:59 UTC)"
            )


def test_an_outage_that_dt_makes_up_for_is_shown_and_no_problem() -> None:
    found = row(readings(requests=day((24, 9), (6, -1), failed=(9, 6))), "last day")
    assert found
    assert (found.state, found.health) == ("late", "ok")
    assert found.detail.endswith("requests failed, and DT repeats each event for 12 h")


def test_a_pause_that_goes_on_has_its_own_row_and_what_it_leaves_has_another() -> None:
    paused = {"connectors": {PROJECT: [{**CONNECTOR, "status": "USER_DISABLED"}]}}
    assert row(readings(paused, requests=day((24, 2))), "last day") is None
    assert row(readings(requests=day((24, 2))), "last day")
    assert row(readings(paused, requests=day((24, 9), (6, 1))), "last day")


def test_nights_without_the_events_that_people_cause_are_no_gap() -> None:
    for event_types, is_gap in ((["touch"], False), (["touch", "temperature"], True), ([], True)):
        sends = {"connectors": {PROJECT: [{**CONNECTOR, "event_types": event_types}]}}
        found = row(readings(sends, requests=day((24, 15), (3, -1))), "last day")
        assert (found is not None) == is_gap


@pytest.mark.parametrize(
    ("reported", "state"),
    [
        ({}, "ok"),
        ({PROJECT: {"temperature": NOW - 120}}, "ok"),
        ({PROJECT: {"temperature": NOW - 60}}, "behind"),
        ({PROJECT: DtFailed(403, "no", where="DT")}, "ok"),
        ({"another": {"temperature": NOW}}, "ok"),
    ],
)
def test_an_event_that_dt_has_and_that_did_not_come_is_a_problem(reported: Any, state: str) -> None:
    found = row(readings(newest_event=line(1000), requests=RequestCounts(NOW), reported=reported), "last event")
    assert found
    assert found.state == state
    if state == "behind":
        assert found.detail.endswith("; DT has a newer one, 1 min ago (04:59 UTC)")
        assert (found.page, found.command) == ("no-events", "python -m deploy verify")


def test_only_types_that_the_connector_sends_count() -> None:
    some = {"connectors": {PROJECT: [{**CONNECTOR, "event_types": ["temperature"]}]}}
    for event_type, state in (("touch", "ok"), ("temperature", "behind")):
        read = readings(
            some, newest_event=line(9000), requests=RequestCounts(NOW), reported={PROJECT: {event_type: NOW}}
        )
        found = row(read, "last event")
        assert found
        assert found.state == state


def test_a_silent_deployment_whose_sensors_report_to_dt_says_so() -> None:
    silent = readings(newest_event=None, requests=RequestCounts(NOW), reported={PROJECT: {"touch": NOW - 60}})
    connector = next(iter(silent.deliveries))
    found = row(replace(silent, deliveries={connector: {}}), "last event")
    assert found
    assert found.detail == "none in the last 1 d; DT has a newer one, 1 min ago (04:59 UTC)"
    assert row(silent, "last event").state == "ok", "DT has counted deliveries"  # type: ignore[union-attr]
