"""Black box, both entry points: the way to Google as in production, over TLS and with tokens of a metadata server."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.serving import ENTRY_POINTS, Function, eventually
from tests.blackbox.stage import SECRET
from tests.emulators.clouds.authority import Authority
from tests.emulators.pubsub import EmbeddedPubSub
from tests.pace import in_time
from tests.prove.metadata_server import HANG_S, PATH, Stumble
from tests.prove.production_path import ProductionPath, production_path
from tests.prove.traffic import Sent, send_new, traffic

TOPIC, REJECTED_TOPIC = "projects/p/topics/events", "projects/p/topics/rejected"
IN_TIME_S = 4.5
BACK_S = 2.0
every_entry_point = pytest.mark.parametrize("entry_point", ENTRY_POINTS)


@dataclass(frozen=True)
class Deployed:
    """A function and its surroundings."""

    function: Function
    path: ProductionPath
    embedded: EmbeddedPubSub

    def send(self) -> Sent:
        """Send one new event, and return its result."""
        return send_new(self.function.port)

    def until_delivered(self) -> float:
        """Send events one after the other; return the seconds until one was delivered."""
        began_at = time.monotonic()
        while self.send().status != 200:
            assert time.monotonic() - began_at < 30, "nothing is delivered any more"
        return time.monotonic() - began_at

    def line_of(self, sent: Sent) -> dict[str, Any]:
        """Return the one log line of an event."""
        (line,) = eventually(lambda: [line for line in self.function.lines() if line.get("eventId") == sent.event_id])
        return line


@pytest.fixture
def deploy(embedded: EmbeddedPubSub, tmp_path: Path) -> Callable[..., Any]:
    """Start a function with a metadata server and a Pub/Sub behind TLS."""
    for topic in (TOPIC, REJECTED_TOPIC):
        embedded.create_topic(topic)

    @contextmanager
    def deployed(entry_point: str = "ingest", settings: dict[str, str] | None = None) -> Iterator[Deployed]:
        usual = {"PUBSUB_TOPIC": TOPIC, "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC, "DT_SIGNATURE_SECRET": SECRET}
        with production_path(embedded.host, tmp_path) as path:
            environ = {**usual, "THREADS": "64", "LOG_EXECUTION_ID": "true", **path.environ, **(settings or {})}
            with Function(entry_point, environ, tmp_path) as function:
                yield Deployed(function, path, embedded)
            assert all(line["severity"] for line in function.lines()), "every line is one of ours"
            assert "canary-of-token" not in function.output()

    return deployed


@every_entry_point
def test_an_event_is_published_over_tls_with_a_token_from_one_request(deploy: Any, entry_point: str) -> None:
    with deploy(entry_point) as made:
        assert [made.send().status for _ in range(3)] == [200, 200, 200]
        assert made.embedded.publish_calls(TOPIC) == 3
        assert made.path.pubsub.tokens == ["canary-of-token-1"] * 3
        (asked,) = made.path.metadata.asked
    assert asked.startswith(f"{PATH}?scopes=")
    assert "https://www.googleapis.com/auth/pubsub" in asked


def test_a_server_with_a_certificate_of_another_authority_gets_nothing(deploy: Any, tmp_path: Path) -> None:
    (tmp_path / "another").mkdir()
    another = Authority(tmp_path / "another")
    with deploy(settings={"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(another.file)}) as made:
        sent = made.send()
        assert (sent.status, sent.reason) == (503, "publish")
        assert "CERTIFICATE_VERIFY_FAILED" in made.line_of(sent)["detail"]
        assert made.path.pubsub.tokens == []


HICCUPS = {
    "503 once": [Stumble(503)],
    "500 three times": [Stumble(500)] * 3,
    "no account yet": [Stumble(404), Stumble(403)],
    "too many requests": [Stumble(429)],
    "late": [Stumble(seconds=1.2)],
    "hangs once": [Stumble(seconds=HANG_S)],
}


@every_entry_point
@pytest.mark.parametrize("hiccup", HICCUPS)
def test_a_short_failure_of_the_metadata_server_does_not_fail_the_first_event(
    deploy: Any, entry_point: str, hiccup: str
) -> None:
    with deploy(entry_point) as made:
        made.path.metadata.stumble(*HICCUPS[hiccup])
        sent = made.send()
        assert sent.status == 200
        in_time(sent.seconds, IN_TIME_S)


@pytest.mark.parametrize("stumble", [Stumble(500), Stumble(seconds=HANG_S)], ids=["500", "hangs"])
def test_the_log_names_a_failing_metadata_server_and_the_first_event_after_the_failure_is_delivered(
    deploy: Any, stumble: Stumble
) -> None:
    with deploy() as made:
        made.path.metadata.fail(stumble)
        with ThreadPoolExecutor(20) as pool:
            refused = list(pool.map(lambda _: made.send(), range(20)))
        threads, asked = made.function.threads(), len(made.path.metadata.asked)
        made.path.metadata.fail(None)
        back_s = made.until_delivered()
        lines = [made.line_of(sent) for sent in refused]
    assert {(sent.status, sent.reason) for sent in refused} == {(503, "publish")}
    in_time(max(sent.seconds for sent in refused), IN_TIME_S)
    assert all("no access token" in line["detail"] for line in lines)
    assert any("metadata server" in line["detail"] for line in lines)
    assert threads <= 30, "not a thread for each event"
    assert asked <= 50
    in_time(back_s, BACK_S if stumble.status == 500 else BACK_S + 1)


@every_entry_point
def test_a_token_is_used_until_it_expires_if_no_new_one_can_be_fetched(deploy: Any, entry_point: str) -> None:
    with deploy(entry_point) as made:
        made.path.metadata.life_s = (
            200  # a token is renewed some minutes before its end, so this token is renewed at once
        )
        assert made.send().status == 200
        made.path.metadata.fail(Stumble(500))
        asked, threads = len(made.path.metadata.asked), made.function.threads()
        with traffic(made.function.port, 20) as sent:
            time.sleep(5)
            more_threads = made.function.threads() - threads
        more_asked = len(made.path.metadata.asked) - asked
        (warning,) = [line for line in made.function.lines() if "status" not in line]
        size = len(made.function.output())
    assert {event.status for event in sent.sent} == {200}
    in_time(max(event.seconds for event in sent.sent), 1)
    assert more_asked <= 8, "one a second, and not one for each event"
    assert more_threads <= (64 if entry_point == "ingest_wsgi" else 3)
    assert warning["severity"] == "WARNING"
    assert "cannot be replaced: no access token: the metadata server answered 500" in warning["message"]
    assert size < 1000 * (len(sent.sent) + 2)


def test_a_token_is_renewed_in_the_background_before_it_expires(deploy: Any) -> None:
    with deploy() as made:
        made.path.metadata.life_s = 200
        assert made.send().status == 200
        made.path.metadata.life_s = 3599
        made.path.metadata.stumble(Stumble(seconds=0.8))
        time.sleep(1)
        sent = [made.send()]
        assert made.path.pubsub.tokens == ["canary-of-token-1"] * 2, "it does not wait for the new token"
        while made.path.pubsub.tokens[-1] == "canary-of-token-1":
            assert len(sent) < 5000, "the new token is not used"
            sent.append(made.send())
        assert {event.status for event in sent} == {200}
        assert made.path.pubsub.tokens[-1] == "canary-of-token-2"
    in_time(max(event.seconds for event in sent), 0.7, "beside a new token that takes longer")


def test_a_token_that_pubsub_refuses_is_not_sent_again(deploy: Any) -> None:
    with deploy() as made:
        assert made.send().status == 200
        made.path.pubsub.revoked.add("canary-of-token-1")
        refused = made.send()
        assert (refused.status, refused.reason) == (503, "publish_config")
        assert made.send().status == 200
        assert made.path.pubsub.tokens[-1] == "canary-of-token-2"


@every_entry_point
def test_a_single_event_is_delivered_although_connecting_takes_three_seconds(deploy: Any, entry_point: str) -> None:
    with deploy(entry_point) as made:
        made.path.network.greeting_s = 3.0
        sent = made.send()
        assert (sent.status, sent.reason) == (200, "")
        assert sent.seconds >= 3.0
        in_time(sent.seconds, IN_TIME_S)
        in_time(made.send().seconds, 1, "the connection is kept")
        eventually(lambda: made.send().status == 200 and made.path.network.connections == 1, 20)
        assert made.path.network.connections == 1, "the others are closed"


@pytest.mark.parametrize("fault", ["refuse", "reset", "half-open", "black hole"])
def test_an_event_is_delivered_within_two_seconds_after_an_outage_of_eight_seconds(deploy: Any, fault: Any) -> None:
    with deploy() as made:
        assert made.send().status == 200
        made.path.network.show(fault)
        with traffic(made.function.port, 5) as sent:
            time.sleep(8)
        assert {event.status for event in sent.sent} == {503}
        made.path.network.show("none")
        in_time(made.until_delivered(), BACK_S)


def test_a_connection_that_dies_without_notice_loses_no_event(deploy: Any) -> None:
    with deploy() as made:
        assert made.send().status == 200
        made.path.network.strand()
        sent = made.send()
        assert sent.status == 200
        in_time(sent.seconds, IN_TIME_S)
