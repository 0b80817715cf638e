"""Types -> JSON Schemas (2020-12) that are open for consumers. Pure.

Open means that a message stays valid if DT adds a member, a state or an event type. So no object is closed, and the
known values of a text are a hint (``anyOf`` with any text), not a limit.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from function.schema import EVENT_TYPES
from tests.contract.attributes import Attributes, RejectedAttributes
from tests.contract.body import Body

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
UNNESTED = "labelsChanged"
"""The only type whose data are not nested below the type's name."""

LABEL = {
    "^label\\.": {
        "type": "string",
        "description": "The value of the device's label of this key, for the keys in the setting LABEL_ATTRIBUTES.",
    }
}
TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
"""The form of a time, because most validators check ``format`` only if they are told to."""
_REQUIRED_OF_EVENTS = ("contract", "eventId", "eventType", "projectId")


def schema_id(name: str) -> str:
    """Return the ``$id`` of a schema: a name with the version of the contract, and not an address."""
    return f"urn:dt-pubsub:contract:1:{name}"


def schemas(examples: Mapping[str, Sequence[Schema]]) -> dict[str, Schema]:
    """Return all schemas by name. ``examples`` has the example bodies of each event type."""
    return {
        **{event_type: _event_schema(event_type, examples[event_type]) for event_type in EVENT_TYPES},
        "envelope": _envelope_schema([bodies[0] for bodies in examples.values()][:1]),
        "attributes": _attributes_schema("attributes", Attributes),
        "rejected-attributes": _attributes_schema("rejected-attributes", RejectedAttributes),
    }


def _event_schema(event_type: str, examples: Sequence[Schema]) -> Schema:
    structure = EVENT_TYPES[event_type]
    (body, data), parts = _components(Body, structure)
    event = parts["Event"]["properties"]
    event["eventType"] = {"description": event["eventType"]["description"], "const": event_type}
    nested = {"type": "object", "required": [event_type], "properties": {event_type: data}}
    event["data"] = {
        "description": event["data"]["description"],
        **({"allOf": [data]} if event_type == UNNESTED else nested),
    }
    parts["Event"]["required"].append("data")
    described = {"title": f"Event of type {event_type}", "description": parts[structure.__name__]["description"]}
    return _document(event_type, body, parts, described, examples)


def _envelope_schema(examples: Sequence[Schema]) -> Schema:
    (body,), parts = _components(Body)
    event = parts["Event"]["properties"]
    event["eventType"] = {**event["eventType"], "examples": [*EVENT_TYPES]}
    described = {
        "title": "Event of any type",
        "description": "Every event on the main topic, also of a type that DT will add, or whose data contradict its "
        "type.",
    }
    return _document("envelope", body, parts, described, examples)


def _attributes_schema(name: str, structure: type[msgspec.Struct]) -> Schema:
    (attributes,), parts = _components(structure)
    title = structure.__doc__ or ""
    schema = _document(name, attributes, parts, {"title": title.rstrip(".")}, ())
    del schema["description"]
    if structure is Attributes:
        schema["required"] = [*_REQUIRED_OF_EVENTS]
    return {**schema, "patternProperties": LABEL}


def _document(
    name: str, root: Schema, parts: dict[str, Schema], described: Mapping[str, str], examples: Sequence[Schema]
) -> Schema:
    top = parts.pop(root["$ref"].rpartition("/")[2])
    return {
        "$schema": DIALECT,
        "$id": schema_id(name),
        **top,
        **described,
        **({"$defs": parts} if parts else {}),
        **({"examples": list(examples)} if examples else {}),
    }


def _components(*structures: type[msgspec.Struct]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return a reference to each structure, and the schemas of all structures that they use, by name."""
    references, parts = msgspec.json.schema_components(structures, ref_template="#/$defs/{name}")
    return [*references], _everywhere(_opened, parts)


def _everywhere(change: Callable[[Schema], Schema], value: Any) -> Any:
    """Return the value with every object in it changed, the inner ones first."""
    if isinstance(value, dict):
        return change({name: _everywhere(change, inner) for name, inner in value.items()})
    if isinstance(value, list):
        return [_everywhere(change, inner) for inner in value]
    return value


def _opened(schema: Schema) -> Schema:
    """Return a schema without what is only of interest to msgspec, and with its enumeration open."""
    if "anyOf" in schema:
        schema = _joined(schema)
    if "enum" in schema:
        known = schema.pop("enum")
        schema["anyOf"] = [{"enum": known}, {"type": "string"}]
    if schema.get("format") == "date-time":
        schema["pattern"] = TIME
    if not schema.get("required", True):
        del schema["required"]
    if isinstance(schema.get("description"), str):
        unit = f" In {schema['x-unit']}." if "x-unit" in schema else ""
        schema["description"] = schema["description"].replace("``", "") + unit
    return schema


def _joined(schema: Schema) -> Schema:
    """Return a schema whose alternatives have no alternatives, and are one if JSON Schema takes them for one.

    45.0 is an integer in JSON Schema, so "an integer, or a number without a fraction" is an integer there.
    """
    alternatives = [inner for one in schema["anyOf"] for inner in one.get("anyOf", [one])]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if [one.get("type") for one in alternatives] == ["integer", "number"]:
        return {**rest, **alternatives[0]}
    for one in alternatives:
        if "x-unit" in one:  # of a number that may be null
            rest["x-unit"] = one.pop("x-unit")
    return {**rest, "anyOf": alternatives}
