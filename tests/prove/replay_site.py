"""What a replay is proved against: the real function, reached at its URL, and a Pub/Sub, both of which can fail."""

import http.client
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.spec import MARK
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.fakes.pubsub import TOKEN
from tests.emulators.clients import all_on, ask
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.exchange import Answer, Request, Unanswered
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.pubsub.control import Control
from tests.emulators.pubsub.faults import Fault
from tests.prove.programs import FunctionProgram
from tests.prove.proxy import Proxy
from tests.prove.zero_loss import ENTRY_POINTS

TOPICS = f"projects/{PROJECT}/topics"
MAIN, REJECTED = "dt-events", "dt-rejected"
API = "https://pubsub.googleapis.com/v1"
FORWARD_S = 10.0
PULLED = 1_000


@dataclass(frozen=True)
class Message:
    """A message of a subscription."""

    data: bytes
    attributes: Mapping[str, str]


class Site:
    """Both clouds, the function, and the network between the function and Pub/Sub."""

    def __init__(self, both: Clouds, network: Proxy, folder: Path) -> None:
        self.both, self.network = both, network
        self.function: FunctionProgram
        self._folder = folder
        both.proxy.lead(".run.app", self._forward)

    async def deploy(self, settings: Mapping[str, str]) -> None:
        """Start the function with these settings, in place of the one that runs."""
        self.close()
        topics = {"PUBSUB_TOPIC": f"{TOPICS}/{MAIN}", "PUBSUB_REJECTED_TOPIC": f"{TOPICS}/{REJECTED}"}
        host = {"PUBSUB_EMULATOR_HOST": self.network.host}
        self.function = FunctionProgram(ENTRY_POINTS[0], {**topics, **host, **settings}, self._folder)
        await self.function.start()

    def treat(self, fault: Fault | None) -> None:
        """Let Pub/Sub treat Publish calls in this way from now on; None: well."""
        with Control(self.both.backend.host) as control:
            control.clear_faults()
            if fault:
                control.set_fault(fault)

    def waiting(self, subscription: str) -> int:
        """Return the number of messages that are not acknowledged."""
        with Control(self.both.backend.host) as control:
            counted = control.unacknowledged(f"projects/{PROJECT}/subscriptions/{subscription}")
        return counted[0] if counted else 0

    def messages(self, subscription: str) -> Iterator[Message]:
        """Yield the messages of a subscription, and acknowledge them."""
        name = f"{API}/projects/{PROJECT}/subscriptions/{subscription}"
        while self.waiting(subscription):
            pulled = ask(self.both, "POST", f"{name}:pull", {"maxMessages": PULLED, "returnImmediately": True}).json
            received: list[Any] = pulled.get("receivedMessages", [])
            for delivery in received:
                message = delivery["message"]
                yield Message(b64decode(message.get("data", "")), message.get("attributes", {}))
            ask(self.both, "POST", f"{name}:acknowledge", {"ackIds": [delivery["ackId"] for delivery in received]})
            if not received:
                time.sleep(0.2)  # a run that was killed still holds them

    def close(self) -> None:
        """End the function."""
        if hasattr(self, "function"):
            self.function.close()

    def _forward(self, request: Request) -> Answer:
        """Send a request on to the function, as Cloud Run does. Raises ``Unanswered``."""
        headers = {name: value for name, value in request.headers.items() if name.startswith(("x-", "function-"))}
        connection = http.client.HTTPConnection("127.0.0.1", self.function.port, timeout=FORWARD_S)
        try:
            connection.request(request.method, request.target, request.body, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() == "retry-after"}
            return Answer(answer.status, answer.read(), kept)
        except (OSError, http.client.HTTPException):
            raise Unanswered from None
        finally:
            connection.close()


@contextmanager
def site() -> Iterator[Site]:
    """Start both clouds with two topics and their subscriptions; no function runs yet."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        both = stack.enter_context(clouds("embedded", estate=all_on(Estate(project=PROJECT, token=TOKEN))))
        for topic in (MAIN, REJECTED):
            assert ask(both, "PUT", f"{API}/{TOPICS}/{topic}", {}).status == 200
            settings = {"topic": f"{TOPICS}/{topic}", "labels": {MARK: "dt-pubsub"}}
            assert ask(both, "PUT", f"{API}/projects/{PROJECT}/subscriptions/{topic}", settings).status == 200
        made = Site(both, stack.enter_context(Proxy(both.backend.host)), folder)
        stack.callback(made.close)
        yield made
