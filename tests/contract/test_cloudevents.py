"""CLOUDEVENTS=true: the CloudEvents SDK reads each message as the binary mode of CloudEvents 1.0.

It is the SDK's version 1, which functions-framework installs; its attributes come as HTTP headers, as in a push without
wrapper.
"""

import pytest
from cloudevents.http import from_http

from function.event import parse_body, read_envelope
from function.message import event_message
from function.schema import EVENT_TYPES
from tests.emulators.events import encode
from tests.function.builders import event, settings, verified


@pytest.mark.parametrize("timestamp", ["2026-11-02T08:13:15.361624Z", "2018-10-02T08:13:15.543483560Z"])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_sdk_reads_an_event_of_each_type(event_type: str, timestamp: str) -> None:
    sent = event(event_type, timestamp=timestamp)
    data = encode(sent)
    message = event_message(verified(data), read_envelope(parse_body(data)), None, settings(CLOUDEVENTS="true"))

    read = from_http(dict(message.attributes), message.data)

    device = sent["metadata"]["deviceId"]
    target = sent["event"]["targetName"]
    assert read.get_attributes() == {
        "specversion": "1.0",
        "id": sent["event"]["eventId"],
        "source": f"//api.disruptive-technologies.com/{target}",
        "type": f"com.disruptive-technologies.{event_type}",
        "time": timestamp,
        "subject": device,
        "dataschema": f"urn:dt-pubsub:contract:1:{event_type}",
        "datacontenttype": "application/json",
    }
    assert read.get_data() == sent
