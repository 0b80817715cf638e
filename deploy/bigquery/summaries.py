"""Views with one row for each device: its newest events, when it was last heard, and its days."""

from deploy.bigquery.measurements import DEVICE, NAME, ORIGIN, VIOLATION
from deploy.bigquery.series import sample_time
from deploy.bigquery.table import Column
from deploy.bigquery.view import View, value

UNHEARD = ("labelsChanged", "connectionStatus")
"""Event types that DT's cloud makes. They do not show that a device works."""

_KEY = (
    Column("project_id", "STRING", "DT's id of the project that the device was last in."),
    Column("device_id", "STRING", "DT's id of the device."),
    NAME,
)

DEVICE_LATEST = View(
    "device_latest",
    "The newest event of each type of each device, by the event's time and not by its arrival.",
    (
        *DEVICE,
        Column("event_type", "STRING", "The type of the event."),
        Column("data", "JSON", "The data of the event."),
        ORIGIN,
        VIOLATION,
    ),
    f"""SELECT {", ".join(column.name for column in DEVICE)}, event_type, data, origin, schema_violation
FROM @events_once
WHERE device_id IS NOT NULL AND event_time IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY device_id, event_type ORDER BY event_time DESC, event_id DESC) = 1""",
)

DEVICE_LAST_HEARD = View(
    "device_last_heard",
    "When each device was last heard, by any event that the device itself sends. A heartbeat's period depends on the "
    "sensor's type and settings.",
    (*_KEY, Column("last_heard", "TIMESTAMP", "The time of the newest event, in UTC.")),
    f"""SELECT
  ANY_VALUE(project_id HAVING MAX event_time) AS project_id,
  device_id,
  ANY_VALUE(device_name HAVING MAX IF(device_name IS NULL, NULL, event_time)) AS device_name,
  MAX(event_time) AS last_heard
FROM @events_once
WHERE device_id IS NOT NULL AND event_time IS NOT NULL
  AND event_type NOT IN ({", ".join(f"'{event_type}'" for event_type in UNHEARD)})
GROUP BY device_id""",
)

_DAY = Column("day", "DATE", "The day in UTC.")


def _number(event_path: str, sample_path: str = "") -> str:
    """Return the SQL of a number of an event, or of one of its samples."""
    of_event = f"IF(sample IS NULL, {value(event_path, 'FLOAT64')}, NULL)"
    return f"COALESCE({of_event}, {value(sample_path, 'FLOAT64', 'sample')})" if sample_path else of_event


_CELSIUS = f"COALESCE({_number('temperature.value', 'value')}, {_number('humidity.temperature', 'temperature')})"
_SAMPLES = ", ".join(f"JSON_QUERY_ARRAY(data, '$.{event_type}.samples')" for event_type in ("temperature", "humidity"))
_TIME = sample_time("temperature", "humidity")
_READINGS = ("celsius", "humidity", "ppm", "pascal", "battery", "signal")

DEVICE_DAILY = View(
    "device_daily",
    "A summary of each day of each device. Temperatures and humidities are those of all samples, on the day on which "
    "they were measured.",
    (
        *_KEY,
        _DAY,
        Column("events", "INT64", "The number of events with their own time on this day, each counted once."),
        Column("temperature_samples", "INT64", "The number of temperatures."),
        Column("min_celsius", "FLOAT64", "The lowest temperature, in degrees Celsius."),
        Column("mean_celsius", "FLOAT64", "The mean of all temperatures, in degrees Celsius."),
        Column("max_celsius", "FLOAT64", "The highest temperature, in degrees Celsius."),
        Column("mean_relative_humidity_percent", "FLOAT64", "The mean of all relative humidities, in percent."),
        Column("mean_ppm", "FLOAT64", "The mean carbon dioxide, in parts per million."),
        Column("max_ppm", "FLOAT64", "The highest carbon dioxide, in parts per million."),
        Column("mean_pascal", "FLOAT64", "The mean air pressure, in pascal."),
        Column("touches", "INT64", "The number of touch events."),
        Column("min_battery_percent", "FLOAT64", "The lowest charge of the battery, in percent."),
        Column("mean_signal_percent", "FLOAT64", "The mean signal over all Cloud Connectors, in percent."),
    ),
    f"""WITH readings AS (
  SELECT
    project_id, device_id, device_name, CAST(NULL AS STRING) AS event_id, '' AS event_type,
    event_time,
    COALESCE({_TIME}, event_time) AS time,
    {_CELSIUS} AS celsius,
    {_number("humidity.relativeHumidity", "relativeHumidity")} AS humidity,
    {value("co2.ppm", "FLOAT64")} AS ppm,
    {value("pressure.pascal", "FLOAT64")} AS pascal,
    {value("batteryStatus.percentage", "FLOAT64")} AS battery,
    {value("networkStatus.signalStrength", "FLOAT64")} AS signal
  FROM @events_once
  LEFT JOIN UNNEST(COALESCE({_SAMPLES})) AS sample
  WHERE device_id IS NOT NULL AND event_time IS NOT NULL
  UNION ALL
  SELECT
    project_id, device_id, device_name, event_id, event_type, event_time, event_time AS time,
    {", ".join(f"CAST(NULL AS FLOAT64) AS {name}" for name in _READINGS)}
  FROM @events_once
  WHERE device_id IS NOT NULL AND event_time IS NOT NULL
)
SELECT
  ANY_VALUE(project_id HAVING MAX event_time) AS project_id,
  device_id,
  ANY_VALUE(device_name HAVING MAX IF(device_name IS NULL, NULL, event_time)) AS device_name,
  DATE(time) AS day,
  COUNT(event_id) AS events,
  COUNT(celsius) AS temperature_samples,
  MIN(celsius) AS min_celsius,
  AVG(celsius) AS mean_celsius,
  MAX(celsius) AS max_celsius,
  AVG(humidity) AS mean_relative_humidity_percent,
  AVG(ppm) AS mean_ppm,
  MAX(ppm) AS max_ppm,
  AVG(pascal) AS mean_pascal,
  COUNTIF(event_type = 'touch') AS touches,
  MIN(battery) AS min_battery_percent,
  AVG(signal) AS mean_signal_percent
FROM readings
GROUP BY device_id, day""",
)

DEVICE_STATE_DAILY = View(
    "device_state_daily",
    "How long each device was in each state on each day: an interval over midnight is split. The last known state "
    "counts until the device was last heard.",
    (
        *_KEY,
        Column("event_type", "STRING", "What the state is of: objectPresent, motion, contact, …"),
        Column("state", "STRING", "The state, such as PRESENT, OPEN or OCCUPIED."),
        _DAY,
        Column("seconds", "FLOAT64", "How long it lasted on that day, in seconds."),
        Column("begins", "INT64", "How often it began on that day."),
    ),
    """WITH ended AS (
  SELECT
    intervals.project_id, intervals.device_id, intervals.device_name, intervals.event_type, intervals.state,
    intervals.state_from,
    COALESCE(
      intervals.state_until, GREATEST(heard.last_heard, intervals.state_from), intervals.state_from
    ) AS state_until
  FROM @device_state_intervals AS intervals
  LEFT JOIN @device_last_heard AS heard ON heard.device_id = intervals.device_id
)
SELECT
  ANY_VALUE(project_id HAVING MAX state_from) AS project_id,
  device_id,
  ANY_VALUE(device_name HAVING MAX IF(device_name IS NULL, NULL, state_from)) AS device_name,
  event_type, state, day,
  SUM(TIMESTAMP_DIFF(
    LEAST(state_until, TIMESTAMP(DATE_ADD(day, INTERVAL 1 DAY))), GREATEST(state_from, TIMESTAMP(day)), MICROSECOND
  )) / 1000000 AS seconds,
  COUNTIF(DATE(state_from) = day) AS begins
FROM ended
CROSS JOIN UNNEST(GENERATE_DATE_ARRAY(DATE(state_from), DATE(state_until))) AS day
WHERE TIMESTAMP(day) < state_until OR DATE(state_from) = day
GROUP BY device_id, event_type, state, day""",
)

VIEWS = (DEVICE_LATEST, DEVICE_LAST_HEARD, DEVICE_DAILY, DEVICE_STATE_DAILY)
