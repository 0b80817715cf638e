"""``audit`` finds what is missing, ``backfill --missing-only`` sends exactly that, and ``audit`` finds nothing more."""

import json
import random
from pathlib import Path

import pytest

from deploy.errors import DeployError, InvalidOptions
from deploy.function_client import Answer
from deploy.times import utc
from deploy.verbs.exit_codes import NOTHING_TO_DO, UNMET
from tests.deploy.fakes.bigquery import TABLE, TableRow
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.operator_function import OperatorFunction
from tests.deploy.stage import Stage

DEVICES = ("d1", "d2", "d3")


class World:
    """A deployment whose function publishes what it gets on the main topic, which keeps its messages."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sent: list[str] = []
        self.function = OperatorFunction(stage.secret, special=self._publish)
        stage.post = self.function.post
        stage.pubsub.retention["dt-events"] = "604800s"
        stage.pubsub.has_subscription("dt-rejected")
        stage.pubsub.on_idle = lambda: stage.clock.advance(2)
        for device in DEVICES:
            stage.dt.has_device(device)

    def happens(self, device: str, age_s: float) -> str:
        """Let DT's history have an event, and return its id."""
        at = utc(self.stage.clock() - age_s, "microseconds")
        return self.stage.dt.histories.add(device, at, project=DT_PROJECT)

    def arrives(self, event_id: str, device: str, age_s: float) -> None:
        """Publish an event."""
        at = utc(self.stage.clock() - age_s, "microseconds")
        self.stage.pubsub.publish(b"{}", {"eventId": event_id, "deviceId": device, "timestamp": at})

    def _publish(self, body: bytes) -> Answer:
        event = json.loads(body)["event"]
        self.sent.append(event["eventId"])
        named = {"eventId": event["eventId"], "timestamp": event["timestamp"]}
        message_id = self.stage.pubsub.publish(body, named)
        return Answer(200, json.dumps({"messageId": message_id, "topic": "events"}))


@pytest.fixture
def world(up: Stage) -> World:
    return World(up)


def test_what_audit_finds_is_sent_and_nothing_else(world: World) -> None:
    chance = random.Random(13)
    happened = [(device, chance.uniform(120, 80_000)) for device in DEVICES for _ in range(12)]
    missing = []
    for device, age_s in happened:
        event_id = world.happens(device, age_s)
        if chance.random() < 0.4:
            missing.append(event_id)
        else:
            world.arrives(event_id, device, age_s)
    stage = world.stage
    assert stage.deployment().audit() == UNMET
    assert f"{len(missing)} missing" in stage.shown

    assert stage.deployment().backfill(missing_only=True) == NOTHING_TO_DO

    assert sorted(world.sent) == sorted(missing)
    assert stage.deployment().audit() == NOTHING_TO_DO
    assert stage.deployment().backfill(missing_only=True) == NOTHING_TO_DO
    assert len(world.sent) == len(missing)


@pytest.mark.parametrize("flag", ["table", "subscription"])
def test_what_arrived_can_be_read_from_a_table_or_a_subscription(world: World, flag: str) -> None:
    stage = world.stage
    stage.pubsub.subscribe("mine")
    there, missing = world.happens("d1", 600), world.happens("d1", 500)
    world.arrives(there, "d1", 600)
    at = utc(stage.clock() - 600, "microseconds")
    stage.bigquery.rows.append(TableRow(there, "d1", "touch", at, DT_PROJECT, at))

    place = {"table": TABLE, "subscription": "mine"}[flag]
    assert stage.deployment().backfill(missing_only=True, **{flag: place}) == NOTHING_TO_DO

    assert world.sent == [missing]
    assert "1" in [message["messageId"] for message in stage.pubsub.waiting["mine"]]
    assert stage.pubsub.left() == ["dt-rejected", "mine"]


def test_a_dry_run_counts_apart_what_has_arrived(world: World) -> None:
    world.arrives(world.happens("d1", 600), "d1", 600)
    world.happens("d2", 500)
    assert world.stage.deployment().backfill(missing_only=True, dry_run=True) == NOTHING_TO_DO
    assert world.sent == []
    assert "2 events of 3 devices in DT's history, 1 on the main topic" in world.stage.shown


def test_the_command_that_goes_on_and_the_resume_file_know_it(world: World, tmp_path: Path) -> None:
    world.happens("d1", 600)
    file = str(tmp_path / "resume.json")
    world.function.special = lambda _: Answer(422, '{"error": "malformed"}')
    assert world.stage.deployment().backfill(missing_only=True, resume=file, since="1h") == UNMET
    assert "--missing-only" in world.stage.noted
    with pytest.raises(DeployError, match=r"another backfill: place"):
        world.stage.deployment().backfill(resume=file, since="1h")


def test_what_comes_late_to_dt_is_skipped_by_a_run_that_goes_on_and_sent_by_a_later_one(
    world: World, tmp_path: Path
) -> None:
    stage, file = world.stage, str(tmp_path / "resume.json")
    early, last = world.happens("d1", 600), world.happens("d1", 300)
    publish = world.function.special

    def interrupt(body: bytes) -> Answer | None:
        if last.encode() in body:
            raise KeyboardInterrupt
        return publish(body)

    world.function.special = interrupt
    with pytest.raises(DeployError, match="interrupted"):
        stage.deployment().backfill(resume=file)
    world.function.special = publish
    late = world.happens("d1", 900)
    assert stage.deployment().backfill(resume=file) == NOTHING_TO_DO
    assert late not in world.sent
    assert stage.deployment().backfill(missing_only=True) == NOTHING_TO_DO
    assert world.sent[-1] == late
    assert sorted(set(world.sent)) == sorted([early, last, late])


def test_a_place_needs_the_flag_that_reads_it(world: World) -> None:
    with pytest.raises(InvalidOptions, match="--table: needs --missing-only"):
        world.stage.deployment().backfill(table=TABLE)
    with pytest.raises(InvalidOptions, match="is not PROJECT"):
        world.stage.deployment().backfill(table="x", missing_only=True)
