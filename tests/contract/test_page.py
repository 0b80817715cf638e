"""docs/messages.md: its tables have every attribute, its version is the function's, and its code does what it says."""

import importlib.util
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from function.event import parse_body, read_envelope
from function.event_types import Reading
from function.message import CONTRACT, Message, event_message
from function.schema import EVENT_TYPES
from tests.contract.examples import examples
from tests.contract.validating import DOCS, schema
from tests.emulators.events import encode
from tests.function.builders import event, settings, verified

PAGE = (DOCS / "messages.md").read_text("utf-8")
(PYTHON,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(SQL,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
CORRECT = "## Ten things that consumers get wrong"


def section(title: str) -> str:
    return PAGE.partition(f"\n{title}\n")[2].partition("\n## ")[0]


def keys(text: str) -> set[str]:
    return set(re.findall(r"^\| `([\w.<>-]+)` \|", text, re.MULTILINE))


@pytest.fixture(scope="module")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Return the page's Python as a module."""
    path = tmp_path_factory.mktemp("page") / "consumer.py"
    path.write_text(PYTHON, "utf-8")
    spec = importlib.util.spec_from_file_location("consumer", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SQL)
    yield connection
    connection.close()


def published(body: dict[str, Any]) -> Message:
    data = encode(body)
    return event_message(verified(data), read_envelope(parse_body(data)), None, settings())


def at(hour: int, event_type: str, data: dict[str, Any], name: str = "") -> Message:
    """Return the message of an event of this hour."""
    time = f"2026-11-02T{hour:02}:00:00Z"
    nested = {event_type: {"updateTime": time, **data}}
    return published(event(event_type, eventId=name or f"{event_type}{hour}", timestamp=time, data=nested))


def test_the_tables_have_a_row_for_each_attribute_of_the_schemas() -> None:
    main, rejected = schema("attributes"), schema("rejected-attributes")
    assert keys(section("## Attributes")) == {*main["properties"], "label.<key>"}
    assert keys(section("## The rejected topic")) == {*rejected["properties"]} - {*main["properties"]}
    left_out = {*main["properties"]} - {*rejected["properties"]}
    assert left_out == {"origin", "schemaViolation", "ce-dataschema"}
    assert all(f"`{name}`" in section("## The rejected topic").partition("\n| key")[0] for name in left_out)


def test_the_page_the_function_and_the_schemas_are_of_the_same_version() -> None:
    assert PAGE.startswith(f"# The message contract, version {CONTRACT}\n")
    assert f":contract:{CONTRACT}:" in schema("envelope")["$id"]


def test_the_page_has_at_most_200_lines_and_ten_things() -> None:
    assert len(PAGE.splitlines()) <= 200
    rows = re.findall(r"^\| (\d+)\. ", section(CORRECT), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 11)]


def test_the_ten_things_name_code_and_views_that_are_there(consumer: ModuleType, database: sqlite3.Connection) -> None:
    table = section(CORRECT).partition("```")[0]
    views = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    assert set(re.findall(r"\*(\w+)\*", table)) == views
    functions = {name for name, value in vars(consumer).items() if getattr(value, "__module__", "") == "consumer"}
    assert functions - set(re.findall(r"`(\w+)`", table)) == set()


def test_an_event_that_comes_twice_is_stored_once(consumer: ModuleType, database: sqlite3.Connection) -> None:
    message = at(8, "touch", {})
    assert [consumer.store(database, message) for _ in range(2)] == [True, False]
    assert database.execute("SELECT COUNT(*) FROM events").fetchone() == (1,)


def test_every_example_and_an_event_of_no_known_kind_can_be_stored(
    consumer: ModuleType, database: sqlite3.Connection
) -> None:
    bodies = [body for named in examples().values() for body in named.values()]
    odd = event("co2", eventType="radiation", data=None, timestamp="yesterday")
    assert all(consumer.store(database, published(body)) for body in [*bodies, odd])


def test_the_latest_event_is_that_of_the_greatest_time_whatever_came_last(
    consumer: ModuleType, database: sqlite3.Connection
) -> None:
    for hour in (9, 11, 10):
        consumer.store(database, at(hour, "co2", {"ppm": hour}))
    ((data,),) = database.execute("SELECT data FROM latest").fetchall()
    assert json.loads(data)["co2"]["ppm"] == 11


def test_times_of_all_lengths_sort(consumer: ModuleType) -> None:
    times = [
        "2018-10-02T08:13:15Z",
        "2018-10-02T08:13:15.543483Z",
        "2018-10-02T08:13:15.543484560Z",
        "2018-10-02T08:13:16Z",
    ]
    assert sorted(times, key=consumer.utc) == times
    assert consumer.utc("2018-10-02T10:13:15+02:00") == "2018-10-02T08:13:15.000000+00:00"
    assert consumer.utc("yesterday") is None


def test_each_temperature_of_an_event_counts_once_with_samples_and_without(consumer: ModuleType) -> None:
    full, minimal = (examples()["temperature"][name]["event"] for name in ("full", "minimal"))
    assert consumer.temperatures(full) == [
        ("2026-11-02T08:13:15.361624+00:00", 24.9),
        ("2026-11-02T08:08:15.361624+00:00", 25),
    ]
    assert consumer.temperatures(minimal) == [("2018-10-02T08:13:15.543483+00:00", 24.9)]


def test_counts_are_differences_in_the_order_of_time_also_after_a_new_beginning(
    consumer: ModuleType, database: sqlite3.Connection
) -> None:
    for hour, total in ((10, 107), (8, 100), (9, 103), (11, 2)):
        consumer.store(database, at(hour, "touchCount", {"total": total}))
    assert [touches for _, _, touches in database.execute("SELECT * FROM counts ORDER BY time")] == [3, 4, 2]


def test_a_state_lasts_until_the_next_one(consumer: ModuleType, database: sqlite3.Connection) -> None:
    for hour, state in ((12, "CLOSED"), (8, "OPEN")):
        consumer.store(database, at(hour, "contact", {"state": state}))
    found = database.execute("SELECT state, since, until FROM states ORDER BY since").fetchall()
    eight, twelve = "2026-11-02T08:00:00.000000+00:00", "2026-11-02T12:00:00.000000+00:00"
    assert found == [("OPEN", eight, twelve), ("CLOSED", twelve, None)]


def test_only_a_recent_live_event_raises_an_alarm(consumer: ModuleType) -> None:
    now = datetime(2026, 11, 2, 8, 5, tzinfo=UTC)
    data = {"value": 24.9, "isBackfilled": False}
    message = at(8, "temperature", data)
    assert consumer.may_alarm(message, now)
    assert consumer.may_alarm(at(8, "contact", {"state": "OPEN"}), now)
    assert not consumer.may_alarm(message, now + timedelta(minutes=15))
    assert not consumer.may_alarm(at(8, "temperature", {**data, "isBackfilled": True}), now)
    assert not consumer.may_alarm(at(8, "temperature", {"value": "hot"}), now)
    again = Message(message.data, {**message.attributes, "origin": "replay"})
    assert not consumer.may_alarm(again, now)


def test_any_event_of_the_device_says_that_it_was_heard_but_not_those_of_dts_cloud(
    consumer: ModuleType, database: sqlite3.Connection
) -> None:
    consumer.store(database, at(8, "networkStatus", {"signalStrength": 45}))
    consumer.store(database, at(9, "connectionStatus", {"connection": "OFFLINE", "available": []}))
    ((time,),) = database.execute("SELECT time FROM heard").fetchall()
    assert time == "2026-11-02T08:00:00.000000+00:00"


def test_a_heartbeat_that_two_cloud_connectors_received_is_one_with_the_best_signal(
    consumer: ModuleType, database: sqlite3.Connection
) -> None:
    for name, percent in (("a", 45), ("b", 60)):
        consumer.store(database, at(8, "networkStatus", {"signalStrength": percent}, name))
    assert [percent for _, _, percent in database.execute("SELECT * FROM heartbeats")] == [60]


def test_the_name_of_a_device_is_optional(consumer: ModuleType) -> None:
    assert consumer.device_name(event()) == "Demo temperature"
    nameless: list[dict[str, Any]] = [{}, {"labels": None}, {"labels": {}}]
    assert [consumer.device_name(body) for body in nameless] == [None, None, None]


def test_the_page_says_which_types_have_no_time_of_a_reading() -> None:
    assert [name for name, structure in EVENT_TYPES.items() if not issubclass(structure, Reading)] == ["labelsChanged"]
    assert "`labelsChanged` are not nested" in PAGE


def test_the_links_of_the_page_lead_to_files() -> None:
    for link in re.findall(r"\]\((?!https://|#)([^)#]+)", PAGE):
        assert (DOCS / link).exists(), link


def test_the_program_beside_the_schemas_finds_no_error_in_an_example() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (DOCS / "schema" / "README.md").read_text("utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], cwd=DOCS.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    broken = program.replace("examples/temperature.full", "examples/co2.full")
    done = subprocess.run([sys.executable, "-c", broken], cwd=DOCS.parent, capture_output=True, text=True, check=False)
    assert "temperature" in done.stdout
