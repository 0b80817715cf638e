"""``rotate`` against both clouds in memory: a new secret on both ends, while events come all the time."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from deploy.dt.calls import DtRequest
from deploy.errors import Aborted, DeployError, NotProven
from deploy.spec import Alerts
from deploy.steps import Argv, OldSecretRemoval, pending
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.dt import DT_PROJECT, SECOND, FakeDt
from tests.deploy.fakes.function import HOUR_S, FakeFunction
from tests.deploy.fakes.gcloud import URL
from tests.deploy.stage import Deployment, Stage

CHANGING = {"create", "update", "add", "destroy", "delete"}
SECRET = ("secrets", "dt-signature")


class Killed(BaseException):
    """The process was killed, so no handler of it runs."""


@dataclass
class House:
    """A deployment under load whose function has instances that see a new version late."""

    stage: Stage
    dt: FakeDt
    function: FakeFunction

    def rotate(self, **flags: Any) -> int:
        """Run ``rotate`` with these flags."""
        return self.deployment().rotate(**flags)

    def deployment(self, **changes: Any) -> Deployment:
        """Return the deployment, whose sleeps let events come."""
        made = self.stage.deployment(dt_projects=(DT_PROJECT, SECOND), **changes)
        context = made.context
        object.__setattr__(context, "sleep", self.function.advance)
        return made

    @property
    def versions(self) -> list[str]:
        """The texts of all versions."""
        return self.stage.google.versions["dt-signature"]

    def live(self) -> list[int]:
        """Return the numbers of the enabled versions."""
        numbers = range(1, len(self.versions) + 1)
        return [number for number in numbers if self.stage.google.state_of("dt-signature", number) == "ENABLED"]

    def signing(self) -> set[str]:
        """Return the secrets of all connectors."""
        return {found["httpConfig"]["signatureSecret"] for listed in self.dt.connectors.values() for found in listed}

    def note(self) -> str:
        """Return the note of the rotation."""
        return str(self.stage.google.things[SECRET]["annotations"].get("dt-pubsub-rotation", ""))

    def is_finished(self, first: str) -> bool:
        """Return whether one version is live, and both ends have its one secret, which is not the first one."""
        (secret,) = self.signing()
        texts = [self.versions[number - 1].split() for number in self.live()]
        return texts == [[secret]] and secret != first and self.note().startswith("done+")


@pytest.fixture
def house() -> House:
    """Two DT projects that send events all the time, and a secret with an annotation of another tool."""
    return new_house()


def new_house() -> House:
    """Return such a deployment."""
    stage = Stage(dt=FakeDt(connectors={DT_PROJECT: [], SECOND: []}))
    stage.google.has_everything_on()
    bring_up(stage, dt_projects=(DT_PROJECT, SECOND))
    stage.google.things[SECRET]["annotations"]["team"] = "cold, chain = 1"
    function = FakeFunction(stage.google, stage.dt, stage.clock, lags_s=(0.0, 20.0, 70.0), load_s=15.0)
    stage.post = function.post
    stage.out.truncate(0)
    stage.out.seek(0)
    return House(stage, stage.dt, function)


def test_a_rotation_refuses_no_event_and_ends_with_one_new_secret(house: House) -> None:
    house.function.restarts = True
    (first,) = house.signing()
    assert house.rotate() == NOTHING_TO_DO
    house.function.advance(120)
    (second,) = house.signing()
    assert second != first
    assert house.versions[1].split() == [second, first]
    assert house.note().startswith("keeping+")
    house.function.pass_a_day()
    assert house.rotate() == NOTHING_TO_DO
    house.function.advance(120)
    assert house.function.knows(first) == [False, False, False]
    assert house.note().startswith("clearing+")
    house.function.pass_a_day()
    assert house.rotate() == NOTHING_TO_DO
    assert house.is_finished(first)
    assert (house.function.refusals, house.function.waiting) == ([], [])
    assert house.function.delivered > 100
    assert house.function.knows(first) == [False, False, False]


def until_it_is_done(house: House) -> None:
    """Rotate, wait for the grace period, in which no secret changes, and rotate again."""
    for _ in range(3):
        house.rotate()
        if house.note().startswith("done+"):
            break
        house.function.pass_a_day(event_every_s=6 * HOUR_S)


def kill_at(house: House, place: int, *, done: bool) -> None:
    """Kill the process at the change with this number: before it, or when it is done and its answer is lost."""
    numbers = itertools.count()

    def of_google(argv: Argv) -> None:
        if CHANGING & set(argv[:4]) and next(numbers) == place:
            raise Killed

    def of_dt(request: DtRequest) -> None:
        if request.method != "GET" and next(numbers) == place:
            raise Killed

    if done:
        house.stage.google.after, house.dt.after = of_google, of_dt
    else:
        house.stage.google.before, house.dt.before = of_google, of_dt


def unhook(house: House) -> None:
    house.stage.google.before = house.stage.google.after = lambda _: None
    house.dt.before = house.dt.after = lambda _: None


def places(*, done: bool) -> Iterator[int]:
    """Return the places of all changes of a rotation."""
    house = new_house()
    seen: list[object] = []
    kill_at(house, -1, done=done)
    hook = house.stage.google.before
    house.stage.google.before = lambda argv: seen.append(argv) if CHANGING & set(argv[:4]) else hook(argv)
    house.dt.before = lambda request: seen.append(request) if request.method != "GET" else None
    until_it_is_done(house)
    yield from range(len(seen))


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_killed_at_any_change_and_run_again_it_finishes_and_refuses_no_event(*, done: bool) -> None:
    count = 0
    for place in places(done=done):
        house = new_house()
        (first,) = house.signing()
        kill_at(house, place, done=done)
        with pytest.raises(Killed):
            until_it_is_done(house)
        unhook(house)
        if not house.note().startswith("done+"):  # killed after the very last change
            until_it_is_done(house)
        assert house.is_finished(first), (place, house.note(), house.live())
        assert (house.function.refusals, house.function.waiting) == ([], []), place
        assert house.stage.google.things[SECRET]["annotations"]["team"] == "cold, chain = 1"
        assert len(house.versions) == 3, place
        count += 1
    assert count > 20


def test_a_process_that_is_killed_while_it_waits_goes_on_where_it_was(house: House) -> None:
    def killed(seconds: float) -> None:
        raise Killed

    deployment = house.deployment()
    object.__setattr__(deployment.context, "sleep", killed)
    with pytest.raises(Killed):
        deployment.rotate()
    assert house.note().startswith("spreading+")
    assert house.rotate() == NOTHING_TO_DO
    assert len(house.versions) == 2


@pytest.mark.parametrize("verb", ["rotate", "up"])
def test_another_command_at_any_moment_of_a_rotation_costs_no_event_and_makes_no_third_secret(verb: str) -> None:
    for place in places(done=False):
        house = new_house()
        (first,) = house.signing()
        numbers = itertools.count()

        def strike(argv: Argv, house: House = house, numbers: Iterator[int] = numbers, place: int = place) -> None:
            if CHANGING & set(argv[:4]) and next(numbers) == place:
                unhook(house)
                house.rotate() if verb == "rotate" else house.deployment().up(verify=False)

        house.stage.google.before = strike
        until_it_is_done(house)
        unhook(house)
        assert house.is_finished(first), (place, house.note(), house.live())
        assert (house.function.refusals, house.function.waiting) == ([], []), place
        assert len({line for text in house.versions for line in text.split()}) <= 3, place


def test_a_rotation_while_up_builds_keeps_its_note_and_up_keeps_its_own(house: House) -> None:
    def strike(argv: Argv) -> None:
        if argv[:2] == ("functions", "deploy"):
            unhook(house)
            house.rotate()

    house.stage.google.before = strike
    assert house.deployment(function={"memory": "1Gi"}).up(verify=False) == NOTHING_TO_DO
    annotations = house.stage.google.things[SECRET]["annotations"]
    assert annotations["dt-pubsub-rotation"].startswith("keeping+")
    assert annotations["dt-pubsub-deployed"] == "1790000002"
    assert annotations["team"] == "cold, chain = 1"


def test_a_second_rotation_within_the_grace_period_only_says_what_the_first_waits_for(house: House) -> None:
    house.rotate()
    before, probes = house.note(), house.function.probes
    assert house.rotate() == NOTHING_TO_DO
    assert (house.note(), house.function.probes, len(house.versions)) == (before, probes, 2)
    assert "the old one is accepted until 2025-10-10T" in house.stage.shown


def test_after_the_grace_period_up_removes_the_old_secret_and_plan_says_so_before(house: House) -> None:
    (first,) = house.signing()
    house.rotate()
    assert house.deployment().plan() == NOTHING_TO_DO
    assert "the old one is accepted until" in house.stage.shown
    house.function.pass_a_day()
    assert house.deployment().plan() == CHANGES
    assert "- delete  secret dt-signature, the old secret" in house.stage.shown
    assert "            python -m deploy rotate" in house.stage.shown
    assert house.deployment().up(verify=False) == NOTHING_TO_DO
    assert house.note().startswith("clearing+")
    assert house.live() == [2, 3]
    assert house.deployment().plan() == NOTHING_TO_DO
    assert "the version with the old one stays until 2025-10-10T" in house.stage.shown
    house.function.advance(12 * HOUR_S)
    assert house.deployment().plan() == CHANGES
    assert "the version with the old one may go" in house.stage.shown
    assert house.deployment().up(verify=False) == NOTHING_TO_DO
    assert house.is_finished(first)
    assert house.deployment().plan() == NOTHING_TO_DO


def test_an_instance_that_starts_and_still_reads_the_version_with_both_secrets_refuses_no_event(house: House) -> None:
    (first,) = house.signing()
    house.rotate()
    house.function.pass_a_day()
    assert house.rotate() == NOTHING_TO_DO
    instance = house.function.instances[0]
    instance.secrets, instance.lag_s = (), 6 * HOUR_S
    house.function.advance(300)
    assert first in instance.secrets
    assert len(house.function.refusals) == 0
    assert "the version with the old one stays until" in house.stage.shown
    assert house.rotate() == NOTHING_TO_DO
    assert house.note().startswith("clearing+")
    assert house.live() == [2, 3]
    house.function.advance(12 * HOUR_S)
    assert house.rotate() == NOTHING_TO_DO
    assert house.is_finished(first)
    assert house.function.refusals == []


def test_an_emergency_destroys_the_version_with_the_old_secret_at_once(house: House) -> None:
    (first,) = house.signing()
    house.rotate()
    house.function.pass_a_day()
    house.rotate()
    assert house.note().startswith("clearing+")
    assert house.rotate(emergency=True) == NOTHING_TO_DO
    assert house.is_finished(first)


def test_an_emergency_removes_the_old_secret_as_soon_as_every_connector_has_the_new_one(house: House) -> None:
    (first,) = house.signing()
    assert house.rotate(emergency=True) == NOTHING_TO_DO
    assert house.is_finished(first)
    assert "an event that DT still repeats with the old signature may be lost" in house.stage.shown
    assert house.function.knows(first) == [False, False, False]


def test_an_emergency_stays_one_if_another_command_begins_at_the_same_moment(house: House) -> None:
    (first,) = house.signing()

    def strike(argv: Argv) -> None:
        if argv[:2] == ("secrets", "update"):
            unhook(house)
            house.rotate()

    house.stage.google.before = strike
    assert house.rotate(emergency=True) == NOTHING_TO_DO
    assert house.is_finished(first)


def test_an_emergency_within_the_grace_period_ends_that(house: House) -> None:
    (first,) = house.signing()
    house.rotate()
    assert house.rotate(emergency=True) == NOTHING_TO_DO
    assert house.is_finished(first)
    assert len(house.versions) == 3


@pytest.mark.parametrize("grace", ["12h", "0", "soon", "-1h"])
def test_a_grace_period_that_is_too_short_or_no_time_is_refused_before_anything_is_read(
    house: House, grace: str
) -> None:
    house.stage.google.asked.clear()
    with pytest.raises(DeployError, match="--grace: ") as refused:
        house.rotate(grace=grace)
    assert refused.value.fix[0].startswith("python -m deploy rotate --grace=")
    assert house.stage.google.asked == []


def test_a_grace_period_is_remembered_by_the_next_command(house: House) -> None:
    house.dt.before = raising(lambda request: request.method == "PATCH")
    with pytest.raises(Killed):
        house.rotate(grace="48h")
    unhook(house)
    house.rotate()
    assert "+grace@172800" in house.note()
    house.function.pass_a_day()
    house.rotate()
    assert house.note().startswith("keeping+")
    assert house.rotate(grace="13h") == NOTHING_TO_DO
    assert house.note().startswith("clearing+")


def raising(is_the_one: Callable[[Any], bool]) -> Callable[[Any], None]:
    """Return a hook that kills the process at such a call."""

    def hook(call: Any) -> None:
        if is_the_one(call):
            raise Killed

    return hook


def test_nothing_begins_without_a_yes(house: House) -> None:
    deployment = house.deployment(yes=False)
    with pytest.raises(Aborted, match="pass --yes"):
        deployment.rotate()
    assert (house.note(), len(house.versions)) == ("", 1)


def test_the_status_of_a_rotation_reads_one_thing_and_changes_nothing(house: House) -> None:
    assert house.rotate(status=True) == NOTHING_TO_DO
    assert "no rotation has begun; `python -m deploy rotate` begins one" in house.stage.shown
    house.rotate()
    house.stage.google.asked.clear()
    house.dt.asked.clear()
    assert house.rotate(status=True) == NOTHING_TO_DO
    assert "keeping: DT signs with the new secret since 2025-10-09T08:5" in house.stage.shown
    assert [argv[:2] for argv in house.stage.google.asked] == [("secrets", "describe")]
    assert house.dt.asked == []


def test_the_rotation_in_json(house: House) -> None:
    assert house.deployment(in_json=True).rotate() == NOTHING_TO_DO
    found = house.stage.in_json()
    assert [proof["dtProject"] for proof in found["verified"]] == [DT_PROJECT, SECOND]
    rotation = found["rotation"]
    assert (rotation["phase"], rotation["due"]) == ("keeping", False)
    assert rotation["versions"] == {"old": 1, "both": 2, "new": None}
    assert rotation["oldUntil"] > rotation["switched"] > rotation["since"]


def test_no_secret_is_shown_or_in_an_argument(house: House) -> None:
    until_it_is_done(house)
    house.stage.google.gone.clear()
    secrets = {line for text in house.versions for line in text.split()}
    texts = [house.stage.shown, house.stage.noted, *(" ".join(argv) for argv in house.stage.google.asked)]
    assert len(secrets) == 2
    assert not [secret for secret in secrets for text in texts if secret[:8] in text]
    assert "Secret(***)" not in "".join(texts)


def test_if_the_function_does_not_notice_the_new_secret_the_old_one_stays_in_use(house: House) -> None:
    house.function.instances[1].lag_s = 10**9
    (first,) = house.signing()
    with pytest.raises(NotProven, match=r"everywhere within 30 min: \d requests? answered 401 signature") as failed:
        house.rotate()
    assert failed.value.fix == ("python -m deploy rotate",)
    assert house.signing() == {first}
    assert (house.function.refusals, house.function.waiting) == ([], [])
    house.function.instances[1].lag_s = 0.0
    until_it_is_done(house)
    assert house.is_finished(first)
    assert len(house.versions) == 3


def test_two_secrets_that_were_added_by_hand_are_a_rotation_that_has_begun(house: House) -> None:
    (first,) = house.signing()
    house.versions.append(f"{'b' * 64 + 'ecause'}\n{first}\n")
    house.rotate()
    assert "version 2 has 2 secrets already: its first one is the new secret, and no other is made" in house.stage.shown
    assert house.signing() == {"b" * 64 + "ecause"}
    assert len(house.versions) == 2


def test_a_secret_that_somebody_adds_meanwhile_is_taken_and_none_is_refused(house: House) -> None:
    (first,) = house.signing()
    house.rotate()
    (second,) = house.signing()
    house.versions.append("their-own-secret-of-forty-characters-ok")
    assert "their" in house.versions[2]
    house.rotate(grace="26h")
    house.function.pass_a_day()
    house.function.pass_a_day()
    house.rotate()
    texts = [text.splitlines() for text in house.versions]
    assert texts[3] == [texts[2][0], second, first]
    assert house.function.waiting == []


def test_a_paused_connector_gets_the_new_secret_and_stays_paused(house: House) -> None:
    (connector,) = house.dt.connectors[SECOND]
    connector["status"] = "USER_DISABLED"
    assert house.rotate() == NOTHING_TO_DO
    assert house.signing() == {house.versions[1].split()[0]}
    assert connector["status"] == "USER_DISABLED"
    assert f"{SECOND}: a signed request made here came through" in house.stage.shown


def test_without_a_connector_that_delivers_nothing_begins(house: House) -> None:
    house.dt.connectors[SECOND][0]["status"] = "SYSTEM_DISABLED"
    with pytest.raises(NotProven, match="is SYSTEM_DISABLED: DT sends nothing") as refused:
        house.rotate()
    assert refused.value.fix == ("python -m deploy up",)
    house.dt.connectors[SECOND].clear()
    with pytest.raises(NotProven, match="there is no connector of this deployment"):
        house.rotate()
    assert (house.note(), len(house.versions)) == ("", 1)


def test_a_function_that_mounts_a_fixed_version_is_not_rotated(house: House) -> None:
    served = house.stage.google.things["functions", "dt-pubsub"]["serviceConfig"]
    served["secretVolumes"][0]["versions"][0]["version"] = "1"
    with pytest.raises(DeployError, match="does not read the newest version of the secret"):
        house.rotate()
    assert len(house.versions) == 1


def test_before_up_there_is_nothing_to_rotate(stage: Stage) -> None:
    stage.google.has_everything_on()
    with pytest.raises(DeployError, match="there is nothing to rotate yet") as refused:
        stage.deployment().rotate()
    assert refused.value.fix == ("python -m deploy up",)


def test_a_newest_version_that_is_disabled_stops_it_with_the_command_that_enables_it(house: House) -> None:
    house.rotate()
    house.stage.google.newest_version = "DISABLED"
    with pytest.raises(DeployError, match="version 2 is not enabled") as refused:
        house.rotate(emergency=True)
    assert refused.value.fix[0].startswith("gcloud secrets versions enable 2 --secret=dt-signature")


def test_the_connector_of_a_project_that_is_no_longer_named_gets_the_new_secret_too(house: House) -> None:
    deployment = house.stage.deployment()
    object.__setattr__(deployment.context, "sleep", house.function.advance)
    assert deployment.rotate() == NOTHING_TO_DO
    assert len(house.signing()) == 1
    assert house.versions[1].split()[0] in house.signing()


def test_a_project_that_dt_does_not_show_is_named_because_its_connector_keeps_the_old_secret(house: House) -> None:
    del house.dt.connectors[SECOND]
    deployment = house.stage.deployment()
    object.__setattr__(deployment.context, "sleep", house.function.advance)
    assert deployment.rotate() == NOTHING_TO_DO
    assert f"DT does not show project {SECOND}" in house.stage.noted


def test_a_connector_that_lacks_the_new_secret_when_the_old_one_should_go_gets_it_first(house: House) -> None:
    (first,) = house.signing()
    house.rotate()
    house.dt.connectors[SECOND][0]["httpConfig"]["signatureSecret"] = first
    house.function.pass_a_day()
    assert house.rotate() == NOTHING_TO_DO
    assert "does not have the new secret: it gets it now" in house.stage.noted
    assert house.note().startswith("keeping+")
    assert len(house.signing()) == 1
    house.function.pass_a_day()
    until_it_is_done(house)
    assert house.is_finished(first)
    assert house.function.refusals == []


def test_while_something_signs_with_the_old_secret_that_stays_unless_it_is_an_emergency(house: House) -> None:
    (first,) = house.signing()
    house.rotate()
    house.function.pass_a_day()
    house.function.log({"eventId": "e1", "deviceId": "d1", "secretIndex": 1})
    with pytest.raises(NotProven, match=r"the old secret stays.*since 2025-10-.*event e1 of device d1") as refused:
        house.rotate()
    assert refused.value.fix == ("python -m deploy rotate --emergency",)
    assert house.live() == [1, 2]
    assert house.rotate(emergency=True) == NOTHING_TO_DO
    assert house.is_finished(first)


def refused_after(house: House, seconds: float, match: str, **changes: Any) -> None:
    """Check that the old secret stays so long after the switch, and that an emergency removes it all the same."""
    (house.function.pass_a_day if seconds == 24 * HOUR_S else partial(house.function.advance, seconds))()
    deployment = house.deployment(**changes)
    with pytest.raises(NotProven, match=match) as refused:
        deployment.rotate()
    assert "python -m deploy rotate --emergency" in refused.value.fix
    assert house.note().startswith("keeping+")
    assert house.live() == [1, 2]
    assert deployment.rotate(emergency=True) == NOTHING_TO_DO
    assert house.note().startswith("done+")


def test_a_sensor_that_used_the_old_secret_hours_ago_but_after_dts_repetitions_keeps_it(house: House) -> None:
    house.rotate()
    house.function.load_s = 0.0
    house.function.advance(14 * HOUR_S)
    house.function.log({"eventId": "e1", "deviceId": "quiet", "secretIndex": 1})
    refused_after(house, 11 * HOUR_S, "event e1 of device quiet")


def test_what_dt_repeats_with_the_old_signature_within_its_time_does_not_keep_the_old_secret(house: House) -> None:
    house.rotate()
    house.function.load_s = 0.0
    house.function.advance(12 * HOUR_S)
    house.function.log({"eventId": "e1", "deviceId": "d1", "secretIndex": 1})
    house.function.advance(13 * HOUR_S)
    assert house.rotate() == NOTHING_TO_DO
    assert not house.note().startswith("keeping+")


def test_a_log_that_cannot_be_read_proves_nothing_so_the_old_secret_stays(house: House) -> None:
    house.rotate()
    house.stage.google.stumbles = [("logging read", "PERMISSION_DENIED: Permission 'logging.logEntries.list' denied")]
    refused_after(house, 24 * HOUR_S, r"log.*could not be read \(PERMISSION_DENIED\)")


def test_a_function_that_logs_no_delivered_event_proves_nothing_so_the_old_secret_stays(house: House) -> None:
    house.rotate()
    house.stage.google.things["functions", "dt-pubsub"]["serviceConfig"]["environmentVariables"]["LOG_LEVEL"] = "error"
    refused_after(house, 24 * HOUR_S, "with LOG_LEVEL=ERROR, the function does not log which secret")


@pytest.mark.parametrize("is_by_number", [False, True])
def test_a_connector_of_others_that_dt_shows_with_the_old_secret_keeps_it(house: House, *, is_by_number: bool) -> None:
    (first,) = house.signing()
    url = "https://dt-pubsub-123456789012.europe-west1.run.app" if is_by_number else f"{URL}/second"
    theirs = house.dt.has_connector(
        SECOND, status="USER_DISABLED", httpConfig={"url": url, "signatureSecret": first, "headers": {}}
    )
    house.rotate()
    assert theirs["httpConfig"]["signatureSecret"] == first
    refused_after(house, 24 * HOUR_S, rf"connector dc\d+ \(.somebody's.\) of {SECOND} has the old secret")


def test_a_project_that_dt_does_not_show_keeps_the_old_secret(house: House) -> None:
    house.rotate()
    del house.dt.connectors[SECOND]
    house.function.pass_a_day()
    deployment = house.stage.deployment()
    object.__setattr__(deployment.context, "sleep", house.function.advance)
    with pytest.raises(NotProven, match=f"DT does not show project {SECOND}.*may have the old secret"):
        deployment.rotate()
    assert house.live() == [1, 2]
    assert deployment.rotate(emergency=True) == NOTHING_TO_DO
    assert house.note().startswith("done+")


def test_while_google_lists_the_versions_late_every_verb_goes_by_the_number_in_the_note(house: House) -> None:
    house.rotate()
    (second,) = house.signing()
    house.stage.google.lists_versions_until = 1
    assert house.deployment().plan() == NOTHING_TO_DO
    house.dt.connectors[SECOND].clear()
    assert house.deployment().up(verify=False) == NOTHING_TO_DO
    assert house.signing() == {second}
    house.function.pass_a_day()
    assert house.rotate() == NOTHING_TO_DO
    assert house.signing() == {second}


@pytest.mark.parametrize("phase", ["adding", "spreading"])
def test_up_sends_the_old_secret_until_the_function_knows_the_new_one_everywhere(house: House, phase: str) -> None:
    (first,) = house.signing()
    house.stage.google.after = raising(lambda argv: argv[2:3] == ("add",))
    if phase == "spreading":
        house.stage.google.after = raising(lambda _: "spreading" in house.note())
    with pytest.raises(Killed):
        house.rotate()
    unhook(house)
    assert house.note().startswith(f"{phase}+")
    house.dt.connectors[SECOND].clear()
    assert house.deployment().up(verify=False) == NOTHING_TO_DO
    assert house.signing() == {first}
    house.function.advance(120)
    assert house.function.refusals == []
    house.function.pass_a_day()
    until_it_is_done(house)
    assert house.is_finished(first)


def test_up_sends_the_new_secret_once_the_connectors_are_being_switched(house: House) -> None:
    house.dt.before = raising(lambda request: request.method == "PATCH")
    with pytest.raises(Killed):
        house.rotate()
    unhook(house)
    assert house.note().startswith("switching+")
    house.dt.connectors[SECOND].clear()
    assert house.deployment().up(verify=False) == NOTHING_TO_DO
    (made,) = house.dt.connectors[SECOND]
    assert made["httpConfig"]["signatureSecret"] == house.versions[1].split()[0]


def test_up_does_all_else_and_verifies_while_the_old_secret_is_in_use_and_shows_what_is_left(house: House) -> None:
    house.rotate()
    house.function.pass_a_day()
    house.function.log({"eventId": "e1", "deviceId": "d1", "secretIndex": 1})
    changed = house.deployment(function={"memory": "1Gi"}, alerts=Alerts(emails=("a@example.com",)))
    assert changed.up(verify=False) == NOTHING_TO_DO
    steps = pending(tuple(house.stage.report.steps or ()))
    assert isinstance(steps[-1].call, OldSecretRemoval)
    assert house.stage.report.done == steps[:-1]
    assert [step.call for step in house.stage.report.left or ()] == [OldSecretRemoval()]
    assert "note: the old secret is left, and everything else is done" in house.stage.noted
    assert "event e1 of device d1" in house.stage.noted
    assert "these changes are still left:\n  secret dt-signature, the old secret" in house.stage.shown
    assert house.live() == [1, 2]


def test_if_dt_hides_secrets_the_functions_log_proves_the_new_one(house: House) -> None:
    (first,) = house.signing()
    house.dt.shows_secrets = False
    until_it_is_done(house)
    assert house.is_finished(first)
    assert house.stage.shown.count("proven by the secret") == 2


def test_a_connector_that_signs_with_the_old_secret_for_a_moment_is_asked_again(house: House) -> None:
    house.dt.shows_secrets = False
    old, sent = house.signing().copy().pop(), itertools.count()
    send = house.function.send

    def late(project: str, connector: Any, device: str, data: Any) -> None:
        is_first = device.startswith("emu") and next(sent) == 0
        secret = {"httpConfig": {"signatureSecret": old}} if is_first else {}
        send(project, {**connector, **secret}, device, data)

    house.function.send = late  # type: ignore[method-assign]
    assert house.rotate() == NOTHING_TO_DO
    assert "was not signed by the new secret yet; again in 5 s" in house.stage.noted
    assert house.function.refusals == []


def test_a_connector_that_goes_on_signing_with_the_old_secret_ends_the_rotation_before_it_is_refused(
    house: House,
) -> None:
    old = house.signing().copy().pop()
    send = house.function.send

    def never(project: str, connector: Any, device: str, data: Any) -> None:
        send(project, {**connector, "httpConfig": {"signatureSecret": old}}, device, data)

    house.function.send = never  # type: ignore[method-assign]
    with pytest.raises(NotProven, match="has the new secret, but DT does not sign with it yet"):
        house.rotate()
    assert house.note().startswith("switching+")
    assert house.function.refusals == []
    house.function.send = send  # type: ignore[method-assign]
    assert house.rotate() == NOTHING_TO_DO
    assert house.note().startswith("keeping+")


def test_a_command_that_was_killed_while_it_added_the_secret_is_waited_for_only_a_minute(house: House) -> None:
    house.stage.google.before = raising(lambda argv: argv[2:3] == ("add",))
    with pytest.raises(Killed):
        house.rotate()
    unhook(house)
    began_at = house.function.clock()
    assert house.rotate() == NOTHING_TO_DO
    assert "another command is adding the new secret: waiting for it, up to 60 s more" in house.stage.noted
    assert house.function.clock() - began_at < 60 + 165 + 130
    assert len(house.versions) == 2


def test_after_a_rotation_the_next_one_begins_anew(house: House) -> None:
    until_it_is_done(house)
    (second,) = house.signing()
    until_it_is_done(house)
    assert house.is_finished(second)
    assert len(house.versions) == 5


def test_a_list_shows_the_phase_of_a_rotation_until_it_is_done(house: House) -> None:
    house.rotate()
    house.deployment().list()
    assert "; a rotation of the secret is in its phase keeping" in house.stage.shown
    assert [found.rotation for found in house.stage.report.deployments or ()] == ["keeping"]
    house.rotate(emergency=True)
    house.deployment().list()
    assert [found.rotation for found in house.stage.report.deployments or ()] == [""]
