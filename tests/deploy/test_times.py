"""Times and durations as text: what is written is in UTC, and what a user writes names its zone."""

import pytest

from deploy.times import moment, seconds, utc

NOW = 1_795_442_531.5
"""2026-11-23T14:02:11.5Z."""


def test_times_are_written_in_utc() -> None:
    assert utc(0.9) == "1970-01-01T00:00:00Z"
    assert utc(NOW) == "2026-11-23T14:02:11Z"


def test_a_time_can_have_milliseconds() -> None:
    assert utc(0.9996, "milliseconds") == "1970-01-01T00:00:00.999Z"
    assert utc(1, "milliseconds") == "1970-01-01T00:00:01.000Z"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *(("2026-11-23T14:02:11Z", NOW - 0.5), ("2026-11-23t14:02:11.5z", NOW), ("2026-11-23 14:02:11.500Z", NOW)),
        *(
            ("2026-11-23T15:02:11.5+01:00", NOW),
            ("2026-11-23T05:32:11.5-08:30", NOW),
            ("2026-11-23T14:02Z", NOW - 11.5),
        ),
        *(("2026-11-23", NOW - 50_531.5), ("1970-01-01", 0.0), ("now", NOW)),
        *(("30s", NOW - 30), ("90m", NOW - 5_400), ("2h", NOW - 7_200), ("7d", NOW - 604_800), ("0s", NOW)),
    ],
)
def test_a_time_is_rfc_3339_or_a_date_or_an_age_or_now(text: str, at: float) -> None:
    assert moment(text, NOW) == at


def test_a_time_as_pubsub_writes_it_with_nanoseconds_is_read_to_the_microsecond() -> None:
    assert moment("2026-11-23T14:02:11.123456789Z", NOW) == pytest.approx(NOW - 0.5 + 0.123456, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-23T14:02:11", "'2026-11-23T14:02:11' has no time zone: write 2026-11-23T14:02:11Z for UTC, or its"),
        ("2026-02-30", "'2026-02-30': there is no such date or time"),
        ("2026-11-23T24:30:00Z", "there is no such date or time"),
        ("2026-11-23T14:02:60Z", "there is no such date or time"),
        ("2026-11-23T14:02:11+99:00", "there is no such date or time"),
        ("1969-12-31", "'1969-12-31' is before 1970"),
        ("99999d", "'99999d' is before 1970"),
        ("600", "'600' is not a time such as 2026-11-02T14:00:00Z, 2026-11-02 (midnight UTC), 2h (so long ago) or now"),
        *((text, "is not a time such as") for text in ("", "yesterday", "-2h", "2 h", "2w", "20261123", "2026-W48-1")),
        *(
            (text, "is not a time such as")
            for text in ("23.11.2026", "2026-11-23T", "2026-11-23Z", "٢h", "2026-11-23\n")
        ),
        ("x" * 1000, f"'{'x' * 60}' is not a time such as"),
    ],
)
def test_another_text_is_refused_with_what_would_be_right(text: str, why: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the text is checked below
        moment(text, NOW)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("text", "in_seconds"), [("600", 600), ("600s", 600), ("10m", 600), ("12h", 43_200), ("7d", 604_800)]
)
def test_a_duration_has_a_unit_from_seconds_to_days(text: str, in_seconds: int) -> None:
    assert seconds(text) == in_seconds
