"""The outer parts of an event, as types. ``function/event.py`` reads the same members by hand, because it is faster."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from function.event_types import Time

Text = Annotated[str, Meta(min_length=1)]


class Event(Struct, rename="camel"):
    """What happened, to which device, and when."""

    event_id: Annotated[
        Text,
        Meta(
            description="DT's id of the event. It stays the same if the event is sent again: deduplicate on it.",
            examples=["bjehn6sdm92f9pd7f4s0"],
        ),
    ]
    target_name: Annotated[
        str,
        Meta(
            description="The device, as projects/PROJECT/devices/DEVICE: the project that it was in when DT sent the "
            "event. An event that belongs to no device has projects/PROJECT.",
            pattern="^projects/[^/]",
            examples=["projects/bhmh0143iktucae701vg/devices/bchonod7rihjtvdmd2vg"],
        ),
    ]
    event_type: Annotated[Text, Meta(description="The type of the event. It says which members data has.")]
    data: Annotated[Any, Meta(description="What was measured or what changed.")] = None
    timestamp: Annotated[
        Time | UnsetType,
        Meta(
            description="The event's own time. RFC 3339 in UTC, with up to 9 digits of a second. Sort by it.",
            examples=["2026-11-02T08:13:15.361624Z"],
        ),
    ] = UNSET


class Metadata(Struct, rename="camel"):
    """What DT knows about the device."""

    device_id: Annotated[str | UnsetType, Meta(description="The id of the device.")] = UNSET
    project_id: Annotated[str | UnsetType, Meta(description="The id of the DT project.")] = UNSET
    device_type: Annotated[
        str | UnsetType, Meta(description="The kind of device.", examples=["temperature", "ccon"])
    ] = UNSET
    product_number: Annotated[
        str | UnsetType,
        Meta(description="DT's product number. Emulated devices have an empty one.", examples=["102081"]),
    ] = UNSET


class Body(Struct):
    """The body of a message: the bytes that DT sent."""

    event: Event
    labels: Annotated[
        dict[str, str] | UnsetType | None,
        Meta(
            description="Labels of the device: those that the Data Connector sends, at the time of the event. The "
            "label name is the device's display name. It may be missing, null or empty.",
            examples=[{"name": "Fridge 2", "room": "A1"}],
        ),
    ] = UNSET
    metadata: Annotated[
        Metadata | UnsetType | None,
        Meta(description="What DT knows about the device. It may be missing or null; events before 2022 have none."),
    ] = UNSET
