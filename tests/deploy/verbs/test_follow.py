"""``follow``: every event as it comes, by subscriptions of its own that are gone afterwards."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import DeployError, GcloudFailed, InvalidOptions
from deploy.google.calls import Answer, Call
from deploy.google.pubsub_api import PubSubFailed
from deploy.live.view import LINES_PER_S
from deploy.spec import FOLLOW_MARK, SEEN_MARK
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNMET
from tests.deploy.cli.test_terminal import Screen
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.pubsub import refusal
from tests.deploy.live.builders import body
from tests.deploy.stage import Stage

DEVICE = "bchonod7rihjtvdmd2vg"


@pytest.fixture
def signals() -> Iterator[None]:
    """Let SIGINT raise ``KeyboardInterrupt``, as it does in the command; the test session has a handler of its own."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def attributes(number: int = 1, event_type: str = "temperature", **others: str) -> dict[str, str]:
    """Return the attributes of an event."""
    own = {"eventId": f"e{number}", "eventType": event_type, "deviceId": DEVICE, "projectId": DT_PROJECT}
    return {**own, **others}


def publishing(stage: Stage, *batches: Callable[[], object]) -> None:
    """Publish these batches, one after some pulls that found nothing. A batch that returns False comes again."""
    left, rounds, lock = list(batches), [0], threading.Lock()

    def on_idle() -> None:
        with lock:
            rounds[0] += 1
            stage.clock.advance(0.1)
            if left and rounds[0] % 4 == 0 and left[0]() is not False:
                del left[0]

    stage.pubsub.on_idle = on_idle


def fridge(stage: Stage, number: int = 1, **others: Any) -> str:
    """Publish a temperature of a fridge."""
    at = datetime.fromtimestamp(stage.clock(), UTC).isoformat()
    data = body(labels={"name": "Fridge 2"}, timestamp=at, event_id=f"e{number}")
    return stage.pubsub.publish(data, attributes(number), **others)


def test_an_event_is_one_readable_line_and_readiness_is_told_on_standard_error(stage: Stage) -> None:
    publishing(stage, lambda: fridge(stage))

    assert stage.deployment().follow(count="1") == NOTHING_TO_DO

    (line,) = stage.shown.splitlines()
    assert line.split() == [line[:8], "temperature", "Fridge", "2", "24.9", "°C"]
    assert "live: events of dt-pubsub from now on; Ctrl-C ends" in stage.noted
    assert "1 event in" in stage.noted
    assert "(1 temperature); 0 rejected\nexit status 0: ended as asked" in stage.noted


def test_the_subscriptions_expire_by_themselves_and_are_removed_at_the_end(stage: Stage) -> None:
    made: dict[str, Any] = {}
    publishing(stage, lambda: made.update(stage.pubsub.subscriptions), lambda: fridge(stage))

    assert stage.deployment().follow(count="1") == NOTHING_TO_DO

    assert len(made) == 2
    for settings in made.values():
        assert settings["ackDeadlineSeconds"] == 10
        assert settings["expirationPolicy"] == {"ttl": "86400s"}
        assert settings["messageRetentionDuration"] == "600s"
        assert settings["labels"][FOLLOW_MARK] == "dt-pubsub"
        assert int(settings["labels"][SEEN_MARK]) == int(settings["labels"]["dt-pubsub-since"])
    assert stage.pubsub.left() == []


def test_rejected_events_are_shown_with_their_reason_and_in_another_colour(stage: Stage) -> None:
    stage.out = Screen()
    publishing(stage, lambda: stage.pubsub.publish(b"oops", {"reason": "malformed"}, topic="dt-rejected"))

    assert stage.deployment().follow(count="1") == NOTHING_TO_DO

    assert stage.shown.startswith("\x1b[31m")
    assert "4 bytes, not a JSON object  rejected: malformed, its body is not valid JSON" in stage.shown
    assert "1 rejected (1 malformed)" in stage.noted


def test_after_the_time_without_enough_events_the_exit_status_is_3(stage: Stage) -> None:
    assert stage.deployment().follow(count="1", duration="5s") == UNMET
    assert "exit status 3: ended before --count events came" in stage.noted
    assert stage.deployment().follow(duration="5s") == NOTHING_TO_DO


def test_exactly_as_many_events_are_shown_as_were_asked_for(stage: Stage, tmp_path: Path) -> None:
    publishing(stage, lambda: [fridge(stage, number) for number in range(10)])

    assert stage.deployment().follow(count="3", output=str(tmp_path / "out")) == NOTHING_TO_DO

    assert len(stage.shown.splitlines()) == len((tmp_path / "out").read_text("utf-8").splitlines()) == 3


def test_json_is_one_document_a_line_with_the_body_as_dt_wrote_it(stage: Stage) -> None:
    publishing(stage, lambda: stage.pubsub.publish(b'{"event": {"n": 1.0,\n "x": "\xc3\xa9"}}', attributes()))

    assert stage.deployment(in_json=True).follow(count="1") == NOTHING_TO_DO

    (line,) = stage.shown.splitlines()
    assert '"body": {"event": {"n": 1.0,  "x": "\\u00e9"}}' in line
    assert json.loads(line)["attributes"] == attributes()
    assert stage.report.as_json()["followed"]["events"] == {"temperature": 1}


def test_raw_is_the_body_alone(stage: Stage) -> None:
    publishing(stage, lambda: stage.pubsub.publish(b'{"a": "\xc2\x9b31m"}', attributes()))
    assert stage.deployment().follow(count="1", raw=True) == NOTHING_TO_DO
    assert stage.shown == '{"a": "\\u009b31m"}\n'


def test_control_characters_of_a_name_never_reach_the_terminal(stage: Stage) -> None:
    hostile = "\x1b]0;x\x07\x9b31m\r\n\u202e\ud800"
    publishing(stage, lambda: stage.pubsub.publish(body(labels={"name": hostile}), attributes()))

    assert stage.deployment().follow(count="1") == NOTHING_TO_DO

    assert len(stage.shown.splitlines()) == 1
    assert r"\x1b]0;x\x07\x9b31m\r\n\u202e\ud800" in stage.shown


def test_the_output_file_is_appended_to(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    for number in (1, 2):
        publishing(stage, lambda: fridge(stage))
        assert stage.deployment().follow(count="1", output=str(file)) == NOTHING_TO_DO
        lines = file.read_text("utf-8").splitlines()
        assert [json.loads(line)["reading"]["text"] for line in lines] == ["24.9 °C"] * number


def test_an_output_file_that_cannot_be_written_is_refused_before_anything_is_made(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"--output .*: cannot be written"):
        stage.deployment().follow(output=str(tmp_path / "none" / "out"))
    assert stage.pubsub.calls == []


def test_a_full_disk_is_an_error_and_leaves_no_subscription(stage: Stage) -> None:
    publishing(stage, lambda: fridge(stage))
    with pytest.raises(OSError, match="No space left"):
        stage.deployment().follow(output="/dev/full")
    assert stage.pubsub.left() == []


def test_a_filter_is_applied_by_pubsub_and_again_here(stage: Stage) -> None:
    stage.pubsub.applies_filters = False  # as Google's emulator
    publishing(
        stage,
        lambda: stage.pubsub.publish(b"{}", {**attributes(), "deviceId": "other"}),
        lambda: fridge(stage),
    )

    assert stage.deployment().follow(count="1", device=[DEVICE], text="fridge") == NOTHING_TO_DO

    assert len(stage.shown.splitlines()) == 1
    assert f'Pub/Sub sends only attributes.deviceId = "{DEVICE}"' in stage.noted
    assert "checked here, not by Pub/Sub: --text" in stage.noted
    assert "1 more did not fit the filters" in stage.noted


def test_labels_filter_devices_by_name(stage: Stage) -> None:
    publishing(stage, lambda: stage.pubsub.publish(body(labels={"name": "Door"}), attributes()), lambda: fridge(stage))
    assert stage.deployment().follow(count="1", label=["name=Fridge 2"]) == NOTHING_TO_DO
    assert "Fridge 2" in stage.shown
    assert "Door" not in stage.shown


def test_a_repeated_message_and_a_repeated_event_are_marked(stage: Stage) -> None:
    publishing(stage, lambda: fridge(stage), lambda: fridge(stage, again="1"), lambda: fridge(stage))

    assert stage.deployment().follow(count="3") == NOTHING_TO_DO

    first, second, third = stage.shown.splitlines()
    assert "again" not in first
    assert second.endswith("again: the same message")
    assert third.endswith("again: the same event")
    assert "1 delivered twice by Pub/Sub; 1 sent twice by DT" in stage.noted


def test_a_flood_is_shown_at_a_bounded_rate_and_the_rest_is_counted(stage: Stage, tmp_path: Path) -> None:
    stage.out, file = Screen(), tmp_path / "out"

    def flood() -> None:
        stage.pubsub.on_idle = lambda: None  # the clock stands still, however long the flood is read
        for number in range(1200):
            fridge(stage, number)

    publishing(stage, flood)

    assert stage.deployment().follow(count="1200", output=str(file)) == NOTHING_TO_DO

    shown = len(stage.shown.splitlines())
    assert LINES_PER_S <= shown < 1000
    assert len(file.read_text("utf-8").splitlines()) == 1200
    assert "more in the same second; --output FILE and --json have all of them" in stage.noted
    assert f"{1200 - shown:,} counted and not shown" in stage.noted


def test_a_pipe_gets_every_line_of_a_flood(stage: Stage) -> None:
    publishing(stage, lambda: [fridge(stage, number) for number in range(300)])
    assert stage.deployment().follow(count="300") == NOTHING_TO_DO
    assert len(stage.shown.splitlines()) == 300


def test_names_come_from_dt_if_events_have_none(stage: Stage) -> None:
    stage.dt.devices[DEVICE] = {
        "name": f"projects/{DT_PROJECT}/devices/{DEVICE}",
        "labels": {"name": "Cold room"},
    }
    publishing(stage, lambda: None, lambda: None, lambda: stage.pubsub.publish(body(), attributes()))
    assert stage.deployment().follow(count="1") == NOTHING_TO_DO
    assert "Cold room" in stage.shown


def test_without_a_login_at_dt_devices_are_shown_by_their_ids(stage: Stage) -> None:
    publishing(stage, lambda: stage.pubsub.publish(body(), attributes()))
    assert stage.deployment(credentials=False).follow(count="1") == NOTHING_TO_DO
    assert DEVICE in stage.shown


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("count", [None, "5"])
def test_ctrl_c_ends_a_run_shows_what_came_and_leaves_no_subscription(stage: Stage, count: str | None) -> None:
    publishing(stage, lambda: fridge(stage), lambda: signal.raise_signal(signal.SIGINT))

    assert stage.deployment().follow(count=count) == (UNMET if count else NOTHING_TO_DO)

    assert "Fridge 2" in stage.shown
    assert "1 event in" in stage.noted
    assert stage.pubsub.left() == []


@pytest.mark.usefixtures("signals")
def test_a_second_ctrl_c_does_not_keep_the_subscriptions_from_being_removed(stage: Stage) -> None:
    def again(call: Call) -> Answer | None:
        if call.method == "DELETE" and threading.current_thread() is threading.main_thread():
            signal.raise_signal(signal.SIGINT)
        return None

    stage.pubsub.answers = again
    publishing(stage, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        stage.deployment().follow(count="1")
    assert stage.pubsub.left() == []


def test_if_nothing_reads_the_output_the_run_ends_with_1_and_leaves_no_subscription(stage: Stage) -> None:
    class Closed(Screen):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    stage.out = Closed()
    publishing(stage, lambda: fridge(stage))

    assert stage.deployment().follow(count="1") == FAILED

    assert "nothing reads the output any more" in stage.noted
    assert stage.pubsub.left() == []


def test_a_missing_topic_is_an_error_with_the_command_that_lists_deployments(stage: Stage) -> None:
    stage.pubsub.topics = {"dt-events"}
    with pytest.raises(PubSubFailed, match="there is no topic dt-rejected in cold-chain-prod") as failed:
        stage.deployment().follow()
    assert failed.value.fix[0].endswith("list --project=cold-chain-prod")
    assert stage.pubsub.left() == []


def test_without_a_login_nothing_is_made(stage: Stage) -> None:
    stage.google.is_logged_in = False
    with pytest.raises(GcloudFailed, match="gcloud auth login"):
        stage.deployment().follow()
    assert stage.pubsub.calls == []


def test_a_run_that_is_refused_says_which_permission_helps(stage: Stage) -> None:
    stage.pubsub.answers = lambda _: refusal(403, "User not authorized to perform this action.")
    with pytest.raises(PubSubFailed, match="gcloud projects add-iam-policy-binding"):
        stage.deployment().follow()


def test_a_lost_connection_is_told_with_its_end_and_nothing_is_missed(stage: Stage) -> None:
    refusals = [refusal(503, "try later")] * 3

    def answer(call: Call) -> Answer | None:
        is_broken = call.url.endswith(":pull") and stage.pubsub.made_so_far == 1 and refusals
        return refusals.pop() if is_broken else None

    def when_live_again() -> str | bool:
        return "live again" in stage.noted and fridge(stage, 2)

    stage.pubsub.answers = answer
    publishing(stage, lambda: fridge(stage), when_live_again)

    assert stage.deployment().follow(count="2") == NOTHING_TO_DO

    assert "lost: 503 try later; trying again" in stage.noted
    assert "what Pub/Sub has kept meanwhile follows" in stage.noted
    assert len(stage.shown.splitlines()) == 2


def test_a_subscription_that_was_deleted_is_made_again_and_the_gap_is_named(stage: Stage) -> None:
    def delete() -> None:
        for name in stage.pubsub.left():
            del stage.pubsub.subscriptions[name]

    publishing(stage, delete, lambda: None, lambda: fridge(stage))

    assert stage.deployment().follow(count="1", duration="60s") == NOTHING_TO_DO

    assert "had been deleted, and was made again" in stage.noted
    assert len(stage.report.as_json()["followed"]["gaps"]) == 2
    assert stage.pubsub.left() == []


def test_if_the_deployment_is_removed_meanwhile_the_run_ends_with_an_error(stage: Stage) -> None:
    def remove() -> None:
        stage.pubsub.topics.clear()
        stage.pubsub.subscriptions.clear()

    publishing(stage, remove)
    with pytest.raises(PubSubFailed, match=r"there is no topic dt-(events|rejected)"):
        stage.deployment().follow()


FAULTS: dict[str, dict[str, Any]] = {
    "--count": {"count": "0"},
    "--for": {"duration": "soon"},
    "--for: '8d' is not between 1s and 7d": {"duration": "8d"},
    "--label": {"label": ["room"]},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_invalid_flag_is_refused_with_its_name(stage: Stage, fault: str) -> None:
    with pytest.raises(InvalidOptions, match=fault):
        stage.deployment().follow(**FAULTS[fault])
    assert stage.pubsub.calls == []


def test_all_invalid_flags_are_named_at_once(stage: Stage) -> None:
    with pytest.raises(InvalidOptions) as refused:
        stage.deployment(in_json=True).follow(count="x", duration="y", label=["z"], raw=True)
    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["--label", "--count", "--for", "--raw"]


def test_a_mistyped_event_type_gets_a_suggestion(stage: Stage) -> None:
    with pytest.raises(InvalidOptions, match=r"unknown value 'temprature'.*did you mean temperature\?"):
        stage.deployment().follow(type=["temprature"], duration="1s")
    assert stage.deployment().follow(type=["radiation"], any_type=True, duration="1s") == NOTHING_TO_DO
