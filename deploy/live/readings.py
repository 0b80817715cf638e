"""What an event says, as one line of text such as ``24.9 °C`` and as numbers with units. Pure.

Texts contain the customer's own text, such as names and labels, as it is. Escape it before it is shown on a
terminal.
Fields and units of the 19 known event types: ``function/event_types.py``, and
https://docs.developer.disruptive-technologies.com/docs/concepts/events. Of an unknown type, and of data that contradict
their type, all plain values are shown under their own names.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.live.message import Message

Json = Mapping[str, Any]

MAX_PLAIN = 8
"""Values that are shown of an event whose type is unknown."""

MAX_CHARACTERS = 100
"""Characters that are shown of each of these values."""

_TIMES = {"updateTime", "sampleTime"}


@dataclass(frozen=True, slots=True)
class Value:
    """One measured number. ``at``: when it was measured, in unix seconds. ``unit`` is empty if it is unknown."""

    name: str
    number: float
    unit: str
    at: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What one message says.

    ``at``: the event's own time in unix seconds; if it has none, the time of publication. ``event_type`` and
    ``device_id`` are empty if the message names none. ``device_name``: the label ``name``, else the device id.
    ``values`` are in the order of their times, with all samples. ``state``: a state in words, such as ``open``.
    """

    at: float
    event_type: str
    device_id: str
    device_name: str
    text: str
    values: tuple[Value, ...]
    state: str | None


@dataclass(frozen=True, slots=True)
class _Content:
    """The text, the values and the state of an event's data."""

    text: str
    values: tuple[Value, ...] = ()
    state: str | None = None


def reading(message: Message) -> Reading:
    """Return what a message says. Its bytes may be anything. Never raises."""
    body = json_value(message.data)
    found = body if isinstance(body, dict) else {}
    event = _object(found.get("event"))
    at = _time(event.get("timestamp"), message.published_at)
    device_id = message.attributes.get("deviceId") or _device_of(event)
    content = _content(event, at) if event else _Content(_without_event(message.data, body))
    return Reading(
        at=at,
        event_type=message.attributes.get("eventType") or _text(event.get("eventType")),
        device_id=device_id,
        device_name=_text(_object(found.get("labels")).get("name")).strip() or device_id,
        text=content.text,
        values=tuple(sorted(content.values, key=lambda value: value.at)),
        state=content.state,
    )


def event_text(event: Json) -> str:
    """Return the text of an event, which is the member ``event`` of a body. Never raises."""
    return _content(event, 0).text


def _content(event: Json, at: float) -> _Content:
    event_type, data = _text(event.get("eventType")), _object(event.get("data"))
    nested = _object(data.get(event_type)) or data
    measured_at = _time(nested.get("updateTime"), at)
    try:
        return _READERS.get(event_type, _plain)(nested, measured_at)
    except (KeyError, TypeError, ValueError, OverflowError):
        return _plain(nested, measured_at)


def _plain(data: Json, at: float) -> _Content:
    """Return the plain values of data whose structure is unknown."""
    shown = [(key, value) for key, value in data.items() if isinstance(value, str | int | float) and key not in _TIMES]
    words = [f"{key} {_written(value)}" for key, value in shown[:MAX_PLAIN]]
    words += [f"and {len(shown) - MAX_PLAIN} more"] if len(shown) > MAX_PLAIN else []
    values = tuple(Value(key, float(value), "", at) for key, value in shown if _is_number(value))
    state = _words(data["state"]) if data.get("state") and isinstance(data["state"], str) else None
    return _Content(", ".join(words) or "no values", values, state)


def _temperature(data: Json, at: float) -> _Content:
    newest = _number(data["value"])
    values = [Value("temperature", sample, "°C", when) for when, (sample,) in _samples(data, at, "value")]
    return _Content(f"{_short(newest)} °C", (*values,) or (Value("temperature", newest, "°C", at),))


def _humidity(data: Json, at: float) -> _Content:
    keys = ("temperature", "relativeHumidity")
    celsius, percent = (_number(data[key]) for key in keys)
    pairs = list(_samples(data, at, *keys)) or [(at, (celsius, percent))]
    values = [Value("temperature", pair[0], "°C", when) for when, pair in pairs]
    values += [Value("relative humidity", pair[1], "%", when) for when, pair in pairs]
    return _Content(f"{_short(celsius)} °C, {_short(percent)} % RH", (*values,))


def _samples(data: Json, at: float, *keys: str) -> Iterator[tuple[float, tuple[float, ...]]]:
    """Yield the time of each sample that is readable, and its numbers under these keys."""
    for sample in _list(data.get("samples")):
        numbers = tuple(_object(sample).get(key) for key in keys)
        if all(_is_number(number) for number in numbers):
            yield _time(sample.get("sampleTime"), at), tuple(map(_number, numbers))


def _measured(key: str, name: str, unit: str, text: str, scale: float = 1) -> Callable[[Json, float], _Content]:
    """Return the reader of data with one number. ``text`` has a place for it; ``scale`` converts it into the unit."""

    def read(data: Json, at: float) -> _Content:
        number = _number(data[key]) * scale
        return _Content(text.format(_short(number)), (Value(name, number, unit, at),))

    return read


def _state(prefix: str = "") -> Callable[[Json, float], _Content]:
    """Return the reader of data with a state."""

    def read(data: Json, _: float) -> _Content:
        state = _words(data["state"])
        remarks = [_words(remark) for remark in _list(data.get("remarks"))]
        return _Content(", ".join([prefix + state, *remarks]), state=state)

    return read


def _network(data: Json, at: float) -> _Content:
    signal = _number(data["signalStrength"])
    values = [Value("signal", signal, "%", at)]
    values += [Value("rssi", _number(data["rssi"]), "dBm", at)] if _is_number(data.get("rssi")) else []
    return _Content("signal " + ", ".join(f"{_short(value.number)} {value.unit}" for value in values), (*values,))


def _labels(data: Json, _: float) -> _Content:
    added, modified = (_object(data.get(key)) for key in ("added", "modified"))
    signs = (("+", added), ("~", modified), ("-", _list(data.get("removed"))))
    changes = [f"{sign}{_text(key)}" for sign, keys in signs for key in keys]
    return _Content(" ".join(changes) or "no label changed")


def _connection(data: Json, _: float) -> _Content:
    state = _words(data["connection"])
    return _Content(state if state == "offline" else f"by {state}", state=state)


def _ethernet(data: Json, _: float) -> _Content:
    return _Content(f"ethernet {data['ipAddress']}{_faults(data)}")


def _cellular(data: Json, at: float) -> _Content:
    signal = _number(data["signalStrength"])
    return _Content(f"cellular {_short(signal)} %{_faults(data)}", (Value("signal", signal, "%", at),))


def _faults(data: Json) -> str:
    """Return the problems that a Cloud Connector reports about its own connection, each after a semicolon."""
    faults = [_object(fault) for fault in _list(data.get("errors"))]
    words = [_text(fault.get("message")) or _text(fault.get("code")) for fault in faults]
    return "".join(f"; {word}" for word in words if word)


_READERS: Mapping[str, Callable[[Json, float], _Content]] = {
    "touch": lambda _, __: _Content("touched"),
    "temperature": _temperature,
    "objectPresent": _state(),
    "humidity": _humidity,
    "objectPresentCount": _measured("total", "count", "objects", "{} objects"),
    "touchCount": _measured("total", "count", "touches", "{} touches"),
    "waterPresent": _state("water "),
    "co2": _measured("ppm", "CO2", "ppm", "{} ppm"),
    "pressure": _measured("pascal", "pressure", "hPa", "{} hPa", 0.01),
    "motion": _state(),
    "deskOccupancy": _state(),
    "contact": _state(),
    "probeWireStatus": _state(),
    "networkStatus": _network,
    "batteryStatus": _measured("percentage", "battery", "%", "battery {} %"),
    "labelsChanged": _labels,
    "connectionStatus": _connection,
    "ethernetStatus": _ethernet,
    "cellularStatus": _cellular,
}
KNOWN_TYPES = frozenset(_READERS)
"""The event types that have a reader."""


def json_value(data: bytes) -> Any:
    """Return the value of a JSON text, or None if the bytes are not JSON: NaN and Infinity are not."""
    try:
        return json.loads(data.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _without_event(data: bytes, body: Any) -> str:
    return "no event in it" if isinstance(body, dict) else f"{len(data):,} bytes, not a JSON object"


def _device_of(event: Json) -> str:
    return _text(event.get("targetName")).partition("/devices/")[2]


def _time(value: Any, default: float) -> float:
    """Return the unix seconds of an RFC 3339 time, or the default if the value is not one or has no offset."""
    try:
        time = datetime.fromisoformat(value)
        return time.timestamp() if time.tzinfo else default
    except (OverflowError, TypeError, ValueError):
        return default


def _number(value: Any) -> float:
    """Return a finite number. Raises ``ValueError`` for any other value."""
    if not _is_number(value):
        raise ValueError("not a finite number")
    return float(value)


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer that is larger than any float
        return False


def _short(number: float) -> str:
    return f"{int(number):,}" if number.is_integer() and abs(number) < 1e15 else f"{number:g}"


def _written(value: str | float) -> str:
    """Return a value as text, shortened if it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _short(float(value)) if _is_number(value) else "a number that is too large"
    return value if len(value) <= MAX_CHARACTERS else f"{value[:MAX_CHARACTERS]}…"


def _words(state: Any) -> str:
    """Return a state such as ``NOT_PRESENT`` in words. Raises ``ValueError`` for any other value."""
    if not isinstance(state, str) or not state:
        raise ValueError("not a state")
    return state.lower().replace("_", " ")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
