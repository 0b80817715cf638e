"""Which gcloud commands run, and which do not, because every command takes half a second."""

from collections import Counter
from pathlib import Path

import pytest

from deploy.errors import DeployError, NotProven
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import URL
from tests.deploy.stage import Stage
from tests.function.fakes import FakeClock


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def up(stage: Stage) -> Stage:
    """Return a complete deployment with an empty list of commands."""
    stage.deployment().up(verify=False)
    stage.google.asked.clear()
    return stage


def test_a_first_up_reads_only_function_service_and_secret_twice(stage: Stage) -> None:
    stage.deployment().up(verify=False)
    asked = Counter(argv for argv in stage.google.asked if argv[:2] != ("services", "list"))
    twice = sorted(argv[:3] for argv, times in asked.items() if times > 1)
    assert twice == [
        ("functions", "describe", "dt-pubsub"),
        ("run", "services", "describe"),
        ("run", "services", "get-iam-policy"),
        ("secrets", "describe", "dt-signature"),
    ]
    assert max(asked.values()) == 2
    assert len(stage.google.asked) == 39  # one is the token for what the profile of a first up reads by REST


def test_children_of_a_missing_resource_are_not_read(stage: Stage) -> None:
    stage.google.has_everything_on()
    stage.deployment().plan()
    assert not [argv for argv in stage.google.asked if argv[1:3] == ("topics", "get-iam-policy")]
    assert [argv[:3] for argv in stage.google.asked if argv[0] == "run"] == [
        ("run", "services", "describe"),
        ("run", "services", "get-iam-policy"),  # gcloud itself reports a missing service after any 404
    ]
    assert not [argv for argv in stage.google.asked if argv[:3] == ("secrets", "versions", "list")]


def test_a_second_up_only_reads_what_exists(up: Stage) -> None:
    up.deployment().up()
    groups = {argv[0] for argv in up.google.asked}
    assert groups == {"services", "iam", "pubsub", "secrets", "functions", "run", "config"}
    assert len(up.google.asked) == 18  # one is the token for the log's exclusions, which the cost depends on


def test_after_a_change_only_affected_resources_are_read_again(up: Stage) -> None:
    up.deployment(digest="d2").up(verify=False)
    deployed = next(place for place, argv in enumerate(up.google.asked) if argv[:2] == ("functions", "deploy"))
    assert sorted(argv[:3] for argv in up.google.asked[deployed + 1 :]) == [
        ("functions", "describe", "dt-pubsub"),
        ("run", "services", "describe"),
        ("run", "services", "get-iam-policy"),
        *(("secrets", "describe", "dt-signature"),) * 3,  # owner, notes of other commands, result
        ("secrets", "get-iam-policy", "dt-signature"),
        ("secrets", "update", "dt-signature"),
        ("secrets", "versions", "list"),
    ]


def test_a_proof_runs_only_the_commands_that_it_needs(up: Stage) -> None:
    with pytest.raises(NotProven):
        up.deployment().verify()
    first = [" ".join(argv[:3]) for argv in up.google.asked[:6]]
    assert sorted(first[:2]) == ["functions describe dt-pubsub", "secrets describe dt-signature"]
    assert first[2:4] == ["secrets versions list", "secrets versions access"]
    assert first[4:] == ["pubsub subscriptions list", "pubsub subscriptions create"]


def test_a_proof_fails_if_an_api_is_not_enabled(stage: Stage) -> None:
    stage.google.stumbles = [("functions describe", "PERMISSION_DENIED: SERVICE_DISABLED Cloud Functions API")]
    with pytest.raises(DeployError, match="nothing to verify yet"):
        stage.deployment().verify()


def test_down_does_not_read_resources_that_are_deleted_with_others(up: Stage) -> None:
    up.deployment().down()
    assert not [argv for argv in up.google.asked if "get-iam-policy" in argv or argv[0] == "run" or "versions" in argv]


def test_the_invoker_check_is_turned_off_again_after_a_deployment_turned_it_on(stage: Stage) -> None:
    stage.google.organization_policy = {"listPolicy": {"allValues": "DENY"}}
    stage.deployment().up(verify=False)
    stage.google.asked.clear()
    assert stage.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert [line.split()[:3] for line in stage.google.changes()] == [
        ["functions", "deploy", "dt-pubsub"],
        ["secrets", "update", "dt-signature"],
        ["run", "services", "update"],
    ]


def test_dt_gets_a_secret_that_was_added_during_up(stage: Stage) -> None:
    def rotate(argv: tuple[str, ...]) -> None:
        if argv[:3] == ("secrets", "versions", "list"):
            stage.google.before = lambda _: None
            stage.google.versions["dt-signature"].append("another" * 9)

    stage.google.before = rotate
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    (connector,) = stage.dt.connectors[DT_PROJECT]
    assert connector["httpConfig"]["signatureSecret"] == "another" * 9


def test_the_url_of_a_function_made_by_a_concurrent_up_is_read(stage: Stage) -> None:
    def overtake(argv: tuple[str, ...]) -> None:
        if argv[:2] == ("functions", "deploy"):
            stage.google.before = lambda _: None
            stage.google(argv, stdin=None, folder=Path(__file__).parent / "plans", timeout_s=1)
            stage.google.stumbles = [
                ("functions deploy", "ResponseError: status=[409], code=[Conflict] already exists")
            ]

    stage.google.before = overtake
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert stage.dt.connectors[DT_PROJECT][0]["httpConfig"]["url"] == URL


def test_up_waits_until_an_enabled_api_works_everywhere(stage: Stage) -> None:
    stage.google.has_everything_on()
    stage.google.stumbles = [
        (words, "SERVICE_DISABLED: has not been used") for words in ("functions describe", "secrets describe")
    ]
    assert stage.deployment().plan() == CHANGES
    assert stage.clock.seconds - FakeClock().seconds == 2
