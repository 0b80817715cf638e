"""Views of what happens between two events: samples, count increments, heartbeats and the time that a state lasts."""

from deploy.bigquery.measurements import DEVICE, NAME
from deploy.bigquery.table import Column
from deploy.bigquery.view import View, value

_BY = ", ".join(column.name for column in DEVICE)
_SAMPLE_TIME = Column("sample_time", "TIMESTAMP", "When it was measured, in UTC. It is never later than event_time.")


def _sampled(event: str, sample: str) -> str:
    """Return the SQL of a number: that of the sample, or that of an event without samples. Both are JSON paths."""
    read = f"JSON_VALUE(data, '$.{event}'), JSON_VALUE(sample, '$.{sample}')"
    return f"SAFE_CAST(IF(sample IS NULL, {read}) AS FLOAT64)"


def sample_time(*event_types: str) -> str:
    """Return the SQL of the time of a sample, or of the reading of an event without samples."""
    updated = ", ".join(value(f"{event_type}.updateTime", "TIMESTAMP") for event_type in event_types)
    return f"IF(sample IS NULL, COALESCE({updated}, event_time), {value('sampleTime', 'TIMESTAMP', 'sample')})"


TEMPERATURE_SAMPLES = View(
    "temperature_samples",
    "Every temperature that was measured, once. The first sample of an event is its value; events before 2021 have no "
    "samples, and their value is taken. Filter on event_time as well as on sample_time, so that BigQuery reads less.",
    (*DEVICE, _SAMPLE_TIME, Column("celsius", "FLOAT64", "The temperature, in degrees Celsius.")),
    f"""SELECT
  {_BY},
  {sample_time("temperature")} AS sample_time,
  {_sampled("temperature.value", "value")} AS celsius
FROM @events_once
LEFT JOIN UNNEST(JSON_QUERY_ARRAY(data, '$.temperature.samples')) AS sample
WHERE event_type = 'temperature'""",
)

HUMIDITY_SAMPLES = View(
    "humidity_samples",
    "Every pair of relative humidity and temperature that was measured, once, as in temperature_samples. Events before "
    "December 2024 have no samples.",
    (
        *DEVICE,
        _SAMPLE_TIME,
        Column("relative_humidity_percent", "FLOAT64", "The relative humidity, in percent."),
        Column("celsius", "FLOAT64", "The temperature, in degrees Celsius."),
    ),
    f"""SELECT
  {_BY},
  {sample_time("humidity")} AS sample_time,
  {_sampled("humidity.relativeHumidity", "relativeHumidity")} AS relative_humidity_percent,
  {_sampled("humidity.temperature", "temperature")} AS celsius
FROM @events_once
LEFT JOIN UNNEST(JSON_QUERY_ARRAY(data, '$.humidity.samples')) AS sample
WHERE event_type = 'humidity'""",
)

_IN_ORDER = "PARTITION BY device_id, event_type ORDER BY event_time, event_id"

COUNT_INCREMENTS = View(
    "count_increments",
    "What was counted between two events of objectPresentCount or touchCount. A smaller total has begun anew.",
    (
        *DEVICE,
        Column("event_type", "STRING", "objectPresentCount or touchCount."),
        Column("total", "INT64", "The count over the sensor's whole life."),
        Column("increment", "INT64", "The count since the event before. NULL for the first event of a device."),
    ),
    f"""SELECT
  {_BY}, event_type, total,
  IF(total >= before, total - before, IF(before IS NULL, NULL, total)) AS increment
FROM (
  SELECT {_BY}, event_type, total, LAG(total) OVER ({_IN_ORDER}) AS before
  FROM (
    SELECT
      {_BY}, event_type,
      COALESCE({value("objectPresentCount.total", "INT64")}, {value("touchCount.total", "INT64")}) AS total
    FROM @events_once
    WHERE event_type IN ('objectPresentCount', 'touchCount')
  )
  WHERE total IS NOT NULL AND event_time IS NOT NULL
)""",
)

DEVICE_HEARTBEATS = View(
    "device_heartbeats",
    "One row for each time that a sensor was heard, however many Cloud Connectors heard it.",
    (
        Column("project_id", "STRING", "DT's id of the project that the device was in."),
        Column("device_id", "STRING", "DT's id of the device."),
        Column("heard_at", "TIMESTAMP", "When it was heard, in UTC."),
        Column("signal_percent", "FLOAT64", "The best signal, from 0 (weak) to 100 %."),
        Column("cloud_connectors", "INT64", "How many Cloud Connectors heard it."),
    ),
    f"""SELECT
  project_id, device_id,
  COALESCE({value("networkStatus.updateTime", "TIMESTAMP")}, event_time) AS heard_at,
  MAX({value("networkStatus.signalStrength", "FLOAT64")}) AS signal_percent,
  COUNT(DISTINCT {value("networkStatus.cloudConnectors[0].id")}) AS cloud_connectors
FROM @events_once
WHERE event_type = 'networkStatus'
GROUP BY project_id, device_id, heard_at""",
)

STATES = {
    "objectPresent": "objectPresent.state",
    "waterPresent": "waterPresent.state",
    "motion": "motion.state",
    "deskOccupancy": "deskOccupancy.state",
    "contact": "contact.state",
    "probeWireStatus": "probeWireStatus.state",
    "connectionStatus": "connectionStatus.connection",
}
"""Event types that report a state, and where it is in the data."""

_STATE = (
    Column("project_id", "STRING", "DT's id of the project that the device was in."),
    Column("device_id", "STRING", "DT's id of the device."),
    NAME,
    Column("event_type", "STRING", "What the state is of: objectPresent, motion, contact, …"),
    Column("state", "STRING", "The state, such as PRESENT, OPEN or OCCUPIED."),
)

DEVICE_STATE_INTERVALS = View(
    "device_state_intervals",
    "From when until when each state lasted: until the next event with another state. Times are those of the events, "
    "so that late data are in their place.",
    (
        *_STATE,
        Column("state_from", "TIMESTAMP", "When it began, in UTC."),
        Column("state_until", "TIMESTAMP", "When it ended, in UTC. NULL if it is the device's last known state."),
        Column("seconds", "FLOAT64", "How long it lasted, in seconds. NULL if it is the device's last known state."),
    ),
    f"""WITH states AS (
  SELECT
    project_id, device_id, device_name, event_type, event_time, event_id,
    COALESCE({", ".join(value(path) for path in STATES.values())}) AS state
  FROM @events_once
  WHERE event_type IN ({", ".join(f"'{event_type}'" for event_type in STATES)})
    AND device_id IS NOT NULL AND event_time IS NOT NULL
),
changes AS (
  SELECT project_id, device_id, device_name, event_type, event_time, event_id, state
  FROM states
  WHERE state IS NOT NULL
  QUALIFY state IS DISTINCT FROM LAG(state) OVER ({_IN_ORDER})
),
intervals AS (
  SELECT
    project_id, device_id, device_name, event_type, state, event_time AS state_from,
    LEAD(event_time) OVER ({_IN_ORDER}) AS state_until
  FROM changes
)
SELECT
  project_id, device_id, device_name, event_type, state, state_from, state_until,
  TIMESTAMP_DIFF(state_until, state_from, MICROSECOND) / 1000000 AS seconds
FROM intervals""",
)

VIEWS = (TEMPERATURE_SAMPLES, HUMIDITY_SAMPLES, COUNT_INCREMENTS, DEVICE_HEARTBEATS, DEVICE_STATE_INTERVALS)
