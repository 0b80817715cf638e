"""The view without duplicates, and one view for each of DT's event types, with units.

The columns of a type are the members of its structure in ``function.event_types``, which a test compares.
"""

from dataclasses import dataclass

from deploy.bigquery.table import COLUMNS, Column
from deploy.bigquery.view import View, value

NAME = Column("device_name", "STRING", "The display name that the device had. NULL if DT did not send it.")
ORIGIN = Column(
    "origin", "STRING", "replay or backfill: the command of an operator that sent the event. NULL if DT sent it."
)
VIOLATION = Column(
    "schema_violation", "STRING", "Where the data contradict the event's type, as a JSON path. NULL if they do not."
)

EVENTS_ONCE = View(
    "events_once",
    "All events, each once: the copy that was published first. Filters on event_time, device_id and event_type can "
    "reach the table, so that BigQuery need not read other partitions and blocks.",
    (*COLUMNS, NAME, ORIGIN, VIOLATION),
    f"""SELECT
  {", ".join(column.name for column in COLUMNS)},
  {value("name", source="labels")} AS device_name,
  {value("origin", source="attributes")} AS origin,
  {value("schemaViolation", source="attributes")} AS schema_violation
FROM @events
WHERE event_id IS NOT NULL
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY event_id, event_time, device_id, event_type
  ORDER BY publish_time, message_id
) = 1""",
)
"""A filter outside a window function only reaches the table if its column is in the PARTITION BY. Copies of an event
agree in all four columns."""

DEVICE = (
    Column("event_id", "STRING", "DT's id of the event."),
    Column("project_id", "STRING", "DT's id of the project that the device was in."),
    Column("device_id", "STRING", "DT's id of the device."),
    NAME,
    Column("event_time", "TIMESTAMP", "The event's own time, in UTC."),
)
"""Columns of every view of events: whose they are, and when."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an event's data and its column. ``kind`` JSON is for arrays and objects."""

    path: str
    column: str
    kind: str
    description: str

    @property
    def sql(self) -> str:
        """The SQL that reads it."""
        if self.kind == "JSON":
            return f"JSON_QUERY(data, '$.{self.path}')"
        read = value(self.path, self.kind)
        return f"COALESCE({read}, FALSE)" if self.kind == "BOOL" else read


@dataclass(frozen=True, slots=True)
class Measurement:
    """An event type and its view."""

    event_type: str
    view: str
    description: str
    members: tuple[Member, ...]


def _backfilled(event_type: str) -> Member:
    says = "Whether the sensor stored the reading during an outage and sent it later: raise no alarm from it."
    return Member(f"{event_type}.isBackfilled", "is_backfilled", "BOOL", says)


def _state(event_type: str, description: str) -> Member:
    return Member(f"{event_type}.state", "state", "STRING", description)


def _signal(event_type: str) -> Member:
    return Member(f"{event_type}.signalStrength", "signal_percent", "FLOAT64", "The signal, from 0 (weak) to 100 %.")


def _errors(event_type: str) -> Member:
    says = "Problems of the connection: an array of objects with code and message."
    return Member(f"{event_type}.errors", "errors", "JSON", says)


_CELSIUS = "in degrees Celsius"

MEASUREMENTS = (
    Measurement("touch", "touch", "Touches of a sensor, or of a Cloud Connector's button.", ()),
    Measurement(
        "temperature",
        "temperature",
        "Temperatures, one row for each event. temperature_samples has all that were measured between two events.",
        (
            Member("temperature.value", "celsius", "FLOAT64", f"The newest temperature, {_CELSIUS}."),
            _backfilled("temperature"),
            Member("temperature.samples", "samples", "JSON", "All temperatures since the last event, newest first."),
        ),
    ),
    Measurement(
        "objectPresent",
        "object_present",
        "Proximity: whether an object is in front of the sensor.",
        (_state("objectPresent", "PRESENT or NOT_PRESENT. Which of them means open depends on where the sensor is."),),
    ),
    Measurement(
        "humidity",
        "humidity",
        "Relative humidity and temperature, one row for each event; humidity_samples has all.",
        (
            Member(
                "humidity.relativeHumidity",
                "relative_humidity_percent",
                "FLOAT64",
                "The newest relative humidity, in percent.",
            ),
            Member("humidity.temperature", "celsius", "FLOAT64", f"The newest temperature, {_CELSIUS}."),
            _backfilled("humidity"),
            Member("humidity.samples", "samples", "JSON", "All pairs of values since the last event, newest first."),
        ),
    ),
    Measurement(
        "objectPresentCount",
        "object_present_count",
        "How often an object appeared or disappeared; count_increments has the counts between two events.",
        (Member("objectPresentCount.total", "total", "INT64", "The count over the sensor's whole life."),),
    ),
    Measurement(
        "touchCount",
        "touch_count",
        "How often a sensor was touched; count_increments has the counts between two events.",
        (Member("touchCount.total", "total", "INT64", "The count over the sensor's whole life."),),
    ),
    Measurement(
        "waterPresent",
        "water_present",
        "Whether a detector touches water.",
        (_state("waterPresent", "PRESENT: it touches water. NOT_PRESENT: it does not."),),
    ),
    Measurement(
        "co2",
        "co2",
        "Carbon dioxide in the air.",
        (Member("co2.ppm", "ppm", "FLOAT64", "Carbon dioxide, in parts per million."),),
    ),
    Measurement(
        "pressure",
        "pressure",
        "Air pressure.",
        (Member("pressure.pascal", "pascal", "FLOAT64", "The air pressure, in pascal."),),
    ),
    Measurement(
        "motion",
        "motion",
        "Whether there is motion.",
        (_state("motion", "MOTION_DETECTED, or NO_MOTION_DETECTED when the sensor's activity timer has expired."),),
    ),
    Measurement(
        "deskOccupancy",
        "desk_occupancy",
        "Whether a desk is occupied.",
        (
            _state("deskOccupancy", "OCCUPIED or NOT_OCCUPIED."),
            Member("deskOccupancy.remarks", "remarks", "JSON", "An array such as INCOMPLETE_DATA: it is less certain."),
        ),
    ),
    Measurement(
        "contact",
        "contact",
        "Whether a door or window is open.",
        (_state("contact", "OPEN or CLOSED."),),
    ),
    Measurement(
        "probeWireStatus",
        "probe_wire_status",
        "How the temperature probe is wired.",
        (_state("probeWireStatus", "TWO_WIRE, THREE_WIRE, FOUR_WIRE, or INVALID_…: it cannot measure."),),
    ),
    Measurement(
        "networkStatus",
        "network_status",
        "The signal of a sensor: a row for each Cloud Connector in range. device_heartbeats has one row a heartbeat.",
        (
            _signal("networkStatus"),
            Member("networkStatus.rssi", "rssi_dbm", "FLOAT64", "The received signal strength, in dBm."),
            Member(
                "networkStatus.cloudConnectors[0].id",
                "cloud_connector_id",
                "STRING",
                "The Cloud Connector that heard it.",
            ),
            Member(
                "networkStatus.transmissionMode",
                "transmission_mode",
                "STRING",
                "LOW_POWER_STANDARD_MODE or HIGH_POWER_BOOST_MODE, which uses more of the battery.",
            ),
        ),
    ),
    Measurement(
        "batteryStatus",
        "battery_status",
        "The charge of a sensor's battery.",
        (Member("batteryStatus.percentage", "battery_percent", "FLOAT64", "The charge, in percent and coarse steps."),),
    ),
    Measurement(
        "labelsChanged",
        "labels_changed",
        "Labels of a device, or its display name, were edited.",
        (
            Member("added", "added", "JSON", "Labels that are new: an object of keys and values."),
            Member("modified", "modified", "JSON", "Labels with another value: an object of keys and new values."),
            Member("removed", "removed", "JSON", "Labels that are gone: an array of keys."),
        ),
    ),
    Measurement(
        "connectionStatus",
        "connection_status",
        "How a Cloud Connector, or a sensor, is connected.",
        (
            Member("connectionStatus.connection", "connection", "STRING", "SDS, ETHERNET, CELLULAR or OFFLINE."),
            Member("connectionStatus.available", "available", "JSON", "An array of what it could be connected by."),
        ),
    ),
    Measurement(
        "ethernetStatus",
        "ethernet_status",
        "A Cloud Connector's Ethernet port.",
        (
            Member("ethernetStatus.macAddress", "mac_address", "STRING", "The hardware address of the port."),
            Member("ethernetStatus.ipAddress", "ip_address", "STRING", "The address in the local network."),
            _errors("ethernetStatus"),
        ),
    ),
    Measurement(
        "cellularStatus",
        "cellular_status",
        "A Cloud Connector's cellular connection.",
        (_signal("cellularStatus"), _errors("cellularStatus")),
    ),
)


def measurement_view(measurement: Measurement) -> View:
    """Return the view of an event type."""
    members = "".join(f",\n  {member.sql} AS {member.column}" for member in measurement.members)
    return View(
        measurement.view,
        measurement.description,
        (
            *DEVICE,
            *(Column(member.column, member.kind, member.description) for member in measurement.members),
            ORIGIN,
            VIOLATION,
        ),
        f"""SELECT
  {", ".join(column.name for column in DEVICE)}{members},
  origin, schema_violation
FROM @events_once
WHERE event_type = '{measurement.event_type}'""",
    )


VIEWS = (EVENTS_ONCE, *map(measurement_view, MEASUREMENTS))
