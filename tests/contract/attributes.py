"""The attributes of a message, as types. docs/messages.md has a row for each of them; a test compares the two."""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

from tests.contract.body import Text

Known: TypeAlias = Text | UnsetType
"""Text, or no attribute."""
_Trace = Annotated[str, Meta(pattern="^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
_Source = Annotated[str, Meta(pattern="^//api\\.disruptive-technologies\\.com/projects/")]
_Type = Annotated[str, Meta(pattern="^com\\.disruptive-technologies\\.")]
_JsonPath = Annotated[str, Meta(pattern="^\\$")]
_SchemaName = Annotated[str, Meta(pattern="^urn:dt-pubsub:contract:1:")]


class Identity(Struct, rename="camel"):
    """What a message of both topics says about its event."""

    contract: Annotated[Text, Meta(description="The version of the contract of messages.", examples=["1"])]
    event_id: Annotated[Known, Meta(description="DT's id of the event. Deduplicate on it.")] = UNSET
    event_type: Annotated[Known, Meta(description="The type of the event.", examples=["temperature"])] = UNSET
    device_id: Annotated[Known, Meta(description="The DT device, if the event belongs to one.")] = UNSET
    project_id: Annotated[Known, Meta(description="The DT project.")] = UNSET
    timestamp: Annotated[
        str | UnsetType,
        Meta(
            description="The event's own time, as DT wrote it: RFC 3339 in UTC.",
            examples=["2026-11-02T08:13:15.361624Z"],
        ),
    ] = UNSET
    device_type: Annotated[Known, Meta(description="The kind of device.", examples=["temperature", "ccon"])] = UNSET
    product_number: Annotated[Known, Meta(description="DT's product number.", examples=["102081"])] = UNSET
    traceparent: Annotated[
        _Trace | UnsetType,
        Meta(
            description="W3C trace context of the request.",
            examples=["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        ),
    ] = UNSET
    ce_specversion: Annotated[str | UnsetType, Meta(description="The version of CloudEvents.", examples=["1.0"])] = (
        field(default=UNSET, name="ce-specversion")
    )
    ce_id: Annotated[Known, Meta(description="The same as eventId.")] = field(default=UNSET, name="ce-id")
    ce_source: Annotated[
        _Source | UnsetType,
        Meta(
            description="The device, as a reference.",
            examples=["//api.disruptive-technologies.com/projects/bhmh0143iktucae701vg/devices/bchonod7rihjtvdmd2vg"],
        ),
    ] = field(default=UNSET, name="ce-source")
    ce_type: Annotated[
        _Type | UnsetType,
        Meta(
            description="The type of the event, in a name of DT's.",
            examples=["com.disruptive-technologies.temperature"],
        ),
    ] = field(default=UNSET, name="ce-type")
    ce_time: Annotated[
        str | UnsetType, Meta(description="The same as timestamp, if that is RFC 3339 with an offset.")
    ] = field(default=UNSET, name="ce-time")
    ce_subject: Annotated[Known, Meta(description="The same as deviceId.")] = field(default=UNSET, name="ce-subject")
    content_type: Annotated[
        str | UnsetType, Meta(description="The media type of the data.", examples=["application/json"])
    ] = field(default=UNSET, name="content-type")


class Attributes(Identity):
    """Attributes of a message on the main topic."""

    origin: Annotated[
        Literal["replay", "backfill"] | UnsetType,
        Meta(
            description="Where the message comes from, if DT did not just send the event. replay: the event was "
            "published again from a copy. backfill: it was read from DT's history."
        ),
    ] = UNSET
    schema_violation: Annotated[
        _JsonPath | UnsetType,
        Meta(
            description="JSON path of the first data that contradict the type of the event.",
            examples=["$.event.data.temperature.value"],
        ),
    ] = UNSET
    ce_dataschema: Annotated[
        _SchemaName | UnsetType,
        Meta(
            description="The $id of the JSON Schema that the data fit.",
            examples=["urn:dt-pubsub:contract:1:temperature"],
        ),
    ] = field(default=UNSET, name="ce-dataschema")


class RejectedAttributes(Identity, kw_only=True):
    """Attributes of a message on the rejected topic."""

    reason: Annotated[
        Literal["expired", "malformed", "no_envelope", "foreign_project", "invalid_argument"],
        Meta(description="Why the event cannot be used: the reasons in docs/reference.md."),
    ]
    received_at: Annotated[
        str,
        Meta(description="When the function received it. RFC 3339 in UTC.", examples=["2026-11-02T08:13:15.361624Z"]),
    ]
    body_sha256: Annotated[
        str,
        Meta(description="SHA-256 of the data, in hexadecimal digits.", pattern="^[0-9a-f]{64}$"),
    ]
