"""DT's 19 event types as typed structures, with their units.

Source of every field: https://docs.developer.disruptive-technologies.com/docs/concepts/events and DT's Python client.
Unknown fields are allowed. Newer fields have a default, so that older events are valid. ``update_time`` is always the
time at which a Cloud Connector received the reading.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with an offset. DT sends UTC with up to 9 digits of a second."""
Percent = Annotated[int, Meta(ge=0, le=100)] | Annotated[float, Meta(ge=0, le=100, multiple_of=1)]
"""A whole number from 0 to 100. JSON may write 45 as 45.0 (RFC 8259 §6)."""
Celsius = Annotated[float, Meta(ge=-273.15)]
"""Degrees Celsius."""
RelativeHumidity = Annotated[float, Meta(ge=0, le=100)]
"""Relative humidity in percent."""
Count = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0, multiple_of=1)]
"""A whole number that is not negative. JSON may write 526 as 526.0."""
Pascal = Annotated[float, Meta(ge=0)]
"""Air pressure in pascal. DT's Python client allows fractions."""
Rssi = float
"""Received signal strength in dBm, at most about -30. DT's Python client allows fractions."""


class Data(Struct, rename="camel"):
    """Base of all event data: JSON names are camel case, and unknown fields are allowed."""


class Reading(Data):
    """Data with the time of its reading."""

    update_time: Time


class Touch(Reading):
    """The sensor, or the Cloud Connector's button, was touched."""


class TemperatureSample(Data):
    """One temperature that was measured since the last heartbeat, in °C."""

    value: Celsius
    sample_time: Time


class Temperature(Reading):
    """Temperature in °C. ``samples`` (since 2021, at most 30) are newest first, and the first equals ``value``."""

    value: Celsius
    samples: list[TemperatureSample] = []
    is_backfilled: bool = False


class ObjectPresent(Reading):
    """Proximity: whether an object is in front of the sensor. DT sends the event when this changes."""

    state: Literal["PRESENT", "NOT_PRESENT"]


class HumiditySample(Data):
    """One pair of values that were measured since the last heartbeat, in °C and % relative humidity."""

    temperature: Celsius
    relative_humidity: RelativeHumidity
    sample_time: Time


class Humidity(Reading):
    """Temperature in °C and relative humidity in %. ``samples`` (since 2024) are newest first."""

    temperature: Celsius
    relative_humidity: RelativeHumidity
    samples: list[HumiditySample] = []
    is_backfilled: bool = False


class ObjectPresentCount(Reading):
    """Number of times that an object has appeared or disappeared, over the sensor's life."""

    total: Count


class TouchCount(Reading):
    """Number of times that the sensor has been touched, over its life."""

    total: Count


class WaterPresent(Reading):
    """Whether the detector touches water. DT sends the event when this changes."""

    state: Literal["PRESENT", "NOT_PRESENT"]


class Co2(Reading):
    """Carbon dioxide in the air, in parts per million."""

    ppm: Count


class Pressure(Reading):
    """Air pressure in pascal."""

    pascal: Pascal


class Motion(Reading):
    """Whether there is motion. NO_MOTION_DETECTED follows when the sensor's activity timer expires."""

    state: Literal["MOTION_DETECTED", "NO_MOTION_DETECTED"]


class DeskOccupancy(Reading):
    """Whether the desk is occupied. DT sends the event when this changes. Known remark since 2023: INCOMPLETE_DATA."""

    state: Literal["OCCUPIED", "NOT_OCCUPIED"]
    remarks: list[str] = []


class Contact(Reading):
    """Whether a door or window is open. DT sends the event when this changes."""

    state: Literal["OPEN", "CLOSED"]


class ProbeWireStatus(Reading):
    """How the temperature probe is wired. DT sends the event when this changes."""

    state: Literal[
        "INVALID_WIRE_CONFIGURATION",
        "INVALID_COEFFICIENT_CONFIGURATION",
        "TWO_WIRE",
        "THREE_WIRE",
        "FOUR_WIRE",
    ]


class CloudConnectorInRange(Data):
    """A Cloud Connector that received the sensor, with the signal in % and dBm.

    ``rssi`` is missing in old events, and in the emulated events of DT's Python client.
    """

    id: str
    signal_strength: Percent
    rssi: Rssi | None = None


class NetworkStatus(Reading):
    """Signal in % and dBm. A Data Connector sends one event for each Cloud Connector in range.

    ``rssi`` is missing in old events, and in the emulated events of DT's Python client.
    """

    signal_strength: Percent
    rssi: Rssi | None = None
    cloud_connectors: list[CloudConnectorInRange] = []
    transmission_mode: Literal["LOW_POWER_STANDARD_MODE", "HIGH_POWER_BOOST_MODE"] | None = None


class BatteryStatus(Reading):
    """Charge of the battery in %, in coarse steps."""

    percentage: Percent


class LabelsChanged(Data):
    """A device's labels or display name (the label ``name``) were edited. The data are not nested and have no time."""

    added: dict[str, str] = {}
    modified: dict[str, str] = {}
    removed: list[str] = []


class ConnectionStatus(Reading):
    """How a Cloud Connector, or since 2024 a sensor (SDS), is connected. ``available`` is empty if it is OFFLINE."""

    connection: Literal["SDS", "ETHERNET", "CELLULAR", "OFFLINE"]
    available: list[Literal["SDS", "ETHERNET", "CELLULAR"]]


class ConnectionFault(Data):
    """One problem that a Cloud Connector reports about its own connection."""

    code: str
    message: str


class EthernetStatus(Reading):
    """Addresses and problems of a Cloud Connector's Ethernet port."""

    mac_address: str
    ip_address: str
    errors: list[ConnectionFault] = []


class CellularStatus(Reading):
    """A Cloud Connector's cellular signal in %, and problems of it."""

    signal_strength: Percent
    errors: list[ConnectionFault] = []
