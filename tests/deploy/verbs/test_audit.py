"""``audit``: every event of DT's history has arrived on the main topic, or it is named."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.dt.calls import DtAnswer
from deploy.dt.history import LAG_S
from deploy.errors import DeployError, DtFailed, InvalidOptions
from deploy.google.calls import Answer, Call
from deploy.google.pubsub_api import PubSubFailed
from deploy.repair.arrived.held import HOLD_S
from deploy.spec import AUDIT_MARK
from deploy.times import utc
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNMET
from tests.deploy.fakes.bigquery import TABLE, TableRow
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.pubsub import refusal
from tests.deploy.stage import Stage

FRIDGE, DOOR = "bchonod7rihjtvdmd2vg", "bchonod7rihjtvdmd300"
HOUR_S = 3600.0


class World:
    """A stage on which events happen at DT and arrive on topics, or not. The topic keeps its messages for a week."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ids: list[str] = []
        stage.pubsub.retention["dt-events"] = "604800s"
        stage.pubsub.subscribe("dt-rejected", "dt-rejected")
        stage.pubsub.on_idle = lambda: stage.clock.advance(2)
        self.has_device(FRIDGE, "Fridge 2")
        self.has_device(DOOR, "Front door")

    def has_device(self, device: str, name: str) -> None:
        """Let DT list a device."""
        full_name = f"projects/{DT_PROJECT}/devices/{device}"
        self.stage.dt.devices[device] = {"name": full_name, "type": "temperature", "labels": {"name": name}}

    def happens(self, device: str = FRIDGE, age_s: float = HOUR_S, event_type: str = "touch", **others: str) -> str:
        """Let DT's history have an event, and return its id."""
        at = utc(self.stage.clock() - age_s, "microseconds")
        event_id = self.stage.dt.histories.add(device, at, event_type, project=DT_PROJECT, **others)
        self.ids.append(event_id)
        return event_id

    def arrives(self, event_id: str, topic: str = "dt-events", age_s: float = HOUR_S, **others: str) -> None:
        """Publish an event when it happens, by a clock that is ten seconds slow."""
        now, at = self.stage.clock(), utc(self.stage.clock() - age_s, "microseconds")
        self.stage.clock.seconds = now - age_s - 10
        own = {"eventId": event_id, "deviceId": FRIDGE, "projectId": DT_PROJECT, "eventType": "touch", "timestamp": at}
        self.stage.pubsub.publish(b"{}", {**own, **others}, topic=topic)
        self.stage.clock.seconds = now

    def audit(self, *, in_json: bool = False, **flags: Any) -> int:
        """Run ``audit``."""
        return self.stage.deployment(in_json=in_json).audit(**flags)

    def audited(self, **flags: Any) -> Any:
        """Run ``audit``, and return its summary."""
        self.audit(**flags)
        return self.stage.report.as_json()["audited"]

    def lines(self) -> list[Any]:
        """Return what was printed as lines of JSON."""
        return [json.loads(line) for line in self.stage.shown.splitlines()]

    def named(self, state: str) -> list[str]:
        """Return the ids of the events that were printed with this state."""
        return [line[state]["eventId"] for line in self.lines() if state in line]


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage)


def test_a_window_in_which_everything_has_arrived_is_complete(world: World) -> None:
    for age_s in (60 * 60, 2 * HOUR_S, 3 * HOUR_S):
        world.arrives(world.happens(age_s=age_s), age_s=age_s)

    assert world.audit() == NOTHING_TO_DO

    assert "3 events of 2 devices in DT's history" in world.stage.shown
    assert "3 of them on the main topic, read from topic dt-events" in world.stage.shown
    assert "missing" not in world.stage.shown


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_exactly_the_events_that_were_taken_away(world: World, seed: int) -> None:
    chance = random.Random(seed)
    ages = {
        world.happens(chance.choice([FRIDGE, DOOR]), age_s := chance.uniform(300, 86_000)): age_s for _ in range(40)
    }
    taken = set(chance.sample(sorted(ages), chance.randrange(1, 20)))
    doubled = set(chance.sample(sorted(ages.keys() - taken), chance.randrange(1, 15)))
    arrivals = [*(ages.keys() - taken), *doubled]
    chance.shuffle(arrivals)
    for event_id in arrivals:
        world.arrives(event_id, age_s=ages[event_id])

    assert world.audit(in_json=True) == UNMET

    assert set(world.named("missing")) == taken
    summary = world.stage.report.as_json()["audited"]
    assert (summary["dt"], summary["missing"], summary["double"]) == (40, len(taken), len(doubled))
    cells = [line["cell"] for line in world.lines() if "cell" in line]
    assert sum(cell["missing"] for cell in cells) == len(taken)
    assert sum(cell["dt"] for cell in cells) == 40


def test_a_missing_event_is_in_the_table_with_the_command_that_sends_it_again(world: World) -> None:
    world.arrives(world.happens())
    world.happens()

    assert world.audit(since="2h") == UNMET

    head, row = world.stage.shown.splitlines()[:2]
    assert head.split() == ["device", "hour", "(UTC)", "DT", "main", "missing", "rejected", "young", "double"]
    assert row.split() == ["Fridge", "2", *row.split()[2:4], "2", "1", "1", "-", "-", "-"]
    assert "1 missing: on neither topic; DT may still repeat those of the last 12 h" in world.stage.shown
    assert "fix: python -m deploy backfill --from=" in world.stage.shown
    assert "--missing-only" in world.stage.shown


def test_a_rejected_event_is_not_missing_and_points_to_replay(world: World) -> None:
    world.arrives(world.happens(), "dt-rejected", reason="expired")

    assert world.audit() == UNMET

    assert "1 only on the rejected topic: not missing, and not on the main topic" in world.stage.shown
    assert "1 message of the window on the rejected topic: 1 expired" in world.stage.shown
    assert "fix: python -m deploy replay" in world.stage.shown
    assert "backfill" not in world.stage.shown
    assert len(world.stage.pubsub.waiting["dt-rejected"]) == 1
    assert world.stage.pubsub.acknowledged == []


def test_an_event_that_was_rejected_and_has_arrived_since_is_complete(world: World) -> None:
    event_id = world.happens()
    world.arrives(event_id, "dt-rejected", reason="expired")
    world.arrives(event_id)
    assert world.audit() == NOTHING_TO_DO


def test_an_event_that_may_be_on_its_way_is_too_young_to_judge(world: World) -> None:
    world.happens(age_s=5)
    assert world.audit() == NOTHING_TO_DO
    assert "1 too young to judge" in world.stage.shown


def test_an_event_that_dt_has_twice_counts_once(world: World) -> None:
    event_id = world.happens()
    world.happens(event_id=event_id)
    world.arrives(event_id)
    assert world.audit() == NOTHING_TO_DO
    assert "1 twice in DT's history, counted once" in world.stage.shown


def test_a_message_that_is_delivered_twice_has_arrived_once(world: World) -> None:
    event_id = world.happens()
    world.arrives(event_id)
    message_id = str(world.stage.pubsub.made_so_far)
    world.stage.pubsub.kept.append(world.stage.pubsub.kept[0])
    assert world.audited()["double"] == 0
    assert world.stage.pubsub.acknowledged == [f"ack-{message_id}", f"ack-{message_id}.2"]


def test_what_is_only_on_the_main_topic_is_counted_and_explained(world: World) -> None:
    world.arrives("a", eventType="labelsChanged")
    world.arrives("b", deviceId="emu0001")
    world.arrives("c", projectId="another")
    world.arrives("d")
    world.arrives("e", age_s=40 * HOUR_S)

    summary = world.audited(since="24h")

    assert summary["onlyOnMain"] == {"labels": 1, "device": 1, "project": 1, "unknown": 1}
    assert summary["onlyOnMainExamples"]["unknown"] == ["d"]
    assert summary["complete"]


def test_only_the_wanted_devices_and_types_are_compared(world: World) -> None:
    world.happens(DOOR)
    world.happens(FRIDGE, event_type="temperature")
    world.arrives(world.happens(FRIDGE))
    world.arrives("other", deviceId=DOOR)

    assert world.audit(device=[FRIDGE], type=["touch"]) == NOTHING_TO_DO
    assert world.stage.report.as_json()["audited"]["onlyOnMain"] == {}
    with pytest.raises(InvalidOptions, match=r"unknown value 'tuch'.*did you mean touch\?"):
        world.audit(type=["tuch"])
    assert world.audit(type=["radiation"], any_type=True) == NOTHING_TO_DO


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (f"{FRIDGE[:-1]}h", f"DT knows no device {FRIDGE[:-1]}h in {DT_PROJECT}; did you mean {FRIDGE}?"),
        ("front door", f"; did you mean {DOOR}?"),
        ("nothing-like-it", f"there are {FRIDGE} (Fridge 2), {DOOR} (Front door)"),
    ],
)
def test_an_unknown_device_is_an_error_that_names_the_likely_one(world: World, typed: str, said: str) -> None:
    with pytest.raises(DeployError) as failed:
        world.audit(device=[typed])
    assert said in failed.value.what


def test_events_outside_the_window_are_not_judged(world: World) -> None:
    world.happens(age_s=3 * HOUR_S)
    world.happens(age_s=HOUR_S)
    world.arrives(world.happens(age_s=2 * HOUR_S))
    assert world.audit(since="9000s", until="5400s") == NOTHING_TO_DO
    assert world.stage.report.as_json()["audited"]["dt"] == 1


def test_a_device_whose_history_cannot_be_read_is_named_and_the_others_are_compared(world: World) -> None:
    world.happens(FRIDGE)
    gone = DtAnswer(404, {"error": "device not found"})
    world.stage.dt.before = lambda request: gone if request.path.endswith(f"/{DOOR}/events") else None
    assert world.audit() == FAILED
    assert f"device {DOOR} could not be compared: 404 device not found" in world.stage.shown
    assert "1 missing" in world.stage.shown

    world.stage.dt.before = lambda request: DtAnswer(403, {}) if request.path.endswith("/events") else None
    with pytest.raises(DtFailed, match="403"):
        world.audit()


def test_the_bounds_of_the_window_are_those_of_the_events_own_times(world: World) -> None:
    world.happens(age_s=HOUR_S + 5)
    world.arrives(world.happens(age_s=HOUR_S), age_s=HOUR_S)
    world.happens(age_s=HOUR_S / 2)
    began_at = world.stage.clock()
    assert world.audit(since="3600s", until="1800s") == NOTHING_TO_DO
    assert world.stage.report.as_json()["audited"]["dt"] == 1
    asked = [request.params for request in world.stage.dt.asked if request.path.endswith("/events")]
    assert asked[0]["startTime"] == utc(began_at - HOUR_S - LAG_S, "milliseconds"), "DT may go by the time of arrival"


def test_the_temporary_subscription_is_labelled_expires_and_is_removed_at_every_end(world: World) -> None:
    made: dict[str, Any] = {}

    def on_idle() -> None:
        made.update(world.stage.pubsub.subscriptions)
        world.stage.clock.advance(2)

    world.stage.pubsub.on_idle = on_idle
    world.audit()
    (name,) = made.keys() - {"dt-rejected"}
    assert name.startswith("dt-events-audit-")
    assert made[name]["labels"][AUDIT_MARK] == "dt-pubsub"
    assert made[name]["expirationPolicy"] == {"ttl": "86400s"}
    assert world.stage.pubsub.left() == ["dt-rejected"]

    world.stage.pubsub.answers = lambda call: refusal(403) if call.url.endswith(":pull") else None
    with pytest.raises(PubSubFailed, match="403"):
        world.audit()
    assert world.stage.pubsub.left() == ["dt-rejected"]


def test_what_a_killed_audit_left_behind_the_next_one_removes(world: World) -> None:
    labels = {AUDIT_MARK: "dt-pubsub", "dt-pubsub-since": str(int(world.stage.clock() - 7 * HOUR_S))}
    world.stage.pubsub.subscribe("dt-events-audit-0a0a0a0a", labels=labels)
    world.stage.pubsub.subscribe("dt-events-audit-mine", labels={**labels, AUDIT_MARK: "another"})
    world.audit()
    assert world.stage.pubsub.left() == ["dt-events-audit-mine", "dt-rejected"]
    assert "removed dt-events-audit-0a0a0a0a" in world.stage.noted


def test_without_any_place_that_knows_what_arrived_it_says_how_to_make_one(world: World) -> None:
    del world.stage.pubsub.retention["dt-events"]
    with pytest.raises(DeployError, match="keeps no messages after their delivery") as failed:
        world.audit()
    backfill, unread, keep, subscribe, table = failed.value.fix
    assert re.fullmatch(r"python -m deploy backfill --from=\S+Z --to=\S+Z", backfill)
    assert re.fullmatch(r"python -m deploy audit --from=\S+Z --to=\S+Z --subscription=dt-events", unread)
    assert "If nothing has acknowledged the messages of subscription dt-events" in failed.value.what
    assert keep.startswith("gcloud pubsub topics update dt-events --message-retention-duration=31d")
    assert subscribe.startswith("gcloud pubsub subscriptions create dt-events-arrived --topic=dt-events")
    assert "--table=PROJECT.DATASET.TABLE" in table
    assert [failed.value.head_of(line) for line in failed.value.fix] == ["fix", "look at", "fix", "fix", "hint"]
    assert not [request for request in world.stage.dt.asked if request.path.endswith("/events")]


def test_a_window_that_dt_no_longer_has_whole_is_said(world: World) -> None:
    world.stage.pubsub.retention["dt-events"] = "2678400s"
    assert world.audit(since="30d", until="29d") == NOTHING_TO_DO
    assert "note: DT keeps" not in world.stage.noted
    world.audit(since="2595601s")
    assert "note: DT keeps events for 30 days: there may be none from before" in world.stage.noted


def test_a_window_that_the_topic_no_longer_has_is_an_error(world: World) -> None:
    with pytest.raises(DeployError, match=r"keeps messages for 7 days.*lost the beginning"):
        world.audit(since="8d")


@pytest.fixture
def mine(world: World) -> World:
    """A world in which a user has the subscription ``mine`` of the main topic."""
    world.stage.pubsub.subscribe("mine")
    return world


def test_nothing_of_a_subscription_is_lost(mine: World) -> None:
    for _ in range(3):
        mine.arrives(mine.happens())
    assert mine.audit(subscription="mine") == NOTHING_TO_DO
    assert "read from subscription mine" in mine.stage.shown
    assert mine.stage.pubsub.acknowledged == []
    assert len(mine.stage.pubsub.waiting["mine"]) == 3
    assert mine.stage.pubsub.leases["mine"] == {}
    assert mine.stage.pubsub.left() == ["dt-rejected", "mine"]


def test_messages_of_a_subscription_are_not_acknowledged_after_a_failure(mine: World) -> None:
    mine.arrives(mine.happens())
    failures = iter([None, refusal(403), refusal(403), refusal(403)])

    def answer(call: Call) -> Answer | None:
        return next(failures, refusal(403)) if call.url.endswith("mine:pull") else None

    mine.stage.pubsub.answers = answer
    with pytest.raises(PubSubFailed, match="403"):
        mine.audit(subscription="mine")
    mine.stage.pubsub.answers = lambda _: None
    assert mine.stage.pubsub.acknowledged == []


def test_if_asked_audit_acknowledges_what_is_done_with_and_no_later_message(mine: World) -> None:
    mine.arrives(mine.happens(age_s=2 * HOUR_S), age_s=2 * HOUR_S)
    mine.arrives(mine.happens(age_s=HOUR_S), age_s=HOUR_S)
    assert mine.audit(subscription="mine", acknowledge=True, since="3h", until="90m") == NOTHING_TO_DO
    assert {ack_id.partition(".")[0] for ack_id in mine.stage.pubsub.acknowledged} == {"ack-1"}
    assert [message["messageId"] for message in mine.stage.pubsub.waiting["mine"]] == ["2"]
    assert "acknowledged 1 message of mine" in mine.stage.noted


def test_nothing_is_acknowledged_if_the_result_could_not_be_shown(mine: World, tmp_path: Path) -> None:
    mine.arrives(mine.happens())
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(OSError, match=r"folder\.svg"):
        mine.audit(subscription="mine", acknowledge=True, picture=str(tmp_path / "folder.svg"))
    assert mine.stage.pubsub.acknowledged == []
    assert len(mine.stage.pubsub.waiting["mine"]) == 1


def test_messages_of_a_subscription_are_held_for_longer_while_it_is_read(mine: World) -> None:
    mine.arrives(mine.happens())
    deadlines: list[int] = []

    def answer(call: Call) -> None:
        if call.url.endswith("mine:modifyAckDeadline"):
            deadlines.append((call.body or {})["ackDeadlineSeconds"])

    mine.stage.pubsub.answers = answer
    mine.stage.pubsub.subscriptions["mine"]["ackDeadlineSeconds"] = 600
    mine.audit(subscription="mine")
    assert deadlines[0] == HOLD_S
    assert deadlines[1] == HOLD_S
    assert deadlines[-1] == 0


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"filter": 'attributes.eventType = "touch"'}, "has the filter"),
        ({"pushConfig": {"pushEndpoint": "https://example.com"}}, "sends its messages elsewhere"),
        ({"bigqueryConfig": {"table": "p.d.t"}}, "sends its messages elsewhere"),
        ({"detached": True}, "is detached"),
        ({"enableMessageOrdering": True}, "keeps messages in order"),
        ({"deadLetterPolicy": {"deadLetterTopic": "t"}}, "dead-letter topic"),
        ({"messageRetentionDuration": "3600s"}, "lost the beginning of the window"),
        ({"topic": "projects/p/topics/other"}, "and not of dt-events"),
    ],
)
def test_a_subscription_that_cannot_know_everything_is_refused_with_one_that_can(
    mine: World, settings: dict[str, Any], why: str
) -> None:
    mine.stage.pubsub.subscriptions["mine"] |= settings
    with pytest.raises(DeployError, match=why) as failed:
        mine.audit(subscription="mine")
    assert "gcloud pubsub subscriptions create dt-events-arrived" in failed.value.fix[-1]


def test_a_subscription_that_does_not_exist_is_an_error_with_those_that_do(mine: World) -> None:
    with pytest.raises(DeployError) as failed:
        mine.audit(subscription="minr")
    assert failed.value.what == "there is no such subscription; topic dt-events has mine; did you mean mine?"
    assert failed.value.fix[0].startswith("gcloud pubsub subscriptions create dt-events-arrived")
    mine.stage.pubsub.answers = lambda _: refusal(403)
    with pytest.raises(PubSubFailed, match="403"):
        mine.audit(subscription="minr")


def test_a_subscription_that_was_made_within_the_window_is_doubted(mine: World) -> None:
    mine.happens(age_s=10 * HOUR_S)
    mine.arrives(mine.happens())
    assert mine.audit(subscription="mine") == UNMET
    assert "nothing was there that was published before" in mine.stage.shown


@pytest.fixture
def arrive(world: World) -> Callable[..., None]:
    """Return a function that adds an event to a BigQuery table."""

    def arrive(event_id: str, age_s: float = HOUR_S) -> None:
        at = utc(world.stage.clock() - age_s, "microseconds")
        world.stage.bigquery.rows.append(TableRow(event_id, FRIDGE, "touch", at, DT_PROJECT, at))

    return arrive


def test_missing_and_double_events_are_found_by_a_table(world: World, arrive: Callable[..., None]) -> None:
    ids = [world.happens() for _ in range(7)]
    for event_id in [*ids[:5], ids[0]]:
        arrive(event_id)
    world.stage.bigquery.runs_for = 2
    summary = world.audited(table=TABLE)
    assert (summary["main"], summary["missing"], summary["double"]) == (5, 2, 1)
    assert summary["source"] == f"BigQuery table {TABLE}"


def test_a_table_that_is_not_there_or_not_readable_is_an_error_with_a_remedy(world: World) -> None:
    with pytest.raises(DeployError, match="Not found: Table") as failed:
        world.audit(table=TABLE.replace("events", "other"))
    assert failed.value.fix == ("bq ls cold-chain-prod:",)

    denied = {"code": 403, "message": "Access Denied: bigquery.jobs.create", "status": "PERMISSION_DENIED"}
    world.stage.bigquery.stumbles = [Answer(403, {"error": denied})]
    with pytest.raises(DeployError, match="Access Denied") as failed:
        world.audit(table=TABLE)
    job_user, data_viewer = failed.value.fix
    assert "--role=roles/bigquery.jobUser " in job_user
    assert "--role=roles/bigquery.dataViewer " in data_viewer


def test_a_failure_of_bigquery_that_passes_is_waited_for(world: World, arrive: Callable[..., None]) -> None:
    arrive(world.happens())
    world.stage.bigquery.stumbles = [Answer(503, {}), Answer(0, why="no answer")]
    assert world.audit(table=TABLE) == NOTHING_TO_DO


@pytest.mark.parametrize("body", [[], {"jobComplete": True, "rows": [{"f": 5}]}, {"jobComplete": False}])
def test_an_answer_of_bigquery_with_another_structure_is_an_error_and_no_crash(world: World, body: Any) -> None:
    world.stage.bigquery.stumbles = [Answer(200, body)]
    with pytest.raises(DeployError, match="unexpected structure"):
        world.audit(table=TABLE)


def test_the_rejected_topic_that_cannot_be_read_is_said_and_is_no_error(world: World) -> None:
    del world.stage.pubsub.subscriptions["dt-rejected"]
    world.arrives(world.happens())
    assert world.audit() == NOTHING_TO_DO
    assert "rejected events are not counted: subscription dt-rejected 404" in world.stage.noted
    assert world.stage.report.as_json()["audited"]["rejectedMessages"] is None


def test_every_fault_of_the_flags_is_named_at_once(world: World) -> None:
    with pytest.raises(InvalidOptions) as failed:
        world.audit(since="noon", table="a", subscription="b/c", picture="nowhere/x.jpg")
    assert [fault.partition(":")[0] for fault in failed.value.faults] == [
        "--from",
        "--table",
        "--table and --subscription exclude each other",
        "--subscription",
        "--picture",
        "--picture",
    ]
    for flags, what in (({"since": "1h", "until": "2h"}, "not before"), ({"acknowledge": True}, "--subscription")):
        with pytest.raises(InvalidOptions, match=what):
            world.audit(**flags)


def test_the_picture_shows_the_gaps_and_says_them_in_words(world: World, tmp_path: Path) -> None:
    world.arrives(world.happens())
    world.happens()
    world.happens(DOOR, age_s=5 * HOUR_S)
    path = tmp_path / "audit.svg"
    assert world.audit(picture=str(path)) == UNMET
    drawn = path.read_text("utf-8")
    assert "Fridge 2: 1 missing" in drawn
    assert "1 of 2 arrived, some missing" in drawn
    assert "0 of 1 arrived, all missing" in drawn
