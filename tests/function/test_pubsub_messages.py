"""pubsub_messages: the same bytes as those of Google's own classes, and the same constants."""

import subprocess
import sys

from google.api_core.gapic_v1.routing_header import to_grpc_metadata
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport as Transport

from function import pubsub
from function.message import Message
from function.pubsub_messages import PublishResponse
from tests.blackbox.serving import ROOT

TOPIC = "projects/p/topics/t"


def test_a_request_has_the_bytes_of_googles_own_class() -> None:
    messages = [
        Message(b"\x00\xff{}", {"eventId": "1", "label.ä": "ü" * 300}, "device"),
        Message(b"", {}),
    ]
    googles = types.PublishRequest(
        topic=TOPIC,
        messages=[
            types.PubsubMessage(data=message.data, attributes=message.attributes, ordering_key=message.ordering_key)
            for message in messages
        ],
    )
    ours = pubsub._request(TOPIC, messages)  # noqa: SLF001  # what is sent
    assert types.PublishRequest.deserialize(ours.SerializeToString()) == googles


def test_a_response_is_read_as_by_googles_own_class() -> None:
    data = types.PublishResponse.serialize(types.PublishResponse(message_ids=["17954149", "2"]))
    assert list(PublishResponse.FromString(data).message_ids) == ["17954149", "2"]


def test_host_scopes_and_routing_are_those_of_googles_client() -> None:
    assert f"{Transport.DEFAULT_HOST}:443" == pubsub._HOST  # noqa: SLF001  # where events go
    assert pubsub.SCOPES == Transport.AUTH_SCOPES
    for topic in (TOPIC, "projects/example.com:p/topics/t~%+"):
        assert pubsub._routed_to(topic) == (to_grpc_metadata({"topic": topic}),)  # type: ignore[no-untyped-call]  # noqa: SLF001


def test_on_cloud_run_no_library_is_imported_that_the_first_event_does_not_need() -> None:
    environ = {
        "PUBSUB_TOPIC": "projects/project/topics/topic",
        "PUBSUB_REJECTED_TOPIC": "projects/project/topics/rejected",
        "DT_SIGNATURE_SECRET": "an unusual secret of more than 32 bytes",
        "K_SERVICE": "function",
        "HOME": "/nowhere",
    }
    program = "import main, sys; print(*{name.partition('.')[0] for name in sys.modules}, *sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, env=environ, text=True).split())
    assert "grpc" in loaded
    assert not loaded & {"cryptography", "jwt", "requests", "google.auth", "google.pubsub_v1", "google.api_core"}


def test_grpc_knows_the_experiment_that_the_function_turns_off() -> None:
    program = "import function, os; os.environ['GRPC_VERBOSITY'] = 'error'; import grpc; grpc.insecure_channel('x')"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "experiment" not in ended.stderr
    program = program.replace("import function", "os.environ['GRPC_EXPERIMENTS'] = '-no_such'; import function", 1)
    ended = subprocess.run(
        [sys.executable, "-c", f"import os; {program}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Unknown experiment: no_such" in ended.stderr
