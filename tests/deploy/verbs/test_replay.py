"""``replay``: rejected events get to the main topic, each is acknowledged only then, and none is lost at any end."""

import itertools
import json
import signal
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from deploy.errors import DeployError, InvalidOptions
from deploy.function_client import Answer as FunctionAnswer
from deploy.google.calls import Answer, Call
from deploy.google.pubsub_api import PubSubFailed
from deploy.program import UP
from deploy.repair.replay import replayer
from deploy.repair.replay.leases import LEASE_S
from deploy.repair.republisher import Outdated
from deploy.spec import SOURCE_LABEL
from deploy.verbs.exit_codes import NOTHING_TO_DO, UNMET
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.fakes.operator_function import OperatorFunction
from tests.deploy.fakes.pubsub import refusal
from tests.deploy.stage import Stage

REJECTED = "dt-rejected"
BUSY = FunctionAnswer(503, '{"error": "publish"}')


class House:
    """A deployment with a function, and a subscription with rejected events."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.google.has_everything_on()
        bring_up(stage)
        stage.out.truncate(0)
        stage.out.seek(0)
        self.function = OperatorFunction(stage.secret)
        stage.post = self.function.post
        self.subscription = stage.pubsub.has_subscription(REJECTED)

    def rejects(self, body: bytes, reason: str = "foreign_project", **attributes: str) -> str:
        """Put an event on the rejected topic, one second after the one before; return the message's id."""
        at = datetime.fromtimestamp(self.stage.clock(), UTC).isoformat().replace("+00:00", "Z")
        own = {"reason": reason, "receivedAt": at, "deviceId": "d1", "eventType": "touch", "eventId": "e1"}
        message_id = self.stage.pubsub.publish(body, {**own, **attributes}, topic=REJECTED)
        self.stage.clock.advance(1)
        return message_id

    def replay(self, **flags: Any) -> int:
        """Run ``replay``."""
        return self.stage.deployment(credentials=False).replay(**flags)

    def left(self) -> list[bytes]:
        """Return the bodies that another reader of the subscription would get now."""
        pubsub = self.stage.pubsub
        assert pubsub.leases[REJECTED] == {}, "a lease was not given back"
        return [b64decode(message["data"]) for message in pubsub.waiting[REJECTED]]


@pytest.fixture
def house(stage: Stage) -> House:
    return House(stage)


def test_rejected_events_get_to_main_byte_for_byte_and_are_acknowledged_then(house: House) -> None:
    bodies = [b'{ "a" : 1.0 }\n', b"\xff\xfe", b""]
    for body in bodies:
        house.rejects(body)

    assert house.replay() == NOTHING_TO_DO  # without a login at DT

    assert sorted(house.function.main) == sorted(bodies)
    assert house.function.origins == {"replay"}
    assert house.left() == []
    assert "3 messages of 3 on the main topic" in house.stage.shown


def test_an_event_that_the_function_refuses_again_stays_and_has_its_reason(house: House) -> None:
    house.function.refuses = lambda body: "no_envelope" if body == b"bad" else ""
    for body in (b"1", b"bad", b"2"):
        house.rejects(body)

    assert house.replay() == UNMET

    assert house.left() == [b"bad"]
    assert "refused: no_envelope" in house.stage.shown
    assert "2 messages of 3 on the main topic" in house.stage.shown
    assert "1 message refused: no_envelope; still on the rejected topic" in house.stage.shown


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ({"reason": ["expired"]}, b"b"),
        ({"device": ["d2", "d3"]}, b"cd"),
        ({"type": ["humidity"]}, b"d"),
        ({"reason": ["foreign_project"], "device": ["d3"]}, b"d"),
        ({"since": "3s"}, b"bcd"),
        ({"until": "2s"}, b"ab"),
        ({"limit": "2"}, b"ab"),
        ({"limit": "2", "since": "3s"}, b"bc"),
    ],
)
def test_only_what_was_asked_for_is_replayed_and_the_rest_is_given_back(
    house: House, flags: dict[str, Any], wanted: bytes
) -> None:
    house.rejects(b"a")
    house.rejects(b"b", "expired")
    house.rejects(b"c", deviceId="d2")
    house.rejects(b"d", deviceId="d3", eventType="humidity")

    assert house.replay(**flags) == NOTHING_TO_DO

    assert sorted(house.function.main) == [bytes([body]) for body in wanted]
    assert sorted([*house.function.main, *house.left()]) == [b"a", b"b", b"c", b"d"]


def test_the_time_is_that_of_the_receipt_and_of_a_message_without_it_that_of_its_publication(house: House) -> None:
    house.rejects(b"late", receivedAt="2020-01-01T00:00:00Z")
    house.rejects(b"none", receivedAt="")
    assert house.replay(since="1h") == NOTHING_TO_DO
    assert house.function.main == [b"none"]


def test_the_events_of_one_device_are_sent_in_the_order_of_their_rejection(house: House) -> None:
    bodies = [b"%d" % number for number in range(40)]
    for body in bodies:
        house.rejects(body)
    house.stage.pubsub.waiting[REJECTED].reverse()
    assert house.replay() == NOTHING_TO_DO
    assert house.function.main == bodies


def test_messages_that_nobody_asked_for_are_held_so_that_they_do_not_come_again_and_again(house: House) -> None:
    for number in range(600):  # more than one pull returns
        house.rejects(b"%d" % number, "expired" if number == 599 else "malformed")
    assert house.replay(reason=["expired"]) == NOTHING_TO_DO
    assert house.function.main == [b"599"]
    assert set(house.stage.pubsub.attempts.values()) == {1}
    assert len(house.left()) == 599


def test_leases_are_extended_while_the_function_is_slow(house: House) -> None:
    ids = [house.rejects(b"%d" % number) for number in range(2)]

    def slow(_: bytes) -> None:
        for _round in range(3):
            house.stage.clock.advance(LEASE_S / 2)
            extended = extensions(house)
            wait_until(lambda: extensions(house) > extended)  # noqa: B023  # it is called in this round

    house.function.special = slow
    assert house.replay() == NOTHING_TO_DO
    assert {house.stage.pubsub.attempts[message_id] for message_id in ids} == {1}
    assert len(house.function.main) == 2


def extensions(house: House) -> int:
    return sum(name.endswith(":modifyAckDeadline") for _, name in house.stage.pubsub.calls)


def wait_until(is_met: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not is_met():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


@pytest.mark.parametrize("exactly_once", [False, True])
def test_an_acknowledgement_that_fails_costs_a_duplicate_and_never_a_loss(house: House, *, exactly_once: bool) -> None:
    house.subscription["enableExactlyOnceDelivery"] = exactly_once
    house.rejects(b"1")
    house.stage.pubsub.answers = lambda call: refusal(400) if call.url.endswith(":acknowledge") else None
    assert house.replay() == NOTHING_TO_DO
    assert "1 message published but not acknowledged: the next replay publishes them again" in house.stage.shown
    house.stage.pubsub.answers = lambda _: None
    house.stage.clock.advance(LEASE_S)
    assert house.replay() == NOTHING_TO_DO
    assert house.function.main == [b"1", b"1"]
    assert house.left() == []


def test_a_message_that_comes_again_after_its_event_was_published_is_acknowledged_and_not_sent(house: House) -> None:
    house.rejects(b"1")
    failures = [refusal(503)] * 3

    def answers(call: Call) -> Answer | None:
        return failures.pop() if failures and call.url.endswith(":acknowledge") else None

    house.stage.pubsub.answers = answers
    assert house.replay() == NOTHING_TO_DO
    assert house.function.main == [b"1"]
    assert house.left() == []


def test_messages_that_a_killed_run_still_holds_are_waited_for(house: House) -> None:
    house.rejects(b"1")
    api = house.stage.deployment(credentials=False).context.pubsub
    api.lease(REJECTED, [message.ack_id for message in api.pull(REJECTED)], LEASE_S)
    assert house.replay() == NOTHING_TO_DO
    assert house.function.main == [b"1"]
    assert "looking for more messages and for those that an earlier run may still hold" in house.stage.noted


def is_pull(call: Call) -> bool:
    return call.url.endswith(":pull")


@pytest.mark.parametrize("empty_pulls", [replayer.IDLE_PULLS, replayer.QUIET_PULLS - 1])
def test_pulls_that_find_nothing_although_a_message_waits_do_not_end_a_long_run(
    house: House, monkeypatch: pytest.MonkeyPatch, empty_pulls: int
) -> None:
    monkeypatch.setattr(replayer, "MAX_HELD", 1)
    monkeypatch.setattr("deploy.google.pubsub_api.MAX_PULLED", 1)
    for body in (b"1", b"2"):
        house.rejects(body)
    empty: list[Answer] = []

    def slow(body: bytes) -> None:
        if body == b"1":
            house.stage.clock.advance(2 * replayer.SETTLE_S)
            empty.extend([Answer(200, {})] * empty_pulls)

    house.function.special = slow
    house.stage.pubsub.answers = lambda call: empty.pop() if empty and is_pull(call) else None
    assert house.replay() == NOTHING_TO_DO
    assert house.function.main == [b"1", b"2"]


def test_pulls_that_find_nothing_although_a_message_waits_do_not_end_a_dry_run(house: House) -> None:
    house.rejects(b"{}", "no_envelope")
    empty = [Answer(200, {})] * (replayer.QUIET_PULLS - 1)
    house.stage.pubsub.answers = lambda call: empty.pop() if empty and is_pull(call) else None
    assert house.replay(dry_run=True) == UNMET
    assert "would be refused: no_envelope" in house.stage.shown


@pytest.mark.parametrize("behind_s", [1_800, -1_800])
def test_a_clock_that_is_wrong_ends_no_run_too_early_or_too_late(
    house: House, monkeypatch: pytest.MonkeyPatch, behind_s: int
) -> None:
    monkeypatch.setattr(replayer, "MAX_HELD", 10)
    monkeypatch.setattr("deploy.google.pubsub_api.MAX_PULLED", 1)
    clock = house.stage.clock
    house.stage.pubsub.now = lambda: clock() + behind_s
    for number in range(50):
        house.rejects(b"%d" % number, receivedAt="")
    house.stage.pubsub.on_idle = lambda: house.rejects(b"new", "malformed")
    began_at = clock()
    assert house.replay(reason=["foreign_project"]) == NOTHING_TO_DO
    assert len(house.function.main) == 50
    assert clock() - began_at < 2 * replayer.SETTLE_S


def test_a_run_looks_for_more_messages_for_a_quarter_of_a_minute(house: House) -> None:
    house.rejects(b"1")
    began_at = house.stage.clock()
    assert house.replay(dry_run=True) == UNMET
    assert 10 < house.stage.clock() - began_at < 20
    assert "looking for more messages: 12 s" in house.stage.noted


def test_a_failure_that_passes_is_repeated(house: House) -> None:
    answers = [BUSY, FunctionAnswer(0, ""), FunctionAnswer(429, "")]
    house.function.special = lambda _: answers.pop() if answers else None
    house.rejects(b"1")
    assert house.replay() == NOTHING_TO_DO
    assert house.function.main == [b"1"]


def test_three_failures_in_a_row_end_the_run_and_nothing_is_lost(house: House) -> None:
    house.function.special = lambda _: BUSY
    for number in range(20):
        house.rejects(b"%d" % number)
    assert house.replay() == UNMET
    assert "stopped: 3 events in a row failed, the last one with: 503 publish" in house.stage.noted
    assert "3 messages failed: 503 publish; still on the rejected topic" in house.stage.shown
    assert "17 messages not tried; still on the rejected topic" in house.stage.shown
    assert len(house.left()) == 20


def test_a_function_that_does_not_know_replays_is_found_out_before_anything_is_sent(house: House) -> None:
    house.function.knows_origins = False
    house.rejects(b"1")
    with pytest.raises(Outdated) as failed:
        house.replay()
    assert failed.value.fix == (UP,)
    assert house.function.requests == 0
    assert house.left() == [b"1"]


def test_an_older_instance_that_rejects_an_event_again_ends_the_run_and_the_messages_are_given_back(
    house: House,
) -> None:
    house.function.special = lambda _: FunctionAnswer(200, '{"messageId": "9", "topic": "rejected"}')
    house.rejects(b"1")
    with pytest.raises(Outdated):
        house.replay()
    assert house.left() == [b"1"]
    assert "1 message failed: the deployed function does not know" in house.stage.shown


def test_a_secret_that_the_function_does_not_know_is_an_error_before_anything_is_sent(house: House) -> None:
    house.function.secret = lambda: "another secret that has thirty-two bytes"
    house.rejects(b"1")
    with pytest.raises(DeployError, match="does not accept the newest secret"):
        house.replay()
    assert house.left() == [b"1"]


def test_ctrl_c_gives_everything_back_and_shows_the_summary(house: House, signals: None) -> None:
    del signals
    for number in range(5):
        house.rejects(b"%d" % number)

    def interrupt(body: bytes) -> None:
        if body == b"2":
            signal.raise_signal(signal.SIGINT)

    house.function.special = interrupt
    assert house.replay() == UNMET
    assert "stopped: interrupted" in house.stage.noted
    assert "5 messages looked at until then, 5 of them asked for" in house.stage.shown
    assert f"{len(house.function.main)} messages of 5 on the main topic" in house.stage.shown
    assert "exit status 3: " in house.stage.noted
    assert sorted([*house.function.main, *house.left()]) == [b"%d" % number for number in range(5)]


def test_an_event_without_an_answer_when_a_run_is_interrupted_may_be_published_and_comes_again(
    house: House, signals: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del signals
    monkeypatch.setattr(replayer, "STOP_S", 0.05)
    said = "1 message sent without an answer in time: may be on the main topic; still on the rejected topic"

    def interrupt(_: bytes) -> None:
        signal.raise_signal(signal.SIGINT)
        wait_until(lambda: said in house.stage.shown)

    house.function.special = interrupt
    house.rejects(b"1")
    house.rejects(b"2")
    assert house.replay() == UNMET
    assert house.function.main == [b"1"]
    assert "1 message not tried; still on the rejected topic" in house.stage.shown
    assert said in house.stage.shown
    assert sorted(house.left()) == [b"1", b"2"]


@pytest.fixture
def signals() -> Iterator[None]:
    """Let SIGINT raise ``KeyboardInterrupt``, as it does in the command; the test session has a handler of its own."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_dry_run_says_what_would_become_of_each_event_and_publishes_and_takes_nothing(house: House) -> None:
    event = {"eventId": "e1", "eventType": "touch", "targetName": "projects/p1/devices/d1", "data": {}}
    house.rejects(json.dumps({"event": event}).encode())
    house.rejects(b"not JSON", "malformed")
    house.rejects(b"{}", "no_envelope")
    before = house.left()

    assert house.replay(dry_run=True) == UNMET

    first, second, third, *summary = house.stage.shown.splitlines()
    assert first.startswith("would be on the main topic  ")
    assert "touch  d1  e1  foreign_project" in first
    assert second.startswith("would be refused: malformed  ")
    assert third.startswith("would be refused: no_envelope  ")
    assert summary[0] == "1 message of 3 would be on the main topic"
    assert house.stage.noted.endswith("exit status 3: some would still be on the rejected topic\n")
    assert house.function.requests == 0
    assert house.function.main == []
    assert sorted(house.left()) == sorted(before)


def test_a_dry_run_judges_by_the_settings_of_the_deployed_function(house: House) -> None:
    variables = house.stage.google.things["functions", "dt-pubsub"]["serviceConfig"]["environmentVariables"]
    variables["DT_PROJECT_IDS"] = "p2"
    event = {"eventId": "e1", "eventType": "touch", "targetName": "projects/p1/devices/d1", "data": {}}
    house.rejects(json.dumps({"event": event}).encode())
    assert house.replay(dry_run=True) == UNMET
    assert "would be refused: foreign_project" in house.stage.shown
    variables["DT_PROJECT_IDS"] = "p1,p2"
    assert house.replay(dry_run=True) == NOTHING_TO_DO


def test_a_dry_run_warns_if_the_deployed_function_has_another_source(house: House) -> None:
    assert house.replay(dry_run=True) == NOTHING_TO_DO
    assert "another source" not in house.stage.noted
    house.stage.google.things["functions", "dt-pubsub"]["labels"][SOURCE_LABEL] = "older"
    assert house.replay(dry_run=True) == NOTHING_TO_DO
    assert f"the deployed function has another source than this version, which judges here: `{UP}`" in house.stage.noted


def test_an_event_that_only_this_version_would_accept_points_to_up(house: House) -> None:
    house.stage.google.things["functions", "dt-pubsub"]["labels"][SOURCE_LABEL] = "older"
    event = {"eventId": "e1", "eventType": "touch", "targetName": "projects/p1/devices/d1", "data": {}}
    house.function.refuses = lambda _: "no_envelope"
    house.rejects(json.dumps({"event": event}).encode())
    house.rejects(b"{}")
    assert house.replay() == UNMET
    assert "this version would accept 1 of those that the deployed function has refused" in house.stage.shown


def test_a_run_goes_on_if_this_version_cannot_be_asked_about_a_refused_event(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deploy.repair.replay.judging", None)
    house.stage.google.things["functions", "dt-pubsub"]["labels"][SOURCE_LABEL] = "older"
    house.function.refuses = lambda body: "no_envelope" if body == b"{}" else ""
    for body in (b"{}", b"1"):
        house.rejects(body)
    assert house.replay() == UNMET
    assert house.function.main == [b"1"]
    assert "this version would accept" not in house.stage.shown


def test_the_dead_letter_policy_counts_the_deliveries_of_a_replay_and_is_named(house: House) -> None:
    house.subscription["deadLetterPolicy"] = {"deadLetterTopic": "t", "maxDeliveryAttempts": 1}
    house.function.refuses = lambda body: "malformed" if body == b"2" else ""
    for body, reason in ((b"1", "expired"), (b"2", "expired"), (b"3", "malformed")):
        house.rejects(body, reason)
    assert house.replay(reason=["expired"]) == UNMET
    assert "delivers a message 1 times at most" in house.stage.noted
    assert "2 messages had the last delivery" in house.stage.shown
    assert len(house.stage.pubsub.dead) == 2


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"topic": f"projects/{PROJECT}/topics/another"}, "reads from"),
        ({"detached": True}, "is detached"),
        ({"pushConfig": {"pushEndpoint": "https://example.com"}}, "delivers its messages elsewhere"),
        ({"bigqueryConfig": {"table": "p.d.t"}}, "delivers its messages elsewhere"),
        ({"labels": {}}, "does not have the label"),
    ],
)
def test_a_subscription_that_cannot_be_replayed_from_is_an_error(
    house: House, changes: dict[str, Any], what: str
) -> None:
    house.subscription |= changes
    with pytest.raises(DeployError, match=what):
        house.replay()


def test_without_the_rejected_subscription_up_makes_it_again(house: House) -> None:
    del house.stage.pubsub.subscriptions[REJECTED]
    with pytest.raises(DeployError, match="is not there") as failed:
        house.replay()
    assert failed.value.fix == (UP,)


def test_without_a_function_there_is_nothing_to_send_to(stage: Stage) -> None:
    stage.google.has_everything_on()
    with pytest.raises(DeployError, match="is not there"):
        stage.deployment().replay()


def test_all_invalid_flags_are_named_at_once(house: House) -> None:
    with pytest.raises(InvalidOptions) as refused:
        house.replay(since="yesterday", until="2026-02-30", limit="0", rate="fast")
    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["--since", "--until", "--limit", "--rate"]
    with pytest.raises(InvalidOptions, match=r"--since: 20\S+Z is not before --until, 20\S+Z"):
        house.replay(since="1h", until="2h")


def test_an_unknown_reason_or_type_is_an_error_that_names_the_likely_one(house: House) -> None:
    house.rejects(b"1")
    with pytest.raises(InvalidOptions) as refused:
        house.replay(reason=["expierd", "x"], type=["tuch", "touch"])
    assert refused.value.faults == (
        "--reason: unknown value 'expierd'; did you mean expired?",
        "--reason: unknown value 'x'; there are expired, malformed, no_envelope, foreign_project, invalid_argument",
        "--type: unknown value 'tuch'; if it is newer than this version, add --any-type; did you mean touch?",
    )
    assert house.left() == [b"1"]


def test_a_type_that_is_newer_than_this_version_can_be_replayed(house: House) -> None:
    house.rejects(b"new", eventType="radiation")
    house.rejects(b"old")
    assert house.replay(type=["radiation"], any_type=True) == NOTHING_TO_DO
    assert house.function.main == [b"new"]


@pytest.mark.parametrize(
    ("flags", "meaning"),
    [
        ({}, "exit status 0: all that was asked for is on the main topic"),
        ({"dry_run": True}, "exit status 0: all that was asked for would be on the main topic"),
        ({"device": ["none"]}, "exit status 0: nothing that was asked for is on the rejected topic"),
        ({"limit": "1"}, "exit status 0: as much as --limit allows is on the main topic; more may be left"),
    ],
)
def test_the_last_line_says_what_the_exit_status_means_for_this_run(
    house: House, flags: dict[str, Any], meaning: str
) -> None:
    event = {"eventId": "e1", "eventType": "touch", "targetName": "projects/p1/devices/d1", "data": {}}
    for _ in range(2):
        house.rejects(json.dumps({"event": event}).encode())
    assert house.replay(**flags) == NOTHING_TO_DO
    assert house.stage.noted.splitlines()[-1] == meaning


def test_a_long_look_for_messages_says_how_many_there_are_only_if_there_are_more(house: House) -> None:
    house.rejects(b"1", deviceId="other")
    assert house.replay(device=["d1"]) == NOTHING_TO_DO
    said = [line for line in house.stage.noted.splitlines() if "looked at, " in line]
    assert len(said) <= 1
    assert not any(line.startswith("0 looked at") for line in said)


def test_json_has_the_counts_and_the_messages_that_are_not_on_main(house: House) -> None:
    house.function.refuses = lambda body: "malformed" if body == b"2" else ""
    for body in (b"1", b"2"):
        house.rejects(body)
    assert house.stage.deployment(credentials=False, in_json=True).replay(limit="5") == UNMET
    found = house.stage.in_json()["replayed"]
    (message,) = found.pop("messages")
    assert found == {
        "dryRun": False,
        "matched": 2,
        "published": 1,
        "refused": {"malformed": 1},
        "failed": {},
        "notTried": 0,
        "beyondLimit": 0,
        "others": 0,
        "notAcknowledged": 0,
        "lastAttempts": 0,
    }
    assert (message["outcome"], message["reason"], message["rejectedFor"]) == (
        "refused",
        "malformed",
        "foreign_project",
    )


def test_two_replays_at_the_same_time_share_the_messages(house: House) -> None:
    for number in range(30):
        house.rejects(b"%d" % number, deviceId=f"d{number}")
    second: list[int] = []

    def begin_another(_: bytes) -> None:
        if not second:
            second.append(-1)
            house.rejects(b"new")
            another = threading.Thread(target=lambda: second.append(house.replay(limit="1")))
            another.start()
            another.join()

    house.function.special = begin_another
    assert house.replay() == NOTHING_TO_DO
    assert second == [-1, NOTHING_TO_DO]
    assert sorted(house.function.main) == sorted([*(b"%d" % number for number in range(30)), b"new"])


def test_no_more_than_the_rate_is_sent(house: House) -> None:
    for number in range(11):
        house.rejects(b"%d" % number)
    times: list[float] = []
    house.function.special = lambda _: times.append(house.stage.clock())
    assert house.replay(rate="2") == NOTHING_TO_DO
    assert times[-1] - times[0] >= 5.0


def test_a_backlog_that_does_not_fit_is_replayed_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replayer, "MAX_HELD", 10)
    monkeypatch.setattr("deploy.google.pubsub_api.MAX_PULLED", 4)
    for number in range(30):
        house.rejects(b"%d" % number)
    assert house.replay() == NOTHING_TO_DO
    assert sorted(house.function.main) == sorted(b"%d" % number for number in range(30))


class Killed(BaseException):
    """The process was killed: nothing after this is done."""


def test_killed_at_any_call_and_run_again_every_event_is_on_main_or_still_rejected(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replayer, "IDLE_S", 6.0)  # fewer pulls that find nothing
    stage = house.stage
    bodies = [b"1", b"bad", b"2"]
    house.function.refuses = lambda body: "malformed" if body == b"bad" else ""
    post, is_done, number = house.function.post, False, 0
    while not is_done:
        number += 1
        house.function.main.clear()
        for body in bodies:
            house.rejects(body)
        calls = itertools.count(1)

        def lives(limit: int, calls: Iterator[int]) -> None:
            if next(calls) >= limit:
                raise Killed

        def dying(url: str, body: bytes, headers: Mapping[str, str], check: Callable[[], None]) -> FunctionAnswer:
            check()
            answer = post(url, body, headers)
            check()  # the answer is lost
            return answer

        check = partial(lives, number, calls)
        stage.post = partial(dying, check=check)
        stage.pubsub.answers = lambda _, check=check: check()  # type: ignore[misc]  # it answers nothing itself
        try:
            house.replay()
            is_done = True
        except Killed:
            stage.post, stage.pubsub.answers = post, lambda _: None
            assert house.replay() == UNMET
        stage.pubsub.answers = lambda _: None
        assert set(house.function.main) == {b"1", b"2"}, f"killed at call {number}"
        assert house.left() == [b"bad"], f"killed at call {number}"
        stage.pubsub.waiting[REJECTED].clear()
    assert number > 15


def test_a_failure_of_pubsub_that_passes_is_repeated(house: House) -> None:
    house.rejects(b"1")
    failures = [refusal(503), refusal(429), Answer(0, why="no connection"), refusal(504)]
    house.stage.pubsub.answers = lambda call: failures.pop() if failures and call.url.endswith(":pull") else None
    assert house.replay() == NOTHING_TO_DO
    assert (house.function.main, failures) == ([b"1"], [])


def test_a_failure_of_pubsub_that_stays_is_an_error_and_gives_everything_back(house: House) -> None:
    for number in range(3):
        house.rejects(b"%d" % number)
    pulls = itertools.count()

    def answers(call: Call) -> Answer | None:
        return refusal(403) if call.url.endswith(":pull") and next(pulls) else None

    house.stage.pubsub.answers = answers
    with pytest.raises(PubSubFailed, match="403"):
        house.replay()
    assert house.left() == [b"0", b"1", b"2"]
    assert "nothing to replay" not in house.stage.shown


def test_an_event_that_is_too_large_does_not_keep_the_others_from_main(house: House) -> None:
    house.function.special = lambda body: FunctionAnswer(413, '{"error": "too_large"}') if body == b"big" else None
    for body in (b"big", b"big", b"big", b"big", b"1"):
        house.rejects(body)
    assert house.replay() == UNMET
    assert house.function.main == [b"1"]
    assert "4 messages failed: 413 too_large; still on the rejected topic" in house.stage.shown


def test_more_messages_than_can_be_held_back_end_the_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replayer, "MOST_HELD", 5)
    for number in range(8):
        house.rejects(b"%d" % number, "malformed")
    assert house.replay(reason=["expired"]) == UNMET
    assert "more than 5 messages wait that are not replayed" in house.stage.noted
    assert len(house.left()) == 8


def test_events_that_are_rejected_meanwhile_do_not_keep_a_run_from_its_end(house: House) -> None:
    house.rejects(b"1")
    house.stage.pubsub.on_idle = lambda: house.rejects(b"new", "malformed")
    assert house.replay(reason=["foreign_project"]) == NOTHING_TO_DO
    assert house.function.main == [b"1"]


def test_only_the_first_events_that_are_not_on_main_are_printed(house: House) -> None:
    house.function.refuses = lambda _: "malformed"
    for number in range(25):
        house.rejects(b"%d" % number)
    assert house.replay() == UNMET
    assert house.stage.shown.count("refused: malformed  ") == 20
    assert "the first 20 of the 25 that are not on the main topic are above" in house.stage.shown


def test_a_dry_run_without_the_package_of_the_function_says_how_to_install_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deploy.repair.replay.judging", None)
    with pytest.raises(DeployError, match="--dry-run needs the package") as failed:
        house.replay(dry_run=True)
    assert failed.value.fix == ("python -m pip install --no-deps --require-hashes -r deploy/requirements.txt",)


def test_settings_that_this_version_does_not_accept_are_an_error_of_a_dry_run(house: House) -> None:
    variables = house.stage.google.things["functions", "dt-pubsub"]["serviceConfig"]["environmentVariables"]
    variables["MAX_BODY_BYTES"] = "many"
    with pytest.raises(DeployError, match=r"(?s)does not accept the settings of the deployed one.*MAX_BODY_BYTES"):
        house.replay(dry_run=True)
