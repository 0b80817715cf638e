"""Print the mean temperature of each device in each five minutes, as lines of JSON, with Apache Beam.

    python mean_per_device.py --subscription=projects/P/subscriptions/dt-events

Each reading belongs to the window of its own time, which is in the event's body. A window is printed when the time has
passed, and again, corrected, for each reading that comes later. An event that comes twice counts once.
"""

import argparse
import json
import logging
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import FixedWindows, TimestampedValue

WINDOW_S = 5 * 60
LATENESS_S = 31 * 86_400
"""How long a window can still be corrected. A sensor stores readings for up to 31 days. Less needs less memory."""

Reading = tuple[str, str, float]
"""Event id, time, degrees Celsius. A reading that comes twice is equal to itself."""


def seconds(text: str) -> float:
    """Return a time of an event as unix seconds. Old events have 9 digits of a second, and datetime takes 6."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()


def readings(message: PubsubMessage) -> Iterator[TimestampedValue]:
    """Yield each temperature of an event once, with its device, at its own time."""
    has = message.attributes
    if has.get("eventType") != "temperature" or "schemaViolation" in has:
        return
    data = json.loads(message.data)["event"]["data"]["temperature"]
    for sample in data.get("samples") or [{"value": data["value"], "sampleTime": data["updateTime"]}]:
        time = sample["sampleTime"]
        yield TimestampedValue((has["deviceId"], (has["eventId"], time, float(sample["value"]))), seconds(time))


class MeanOfDifferent(beam.CombineFn):
    """The mean of different readings, and their number. The same reading is there once, however often it comes."""

    def create_accumulator(self) -> set[Reading]:
        """Begin without readings."""
        return set()

    def add_input(self, found: set[Reading], reading: Reading) -> set[Reading]:
        """Add a reading."""
        return found | {reading}

    def merge_accumulators(self, all_found: Iterable[set[Reading]]) -> set[Reading]:
        """Join what several workers have found."""
        return set().union(*all_found)

    def extract_output(self, found: set[Reading]) -> tuple[float, int]:
        """Return the mean, and of how many readings."""
        return sum(value for _, _, value in found) / len(found), len(found)


def as_json(device: str, result: tuple[float, int], window: Any = beam.DoFn.WindowParam) -> str:
    """Return one line: window, device, mean and number of readings."""
    mean, count = result
    start = window.start.to_utc_datetime().isoformat() + "Z"
    return json.dumps({"from": start, "device": device, "celsius": round(mean, 2), "readings": count})


def means(messages: beam.PCollection, lateness_s: float = LATENESS_S) -> beam.PCollection:
    """Return the lines of the means of messages."""
    windows = beam.WindowInto(
        FixedWindows(WINDOW_S),
        trigger=AfterWatermark(late=AfterCount(1)),
        accumulation_mode=AccumulationMode.ACCUMULATING,  # a correction contains what was there before
        allowed_lateness=lateness_s,
    )
    timed = beam.FlatMap(readings).with_output_types(tuple[str, Reading])
    found = messages | "readings" >> timed | "five minutes" >> windows
    return found | "mean" >> beam.CombinePerKey(MeanOfDifferent()) | "line" >> beam.MapTuple(as_json)


def main() -> None:
    """Run the pipeline until it is cancelled. Beam's own flags, such as ``--runner``, follow after these."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subscription", required=True, help="projects/P/subscriptions/S")
    flags, beams_own = parser.parse_known_args()
    with beam.Pipeline(options=PipelineOptions(beams_own, streaming=True)) as pipeline:
        messages = pipeline | ReadFromPubSub(subscription=flags.subscription, with_attributes=True)
        means(messages) | beam.Map(lambda line: print(line, flush=True))


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.WARNING)
    main()
