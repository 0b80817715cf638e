"""DT's 19 event types as typed structures, with the meaning and unit of every member.

Source of every field: https://docs.developer.disruptive-technologies.com/docs/concepts/events and DT's Python client.
Unknown fields are allowed. Newer fields have a default, so that older events are valid. ``update_time`` is always the
time at which a Cloud Connector received the reading.

The descriptions and units are for subscribers: ``make schema`` writes docs/schema/ from these structures. They cost an
event no time, because msgspec reads only the limits when it checks data.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct


def _unit(symbol: str) -> Meta:
    """Return the unit of a number, as the member ``x-unit`` of its JSON Schema."""
    return Meta(extra_json_schema={"x-unit": symbol})


def _means(text: str, *examples: object) -> Meta:
    """Return the description of a member, and examples of its value, for its JSON Schema."""
    return Meta(description=text, examples=list(examples) or None)


Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with an offset. DT sends UTC with up to 9 digits of a second."""
WholePercent = Annotated[int, Meta(ge=0, le=100)] | Annotated[float, Meta(ge=0, le=100, multiple_of=1)]
Percent = Annotated[WholePercent, _unit("%")]
"""A whole number from 0 to 100. JSON may write 45 as 45.0 (RFC 8259 §6)."""
Celsius = Annotated[float, Meta(ge=-273.15), _unit("°C")]
"""Degrees Celsius."""
RelativeHumidity = Annotated[float, Meta(ge=0, le=100), _unit("%")]
"""Relative humidity in percent."""
Count = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0, multiple_of=1)]
"""A whole number that is not negative. JSON may write 526 as 526.0."""
Pascal = Annotated[float, Meta(ge=0), _unit("Pa")]
"""Air pressure in pascal. DT's Python client allows fractions."""
Rssi = Annotated[float, _unit("dBm")]
"""Received signal strength in dBm, at most about -30. DT's Python client allows fractions."""

_Strength = Annotated[Percent, _means("The signal, from 0 (weak) to 100.", 45)]
_Received = Annotated[Rssi | None, _means("The received signal strength. Old and emulated events do not have it.", -83)]
_Backfilled = Annotated[
    bool,
    _means(
        "Whether the sensor stored the reading during an outage and sent it later: raise no alarm from it. "
        "Older events do not have it, and it means false then.",
    ),
]


class Data(Struct, rename="camel"):
    """Base of all event data: JSON names are camel case, and unknown fields are allowed."""


class Reading(Data):
    """Data with the time of its reading."""

    update_time: Annotated[
        Time,
        _means(
            "When a Cloud Connector received the reading; of a backfilled reading, when it was measured. RFC 3339 "
            "in UTC, with up to 9 digits of a second.",
            "2026-11-02T08:13:15.361624Z",
        ),
    ]


class Touch(Reading):
    """The sensor, or the Cloud Connector's button, was touched."""


class TemperatureSample(Data):
    """One temperature that was measured since the last heartbeat, in °C."""

    value: Annotated[Celsius, _means("The temperature.", 25.0)]
    sample_time: Annotated[Time, _means("When it was measured. RFC 3339 in UTC.", "2026-11-02T08:08:15.361624Z")]


class Temperature(Reading):
    """Temperature in °C. ``samples`` (since 2021, at most 30) are newest first, and the first equals ``value``."""

    value: Annotated[Celsius, _means("The newest temperature.", 24.9)]
    samples: Annotated[
        list[TemperatureSample],
        _means(
            "All temperatures since the last heartbeat, newest first, at most 30. The first is value at "
            "updateTime: count it once. Older events (before 2021) have no samples."
        ),
    ] = []
    is_backfilled: _Backfilled = False


class ObjectPresent(Reading):
    """Proximity: whether an object is in front of the sensor. DT sends the event when this changes."""

    state: Annotated[
        Literal["PRESENT", "NOT_PRESENT"],
        _means(
            "PRESENT: an object is close to the sensor. NOT_PRESENT: none is. Whether that means open or closed "
            "depends on where the sensor is."
        ),
    ]


class HumiditySample(Data):
    """One pair of values that were measured since the last heartbeat, in °C and % relative humidity."""

    temperature: Annotated[Celsius, _means("The temperature.", 22.45)]
    relative_humidity: Annotated[RelativeHumidity, _means("The relative humidity.", 17)]
    sample_time: Annotated[Time, _means("When both were measured. RFC 3339 in UTC.", "2026-11-02T08:08:15.361624Z")]


class Humidity(Reading):
    """Temperature in °C and relative humidity in %. ``samples`` (since 2024) are newest first."""

    temperature: Annotated[Celsius, _means("The newest temperature.", 22.45)]
    relative_humidity: Annotated[RelativeHumidity, _means("The newest relative humidity.", 17)]
    samples: Annotated[
        list[HumiditySample],
        _means(
            "All pairs of values since the last heartbeat, newest first. The first is that of updateTime: count "
            "it once. Older events (before December 2024) have no samples."
        ),
    ] = []
    is_backfilled: _Backfilled = False


class ObjectPresentCount(Reading):
    """Number of times that an object has appeared or disappeared, over the sensor's life."""

    total: Annotated[
        Count,
        _means(
            "How often an object has appeared or disappeared, over the sensor's life. The difference of two "
            "events is the count between them.",
            4176,
        ),
    ]


class TouchCount(Reading):
    """Number of times that the sensor has been touched, over its life."""

    total: Annotated[
        Count,
        _means(
            "How often the sensor has been touched, over its life. The difference of two events is the count "
            "between them.",
            469,
        ),
    ]


class WaterPresent(Reading):
    """Whether the detector touches water. DT sends the event when this changes."""

    state: Annotated[
        Literal["PRESENT", "NOT_PRESENT"], _means("PRESENT: the detector touches water. NOT_PRESENT: it does not.")
    ]


class Co2(Reading):
    """Carbon dioxide in the air, in parts per million."""

    ppm: Annotated[Count, _unit("ppm"), _means("Carbon dioxide in the air.", 526)]


class Pressure(Reading):
    """Air pressure in pascal."""

    pascal: Annotated[Pascal, _means("The air pressure.", 99301)]


class Motion(Reading):
    """Whether there is motion. NO_MOTION_DETECTED follows when the sensor's activity timer expires."""

    state: Annotated[
        Literal["MOTION_DETECTED", "NO_MOTION_DETECTED"],
        _means(
            "MOTION_DETECTED: there is motion. NO_MOTION_DETECTED: the sensor's activity timer has expired "
            "since the last motion."
        ),
    ]


class DeskOccupancy(Reading):
    """Whether the desk is occupied. DT sends the event when this changes. Known remark since 2023: INCOMPLETE_DATA."""

    state: Annotated[
        Literal["OCCUPIED", "NOT_OCCUPIED"], _means("OCCUPIED: somebody is at the desk. NOT_OCCUPIED: nobody is.")
    ]
    remarks: Annotated[
        list[str],
        _means(
            "Remarks about the state, such as INCOMPLETE_DATA: the state is less certain. Events before 2023 "
            "have none.",
            ["INCOMPLETE_DATA"],
        ),
    ] = []


class Contact(Reading):
    """Whether a door or window is open. DT sends the event when this changes."""

    state: Annotated[Literal["OPEN", "CLOSED"], _means("OPEN or CLOSED: the door or window that the sensor is on.")]


class ProbeWireStatus(Reading):
    """How the temperature probe is wired. DT sends the event when this changes."""

    state: Annotated[
        Literal[
            "INVALID_WIRE_CONFIGURATION",
            "INVALID_COEFFICIENT_CONFIGURATION",
            "TWO_WIRE",
            "THREE_WIRE",
            "FOUR_WIRE",
        ],
        _means("TWO_WIRE, THREE_WIRE or FOUR_WIRE: the probe is wired in this way. INVALID_…: it cannot measure."),
    ]


class CloudConnectorInRange(Data):
    """A Cloud Connector that received the sensor."""

    id: Annotated[str, _means("The device id of the Cloud Connector.", "bdkjbo2v0000uk377c4g")]
    signal_strength: _Strength
    rssi: _Received = None


class NetworkStatus(Reading):
    """Signal of a sensor. A Data Connector sends one event for each Cloud Connector in range."""

    signal_strength: _Strength
    rssi: _Received = None
    cloud_connectors: Annotated[
        list[CloudConnectorInRange],
        _means(
            "The Cloud Connector that received the sensor. There is one event for each Cloud Connector in "
            "range: group by device and updateTime."
        ),
    ] = []
    transmission_mode: Annotated[
        Literal["LOW_POWER_STANDARD_MODE", "HIGH_POWER_BOOST_MODE"] | None,
        _means("How strongly the sensor sends. HIGH_POWER_BOOST_MODE uses more of its battery."),
    ] = None


class BatteryStatus(Reading):
    """Charge of the battery in %, in coarse steps."""

    percentage: Annotated[Percent, _means("The charge of the battery, in coarse steps.", 100)]


class LabelsChanged(Data):
    """A device's labels or display name (the label ``name``) were edited. The data are not nested and have no time."""

    added: Annotated[dict[str, str], _means("Labels that the device did not have: key and value.", {"room": "A1"})] = {}
    modified: Annotated[
        dict[str, str],
        _means(
            "Labels with another value: key and new value. The key name is the device's display name.",
            {"name": "Fridge 2"},
        ),
    ] = {}
    removed: Annotated[list[str], _means("Keys of the labels that the device no longer has.", ["old-key"])] = []


class ConnectionStatus(Reading):
    """How a Cloud Connector, or since 2024 a sensor (SDS), is connected. ``available`` is empty if it is OFFLINE."""

    connection: Annotated[
        Literal["SDS", "ETHERNET", "CELLULAR", "OFFLINE"],
        _means(
            "What the device is connected by now. SDS: by radio to a Cloud Connector. OFFLINE: it is not connected."
        ),
    ]
    available: Annotated[
        list[Literal["SDS", "ETHERNET", "CELLULAR"]],
        _means("Everything that the device could be connected by. Empty if it is OFFLINE."),
    ]


class ConnectionFault(Data):
    """One problem that a Cloud Connector reports about its own connection."""

    code: Annotated[str, _means("DT's code of the problem.")]
    message: Annotated[str, _means("The problem in words, for a person.")]


class EthernetStatus(Reading):
    """Addresses and problems of a Cloud Connector's Ethernet port."""

    mac_address: Annotated[str, _means("The hardware address of the port.", "f0:b5:b7:00:0a:08")]
    ip_address: Annotated[str, _means("The address in the local network. Empty if there is none.", "10.0.0.1")]
    errors: Annotated[list[ConnectionFault], _means("Problems of the connection now. Empty if there are none.")] = []


class CellularStatus(Reading):
    """A Cloud Connector's cellular signal in %, and problems of it."""

    signal_strength: _Strength
    errors: Annotated[list[ConnectionFault], _means("Problems of the connection now. Empty if there are none.")] = []
