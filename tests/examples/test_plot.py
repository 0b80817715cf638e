"""docs/examples/plot: which temperatures are drawn. ``test_beam_and_plot.py`` draws them."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.emulators.processes import free_port
from tests.emulators.pubsub import EmbeddedPubSub
from tests.examples.a_day import DAY, FREEZER, FRIDGE, KITCHEN, lines, messages
from tests.examples.loading import EXAMPLES, example, publish, touch

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


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Run the program, which has to end with an error; return the exit status and the last line."""
    monkeypatch.setattr(sys, "argv", ["plot_day.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        plot_day.main()
    return int(str(ended.value.code)), capsys.readouterr().err.splitlines()[-1]


def test_a_day_without_temperatures_says_what_was_read_and_of_which_days(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of_another_day = refused(capsys, monkeypatch, str(FILE), "2026-12-24", "day.png")
    count = len(messages()) - 1
    total = len({(device, time) for device, time, _ in plot_day.readings(plot_day.from_file(str(FILE)), OSLO)})
    text = f"{count} messages read, {total} temperatures, none on 2026-12-24 in UTC"
    assert of_another_day == (1, f"{text} (they are of 2026-11-01 to 2026-11-03)")
    (tmp_path / "empty.jsonl").touch()
    _, empty = refused(capsys, monkeypatch, str(tmp_path / "empty.jsonl"), "2026-12-24", "day.png")
    assert empty.startswith("0 messages read, 0 temperatures, none on 2026-12-24 in UTC: nothing is there, or another")


def test_the_messages_of_a_subscription_are_given_back_at_once(
    pubsub: EmbeddedPubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, name = "projects/plot-back/topics/events", "projects/plot-back/subscriptions/events"
    pubsub.create_topic(topic)
    pubsub.create_subscription(name, topic)
    publish(pubsub.host, topic, [touch(1), touch(2)])
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.host)
    for _ in range(2):
        assert len([*plot_day.from_subscription(name)]) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("nofile.jsonl", "2026-11-02"), 2, "there is no file nofile.jsonl; a subscription is written as projects/P/"),
        ((str(FILE), "2026-11-02", "--zone=Oslo"), 2, "'Oslo' is no time zone such as Europe/Oslo"),
        ((str(FILE), "2026-11-02", "--zone=Europe"), 2, "'Europe' is no time zone such as Europe/Oslo"),
        ((str(FILE), "2026-13-02"), 2, "argument day: '2026-13-02' is no day such as 2026-11-02"),
        ((str(FILE), "yesterday"), 2, "argument day: 'yesterday' is no day such as 2026-11-02"),
        ((__file__, "2026-11-02"), 1, "test_plot.py cannot be read: "),
        (("projects/p/subscriptions/s", "2026-11-02"), 1, "error: projects/p/subscriptions/s cannot be read: 503 "),
    ],
)
def test_a_mistake_is_an_error_of_one_line(
    arguments: tuple[str, ...],
    status: int,
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{free_port()}")  # nothing listens there
    found, last = refused(capsys, monkeypatch, *arguments, "day.png")
    assert (found, text in last) == (status, True), last
