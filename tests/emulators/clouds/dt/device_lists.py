"""The filters and the order of a list of devices.

Parameters as the official package and Terraform's provider send them; ``product_numbers`` as in DT's API reference.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from tests.emulators.clouds.exchange import Json, Request


def listed(devices: Iterable[Json], request: Request) -> list[Json]:
    """Return the devices that match the filters of a request, in the requested order."""
    checks = _checks(request)
    matching = [device for device in devices if all(check(device) for check in checks)]
    order = request.parameter("order_by", "orderBy")
    if order:
        path = order.removeprefix("-").split(".")
        with_value = [device for device in matching if _value(device, path) is not None]
        without = [device for device in matching if _value(device, path) is None]
        with_value.sort(key=lambda device: _sort_key(_value(device, path)), reverse=order.startswith("-"))
        return [*with_value, *without]
    return matching


def _checks(request: Request) -> list[Callable[[Json], bool]]:
    ids, types = _all(request, "device_ids", "deviceIds"), _all(request, "device_types", "deviceTypes")
    numbers = _all(request, "product_numbers", "productNumbers")
    labels = _all(request, "label_filters", "labelFilters")
    words = request.parameter("query").lower().split()
    checks: list[Callable[[Json], bool]] = [partial(_has_label, wanted) for wanted in labels]
    if ids:
        checks.append(lambda device: _id(device) in ids)
    if types:
        checks.append(lambda device: device["type"] in types)
    if numbers:
        checks.append(lambda device: device["productNumber"] in numbers)
    if words:
        checks.append(lambda device: all(word in _searched(device) for word in words))
    return checks


def _all(request: Request, *names: str) -> list[str]:
    return [value for name in names for value in request.query.get(name, [])]


def _id(device: Json) -> str:
    return str(device["name"]).rpartition("/")[2]


def _has_label(wanted: str, device: Json) -> bool:
    """Whether a device has a label ``key=value``; ``key`` and ``key=`` match any value."""
    key, _, value = wanted.partition("=")
    return key in device["labels"] and value in {"", device["labels"][key]}


def _searched(device: Json) -> str:
    labels = [word for pair in device["labels"].items() for word in pair]
    return "\n".join([_id(device), device["type"], device["productNumber"], *labels]).lower()


def _value(device: Json, path: list[str]) -> Any:
    """Return the value at a dotted path, or None; the key of a label may have dots."""
    if path[0] == "labels":
        return device["labels"].get(".".join(path[1:]))
    value: Any = device
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _sort_key(value: Any) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return (not is_number, value if is_number else 0.0, "" if is_number else str(value))
