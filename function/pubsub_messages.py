"""The three messages of a Publish call, for protobuf's own runtime.

Google's client package has them, too, but its import takes longer than that of everything else that publishing needs.
https://github.com/googleapis/googleapis/blob/master/google/pubsub/v1/pubsub.proto has the numbers of the fields; a test
compares the bytes with those of Google's classes.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_Field = FieldDescriptorProto


def _field(name: str, number: int, of: str = "", *, repeated: bool = False, is_bytes: bool = False) -> _Field:
    """Return a field of text, of bytes, or of the message ``of``."""
    return _Field(
        name=name,
        number=number,
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
        type=_Field.TYPE_MESSAGE if of else _Field.TYPE_BYTES if is_bytes else _Field.TYPE_STRING,
        type_name=of or None,
    )


_FILE = FileDescriptorProto(
    name="publish.proto",
    package="google.pubsub.v1",
    syntax="proto3",
    message_type=[
        DescriptorProto(
            name="PubsubMessage",
            field=[
                _field("data", 1, is_bytes=True),
                _field("attributes", 2, ".google.pubsub.v1.PubsubMessage.AttributesEntry", repeated=True),
                _field("ordering_key", 5),
            ],
            nested_type=[
                DescriptorProto(
                    name="AttributesEntry",
                    field=[_field("key", 1), _field("value", 2)],
                    options=MessageOptions(map_entry=True),
                )
            ],
        ),
        DescriptorProto(
            name="PublishRequest",
            field=[_field("topic", 1), _field("messages", 2, ".google.pubsub.v1.PubsubMessage", repeated=True)],
        ),
        DescriptorProto(name="PublishResponse", field=[_field("message_ids", 1, repeated=True)]),
    ],
)

_pool = DescriptorPool()  # one of its own, because a program may also have imported Google's classes
_pool.Add(_FILE)


def _class(name: str) -> Any:
    return GetMessageClass(_pool.FindMessageTypeByName(f"google.pubsub.v1.{name}"))


PublishRequest = _class("PublishRequest")
PublishResponse = _class("PublishResponse")
