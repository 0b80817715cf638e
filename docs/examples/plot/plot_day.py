"""Draw a day of temperatures, one line for each device.

    python plot_day.py events.jsonl 2026-11-02 a-day.png --zone=Europe/Oslo
    python plot_day.py projects/P/subscriptions/dt-events 2026-11-02 a-day.png --zone=Europe/Oslo

The file is what ``python -m deploy follow --output=events.jsonl`` writes. Reading a subscription acknowledges nothing:
its messages are given back at the end.
"""

import argparse
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

GAP = timedelta(hours=2)
"""Without a reading for so long, the line is broken."""

Event = tuple[Mapping[str, str], dict[str, Any]]
"""Attributes and body."""
Series = dict[tuple[str, str], list[tuple[datetime, float]]]
"""Name and id of a device -> its readings, sorted by time."""


def from_file(path: str) -> Iterator[Event]:
    """Return the events of a file of ``follow``, without what was rejected."""
    for line in Path(path).read_text("utf-8").splitlines():
        read = json.loads(line)
        if read.get("topic") == "events":
            yield read["attributes"], read["body"]


def from_subscription(name: str) -> Iterator[Event]:
    """Return the events that wait in a subscription, and give them back at the end. Google's errors become OSError."""
    from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError  # noqa: PLC0415  # a file needs no client
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.cloud.pubsub_v1 import SubscriberClient  # noqa: PLC0415

    held = []
    try:
        with SubscriberClient() as subscriber:
            once = {"subscription": name, "retry": None}  # with retries, an emulator that is gone costs a minute
            try:
                while pulled := subscriber.pull(**once, max_messages=500, timeout=5).received_messages:
                    held.append([received.ack_id for received in pulled])
                    subscriber.modify_ack_deadline(**once, ack_ids=held[-1], ack_deadline_seconds=600)
                    yield from ((received.message.attributes, json.loads(received.message.data)) for received in pulled)
            except DeadlineExceeded:
                pass  # nothing waits any more
            finally:
                for ids in held:
                    subscriber.modify_ack_deadline(**once, ack_ids=ids, ack_deadline_seconds=0)
    except (GoogleAPIError, GoogleAuthError) as error:
        raise OSError(error) from error


def readings(events: Iterable[Event], zone: ZoneInfo) -> Iterator[tuple[tuple[str, str], datetime, float]]:
    """Return device, time in this zone and value of each temperature, also of copies."""
    for has, body in events:
        if has.get("eventType") == "temperature" and "schemaViolation" not in has:
            device = (body.get("labels") or {}).get("name", has["deviceId"]), has["deviceId"]
            data = body["event"]["data"]["temperature"]
            for sample in data.get("samples") or [{"value": data["value"], "sampleTime": data["updateTime"]}]:
                cut = re.sub(r"(\.\d{6})\d+", r"\1", sample["sampleTime"])  # old events have 9 digits, datetime takes 6
                yield device, datetime.fromisoformat(cut).astimezone(zone), sample["value"]


def temperatures(events: Iterable[Event], day: date, zone: ZoneInfo) -> Series:
    """Return the temperatures of a day in this time zone. A copy of an event changes nothing."""
    found: dict[tuple[str, str], dict[datetime, float]] = defaultdict(dict)
    for device, time, value in readings(events, zone):
        if time.date() == day:
            found[device][time] = value
    return {device: sorted(found[device].items()) for device in sorted(found)}


def nothing(events: Collection[Event], day: date, zone: ZoneInfo) -> str:
    """Say what was read if no temperature is of this day."""
    found = {(device, time) for device, time, _ in readings(events, zone)}
    days = sorted({time.date() for _, time in found})
    text = f"{len(events)} messages read, {len(found)} temperatures, none on {day} in {zone}"
    if days:
        return f"{text} (they are of {' to '.join(map(str, dict.fromkeys((days[0], days[-1]))))})"
    return text if events else f"{text}: nothing is there, or another reader of the subscription holds its messages"


def draw(series: Series, day: date, zone: ZoneInfo, path: str) -> None:
    """Write the picture; the ending of its name says of which kind."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  # the other functions do not need it
    from matplotlib.dates import DateFormatter, HourLocator  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(10, 5), layout="constrained")
    for (name, _), readings in series.items():
        times, values = [], []
        for (time, value), (after, _) in itertools.pairwise([*readings, readings[-1]]):
            times.append(time)
            values.append(value)
            if after - time > GAP:
                times.append(time)
                values.append(float("nan"))
        axes.plot(times, values, linewidth=1.6, label=name)
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    axes.set_xlim(begin, begin + timedelta(days=1))
    axes.xaxis.set_major_locator(HourLocator(range(0, 24, 3), tz=zone))
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=zone))
    axes.set_title(f"Temperature on {day:%A}, {day.day} {day:%B %Y}", loc="left", fontsize=14)
    axes.set(xlabel=f"time of day in {zone}", ylabel="temperature, °C")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=120)


def a_day(text: str) -> date:
    """Return a day by its date; an error of argparse if there is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-11-02") from None


def time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name; an error of argparse if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a wrong name; a path; a folder of names
        raise argparse.ArgumentTypeError(f"{name!r} is no time zone such as Europe/Oslo") from None


def main() -> None:
    """Read, and draw."""
    parser = argparse.ArgumentParser(description="Draw a day of temperatures.")
    parser.add_argument("source", help="a file of follow --output, or projects/P/subscriptions/S")
    parser.add_argument("day", type=a_day, help="such as 2026-11-02")
    parser.add_argument("picture", help="the file to write, such as a-day.png or a-day.svg")
    parser.add_argument("--zone", type=time_zone, default=ZoneInfo("UTC"), help="such as Europe/Oslo; without it UTC")
    flags = parser.parse_args()
    read = from_subscription if re.fullmatch("projects/[^/]+/subscriptions/[^/]+", flags.source) else from_file
    if read is from_file and not Path(flags.source).is_file():
        parser.error(f"there is no file {flags.source}; a subscription is written as projects/P/subscriptions/S")
    try:
        events = [*read(flags.source)]
    except (OSError, ValueError, KeyError) as error:
        parser.exit(1, f"error: {flags.source} cannot be read: {error}\n")
    series = temperatures(events, flags.day, flags.zone)
    if not series:
        parser.exit(1, nothing(events, flags.day, flags.zone) + "\n")
    try:
        draw(series, flags.day, flags.zone, flags.picture)
    except (OSError, ValueError) as error:  # a folder that is not there; an ending that is no kind of picture
        parser.exit(1, f"error: {flags.picture} cannot be written: {error}\n")
    print(f"{flags.picture}: {sum(map(len, series.values()))} temperatures of {len(series)} devices")


if __name__ == "__main__":
    main()
