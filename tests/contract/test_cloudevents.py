"""CLOUDEVENTS=true: the CloudEvents SDK reads each message as the binary mode of CloudEvents 1.0.

It is the SDK's version 1, which functions-framework installs; its attributes come as HTTP headers, as in a push without
wrapper. The requests are those of the two Pub/Subs that run here: Google's emulator, and the stand-in.
"""

from uuid import uuid4

import grpc
import pytest
from cloudevents.http import from_http
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from function.event import parse_body, read_envelope
from function.message import event_message
from function.schema import EVENT_TYPES
from tests.emulators.endpoint import listening
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


@pytest.fixture(params=["embedded", "emulator"])
def host(request: pytest.FixtureRequest) -> str:
    """Return the address of a Pub/Sub: the stand-in, or Google's emulator if it is installed."""
    if request.param == "emulator":
        return str(request.getfixturevalue("emulator_host"))
    return str(request.getfixturevalue("embedded").host)


def test_a_push_without_a_wrapper_is_a_request_that_the_sdk_reads(host: str) -> None:
    sent = event("temperature")
    data = encode(sent)
    message = event_message(verified(data), read_envelope(parse_body(data)), None, settings(CLOUDEVENTS="true"))
    project = f"projects/push-{uuid4().hex[:8]}"
    topic, name = f"{project}/topics/events", f"{project}/subscriptions/to-service"
    channel = grpc.insecure_channel(host)
    publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
    subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    with channel, listening() as endpoint:
        publisher.create_topic(name=topic)
        push = {"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": True}}
        subscriber.create_subscription({"name": name, "topic": topic, "push_config": push})
        published = PubsubMessage(data=message.data, attributes=dict(message.attributes))
        publisher.publish(topic=topic, messages=[published])
        headers, body = endpoint.bodies.get(timeout=60)
        subscriber.delete_subscription(subscription=name)

    read = from_http(headers, body)

    assert (read["type"], read["id"]) == ("com.disruptive-technologies.temperature", sent["event"]["eventId"])
    assert read["subject"] == sent["metadata"]["deviceId"]
    assert read.get_data() == sent
