"""Times as text: in UTC, with the rest of the last unit cut off."""

from deploy.times import utc


def test_times_are_written_in_utc() -> None:
    assert utc(0.9) == "1970-01-01T00:00:00Z"
    assert utc(1_795_442_531.5) == "2026-11-23T14:02:11Z"


def test_a_time_can_have_milliseconds() -> None:
    assert utc(0.9996, "milliseconds") == "1970-01-01T00:00:00.999Z"
    assert utc(1, "milliseconds") == "1970-01-01T00:00:01.000Z"
