"""docs/examples/beam and docs/examples/plot, in environments of their own with Apache Beam and matplotlib.

``make test-examples`` makes both environments. Without them these tests say so: NOT CHECKED.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from function.message import Message
from tests.emulators.processes import free_port
from tests.emulators.pubsub import EmbeddedPubSub
from tests.examples.a_day import messages
from tests.examples.loading import EXAMPLES, publish

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = Path(os.environ.get("EXAMPLES_VENVS", ROOT / ".venv"))
PLOT = EXAMPLES / "plot"
START_S = 120

pytestmark = [pytest.mark.examples, pytest.mark.timeout(600)]


def python(name: str) -> str:
    """Return the Python of an environment; skip the test if it is not there."""
    found = ENVIRONMENTS / name / "bin" / "python"
    if not found.exists():
        pytest.skip(f"NOT CHECKED: {found} is not there, so docs/examples/{name} did not run: make test-examples")
    return str(found)


def ran(line: Sequence[str | Path], folder: Path, host: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a program to its end. ``folder``: where it may leave its temporary files."""
    environ = {**os.environ, "TMPDIR": str(folder), **({"PUBSUB_EMULATOR_HOST": host} if host else {})}
    return subprocess.run(line, env=environ, capture_output=True, text=True, check=False, timeout=START_S)


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What the pipeline prints of each stream of ``beam_streams.py``."""
    done = ran([python("beam"), Path(__file__).with_name("beam_streams.py")], tmp_path_factory.mktemp("beam"))
    assert done.returncode == 0, done.stderr
    read: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return read


def means(lines: Sequence[dict[str, Any]]) -> list[tuple[str, float, int]]:
    """Return minute, mean and number of readings of each line."""
    return [(line["from"][11:16], line["celsius"], line["readings"]) for line in lines]


def test_an_event_that_comes_three_times_counts_once(streams: dict[str, list[dict[str, Any]]]) -> None:
    assert means(streams["copies"]) == [("08:00", 21.0, 2)]


def test_a_late_reading_corrects_its_window_and_its_copy_changes_nothing(
    streams: dict[str, list[dict[str, Any]]],
) -> None:
    assert means(streams["late"]) == [("08:00", 21.0, 2), ("08:00", 23.0, 3), ("08:00", 23.0, 3)]


def test_a_reading_after_the_allowed_lateness_is_left_out(streams: dict[str, list[dict[str, Any]]]) -> None:
    assert means(streams["too late"]) == [("08:00", 20.0, 1)]


def test_each_sample_belongs_to_the_window_of_its_own_time(streams: dict[str, list[dict[str, Any]]]) -> None:
    assert means(streams["samples"]) == [("08:00", 1.0, 1), ("08:05", 6.0, 1)]


def test_other_types_and_contradictory_data_are_no_readings(streams: dict[str, list[dict[str, Any]]]) -> None:
    assert means(streams["others"]) == [("08:00", 5.0, 1)]
    assert streams["others"][0]["device"] == "d2"


@pytest.fixture
def subscription(pubsub: EmbeddedPubSub) -> str:
    """A subscription with the messages of the sample day."""
    number = free_port()
    topic, name = f"projects/a-day-{number}/topics/events", f"projects/a-day-{number}/subscriptions/events"
    pubsub.create_topic(topic)
    pubsub.create_subscription(name, topic)
    publish(pubsub.host, topic, [Message(sent.data, sent.attributes) for sent in messages() if not sent.rejected])
    return name


def test_the_pipeline_reads_the_emulator(pubsub: EmbeddedPubSub, subscription: str, tmp_path: Path) -> None:
    line = [python("beam"), str(EXAMPLES / "beam" / "mean_per_device.py"), f"--subscription={subscription}"]
    environ = {**os.environ, "TMPDIR": str(tmp_path), "PUBSUB_EMULATOR_HOST": pubsub.host}
    with subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            read = json.loads(process.stdout.readline() if process.stdout else "")
        finally:
            process.kill()
    assert sorted(read) == ["celsius", "device", "from", "readings"]


def drawn(folder: Path, *arguments: str | Path, host: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the plot with these arguments."""
    return ran([python("plot"), PLOT / "plot_day.py", *arguments], folder, host)


@pytest.mark.parametrize("source", ["file", "subscription"])
def test_the_plot_shows_the_day_with_its_time_zone_and_unit(
    source: str, pubsub: EmbeddedPubSub, subscription: str, tmp_path: Path
) -> None:
    picture = tmp_path / "day.svg"
    read = PLOT / "a-day.jsonl" if source == "file" else subscription
    done = drawn(tmp_path, read, "2026-11-02", picture, "--zone=Europe/Oslo", host=pubsub.host)
    assert (done.returncode, done.stdout) == (0, f"{picture}: 288 temperatures of 3 devices\n"), done.stderr
    texts = picture.read_text("utf-8")
    for text in ("Temperature on Monday, 2 November 2026", "time of day in Europe/Oslo", "temperature, °C", "Fridge 2"):
        assert f"<!-- {text} -->" in texts, text


def test_a_day_without_temperatures_is_named(tmp_path: Path) -> None:
    done = drawn(tmp_path, PLOT / "a-day.jsonl", "2026-12-24", "day.png")
    assert done.returncode == 1
    assert done.stderr.endswith(" none on 2026-12-24 in UTC (they are of 2026-11-01 to 2026-11-03)\n")


def test_the_picture_of_the_documentation_can_be_drawn_again(tmp_path: Path) -> None:
    picture, shown = tmp_path / "day.png", ROOT / "docs" / "pictures" / "a-day.png"
    done = drawn(tmp_path, PLOT / "a-day.jsonl", "2026-11-02", picture, "--zone=Europe/Oslo")
    assert done.returncode == 0, done.stderr
    head = slice(0, 24)  # the signature of PNG, width and height
    assert picture.read_bytes()[head] == shown.read_bytes()[head]
