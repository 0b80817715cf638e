"""The README's subscriber as a program: prints each event of a subscription, and acknowledges it.

Its argument is the full name of the subscription. A message of the rejected topic is printed with its reason.
"""

import contextlib
import json
import re
import sys

from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.message import Message


def receive(message: Message) -> None:
    """Print an event, and acknowledge it."""
    if "reason" in message.attributes:
        print(f"{message.attributes['reason']} {message.data!r}\n", end="", flush=True)
    else:
        event = json.loads(message.data)["event"]
        print(f"{message.attributes.get('deviceId')} {event['eventType']} {event['data']}\n", end="", flush=True)
    message.ack()


def main(name: str) -> None:
    """Receive messages until Ctrl-C."""
    if not re.fullmatch(r"projects/[^/]+/subscriptions/[^/]+", name):
        sys.exit(f"error: {name!r} is not the name of a subscription: paste the two lines with export first")
    print(f"waiting for events of {name} (Ctrl-C ends it)", flush=True)
    with contextlib.suppress(KeyboardInterrupt), SubscriberClient() as subscriber:
        subscriber.subscribe(name, receive).result()


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "")
