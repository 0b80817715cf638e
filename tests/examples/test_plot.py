"""docs/examples/plot: which temperatures are drawn. ``test_beam_and_plot.py`` draws them."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.examples.a_day import DAY, FREEZER, FRIDGE, KITCHEN, lines, messages
from tests.examples.loading import EXAMPLES, example

FILE = EXAMPLES / "plot" / "a-day.jsonl"
OSLO = ZoneInfo("Europe/Oslo")
plot_day = example("plot/plot_day.py")


def test_the_sample_day_is_what_follow_writes_of_messages_of_the_function() -> None:
    assert FILE.read_text("utf-8") == lines(), "make day"


def test_every_temperature_of_the_day_is_there_once_in_order_also_a_stored_one_and_a_copy() -> None:
    series = plot_day.temperatures(plot_day.from_file(str(FILE)), DAY.date(), OSLO)
    assert [*series] == [("Freezer", FREEZER), ("Fridge 2", FRIDGE), ("Kitchen", KITCHEN)]
    for readings in series.values():
        times = [time for time, _ in readings]
        assert len(times) == 24 * 4
        assert times == sorted(set(times))
        assert {time.date() for time in times} == {DAY.date()}


def test_a_day_begins_at_midnight_of_its_time_zone() -> None:
    of_utc, of_oslo = (
        plot_day.temperatures(plot_day.from_file(str(FILE)), DAY.date(), zone)["Fridge 2", FRIDGE][0][0]
        for zone in (ZoneInfo("UTC"), OSLO)
    )
    assert (of_utc - of_oslo).total_seconds() == 3600


def test_the_file_is_read_without_what_was_rejected(tmp_path: Path) -> None:
    rejected = [message for message in messages() if message.rejected]
    assert len(rejected) == 1
    assert len([*plot_day.from_file(str(FILE))]) == len(messages()) - 1


@pytest.mark.parametrize(
    ("has", "body", "found"),
    [
        ({}, {"labels": None}, [("d1", 24.9)]),
        ({}, {"labels": {"name": "Fridge"}}, [("Fridge", 24.9)]),
        ({"schemaViolation": "$.event.data.temperature.value"}, {}, []),
        ({"eventType": "touch"}, {}, []),
    ],
)
def test_a_device_has_its_name_or_its_id_and_contradictory_data_is_left_out(
    has: dict[str, str], body: dict[str, Any], found: list[tuple[str, float]]
) -> None:
    data = {"temperature": {"value": 24.9, "updateTime": "2018-10-02T08:13:15.543484560Z"}}
    attributes = {"eventType": "temperature", "deviceId": "d1", **has}
    series = plot_day.temperatures([(attributes, {"event": {"data": data}, **body})], date(2018, 10, 2), OSLO)
    assert [(name, value) for (name, _), readings in series.items() for _, value in readings] == found
    assert all(isinstance(time, datetime) for readings in series.values() for time, _ in readings)
