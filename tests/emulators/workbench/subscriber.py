"""The README's subscriber as a program: prints each event of a subscription, and acknowledges it.

Its argument is the full name of the subscription. A message of the rejected topic is printed with its reason. It ends
with an error if no Pub/Sub answers: Google's client alone would wait for ever for a workbench that has ended.
"""

import contextlib
import json
import os
import re
import sys

import grpc
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.message import Message

LOOK_S = 5
"""Seconds between two looks at the connection."""

GONE_S = 5
"""Seconds after which a Pub/Sub that does not answer is gone: it runs on this machine."""


def receive(message: Message) -> None:
    """Print an event, and acknowledge it."""
    if "reason" in message.attributes:
        print(f"{message.attributes['reason']} {message.data!r}\n", end="", flush=True)
    else:
        event = json.loads(message.data)["event"]
        print(f"{message.attributes.get('deviceId')} {event['eventType']} {event['data']}\n", end="", flush=True)
    message.ack()


def main(name: str) -> None:
    """Receive messages until Ctrl-C, or until no Pub/Sub answers any more."""
    if not re.fullmatch(r"projects/[^/]+/subscriptions/[^/]+", name):
        sys.exit(f"error: {name!r} is not the name of a subscription: paste the two lines with export first")
    print(f"waiting for events of {name} (Ctrl-C ends it)", flush=True)
    with contextlib.suppress(KeyboardInterrupt), SubscriberClient() as subscriber:
        stream = subscriber.subscribe(name, receive)
        while _answers(subscriber):
            with contextlib.suppress(TimeoutError):
                stream.result(LOOK_S)  # raises what ended the stream
        host = os.environ.get("PUBSUB_EMULATOR_HOST", "Google")
        why = f"error: no Pub/Sub answers at {host}: start make serve, and paste the lines that it prints"
        print(why, file=sys.stderr, flush=True)
        os._exit(1)  # the client would wait a minute for its threads, and complain of them


def _answers(subscriber: SubscriberClient) -> bool:
    """Return whether there is a connection to the Pub/Sub, or a new one can be made."""
    try:
        grpc.channel_ready_future(subscriber.transport.grpc_channel).result(GONE_S)
    except grpc.FutureTimeoutError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "")
