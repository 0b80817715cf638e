"""The signature secret: one usable version, its labels, and annotations, none of which is lost."""

from typing import Any

import pytest

from deploy.resources.resource import answered
from deploy.resources.signature_secret import READ, SignatureSecret, newest_enabled, newest_version, unusable
from deploy.secret import Secret, SecretVersion
from deploy.steps import Change, GcloudCall
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

VERSION = "projects/1/secrets/dt-signature/versions"
OURS: dict[str, Any] = {
    "labels": {"dt-pubsub": "dt-pubsub"},
    "annotations": {"dt-pubsub-dt-projects": DT_PROJECT, "theirs": "stays"},
}
SECRET = SignatureSecret(spec())


def version(number: int, state: str = "ENABLED") -> dict[str, str]:
    return {"name": f"{VERSION}/{number}", "state": state}


def argv_of(call: object) -> tuple[str, ...]:
    assert isinstance(call, GcloudCall)
    return call.argv


def test_the_secret_is_created_with_a_first_version_from_standard_input() -> None:
    (step,) = SignatureSecret(spec(labels={"team": "cold-chain"})).plan({"secret": None})
    argv = (
        *("secrets", "create", "dt-signature", "--replication-policy=automatic"),
        *("--labels=dt-pubsub=dt-pubsub,team=cold-chain", f"--set-annotations=dt-pubsub-dt-projects={DT_PROJECT}"),
        *("--data-file=-", f"--project={PROJECT}"),
    )
    assert step.call == GcloudCall(argv, secret_on_stdin=True)


def test_the_versions_of_the_secret_are_listed_only_if_there_is_a_secret() -> None:
    versions = ("secrets", "versions", "list", "dt-signature", f"--project={PROJECT}")
    assert answered(SECRET.reads(), lambda query: query) == {"secret": SECRET.describe, "versions": versions}
    assert answered(SECRET.reads(), lambda _: None) == {"secret": None}


def test_labels_are_changed_without_the_annotations_and_beside_them_by_one_command() -> None:
    labelled = spec(labels={"team": "cold-chain"})
    facts = {"secret": OURS, "versions": [version(1)]}
    (step,) = SignatureSecret(labelled).plan(facts)
    labels = "--update-labels=dt-pubsub=dt-pubsub,team=cold-chain"
    assert (step.action, step.id, step.reason) == ("update", SECRET.id, "label team none -> cold-chain")
    assert step.call == GcloudCall(("secrets", "update", "dt-signature", labels, f"--project={PROJECT}"))
    (step,) = SignatureSecret(labelled, (SECOND,)).plan(facts)
    assert step.id == SECRET.id
    assert step.reason == f"label team none -> cold-chain; DT projects {DT_PROJECT} -> {DT_PROJECT}, {SECOND}"
    assert argv_of(step.call)[3:5] == (
        labels,
        f"--update-annotations=dt-pubsub-dt-projects={DT_PROJECT}+{SECOND},theirs=stays",
    )


@pytest.mark.parametrize(
    ("versions", "read", "reason"),
    [
        ([], None, "its newest version is not enabled"),
        ([version(1), version(2, "DISABLED")], None, "its newest version is not enabled"),
        ([version(1)], SecretVersion(1, (), ("it is empty",)), "the function cannot use version 1: it is empty"),
    ],
)
def test_a_version_is_added_if_the_newest_cannot_be_used(versions: list[Any], read: object, reason: str) -> None:
    (step,) = SECRET.plan({"secret": OURS, "versions": versions, READ: read})
    assert step.resource == "secret dt-signature, a version"
    assert step.id.whole == SECRET.id
    assert step.reason.startswith(reason)
    argv = ("secrets", "versions", "add", "dt-signature", "--data-file=-", f"--project={PROJECT}")
    assert step.call == GcloudCall(argv, secret_on_stdin=True)


def test_a_usable_version_is_kept_and_its_ignored_lines_are_shown() -> None:
    read = SecretVersion(2, (Secret("s" * 64),), ("line 2 is too short",))
    (step,) = SECRET.plan({"secret": OURS, "versions": [version(2), version(1)], READ: read})
    assert step.action == "keep"
    assert step.reason == "version 2 is enabled; the function ignores a part of it: line 2 is too short"
    read = SecretVersion(2, (Secret("s" * 64),), ())
    (step,) = SECRET.plan({"secret": OURS, "versions": [version(2)], READ: read})
    assert step.reason == "version 2 is enabled"


def test_a_newly_named_dt_project_is_added_to_the_remembered_ones_and_other_annotations() -> None:
    secret = SignatureSecret(spec(), (SECOND,))
    (step,) = secret.plan({"secret": OURS, "versions": [version(1)]})
    assert step.reason == f"DT projects {DT_PROJECT} -> {DT_PROJECT}, {SECOND}"
    annotations = f"dt-pubsub-dt-projects={DT_PROJECT}+{SECOND},theirs=stays"
    assert f"--update-annotations={annotations}" in argv_of(step.call)


@pytest.mark.parametrize(("known", "noted"), [("17", "17"), ("", "<its number>")])
def test_an_upload_is_remembered_by_its_number_as_soon_as_it_is_known(known: str, noted: str) -> None:
    step = SECRET.remember({"secret": OURS}, known, "16")
    assert (step.resource, step.reason) == (
        "secret dt-signature, record of the deployed source",
        f"number of the deployed source 16 -> {noted}",
    )
    assert isinstance(step.call, GcloudCall)
    assert step.call.names_upload is not bool(known)


PAUSED_AT, RESUMED_AT = "2026-11-02T08:13:15Z", "2026-11-03T08:13:15Z"
CONNECTOR = f"{DT_PROJECT}/dc1"


@pytest.mark.parametrize(
    ("before", "since", "resumed_at", "after"),
    [
        (None, {CONNECTOR: PAUSED_AT}, "", f"{CONNECTOR}@{PAUSED_AT}"),
        (f"{CONNECTOR}@{PAUSED_AT}", {}, RESUMED_AT, f"none@{RESUMED_AT}@{PAUSED_AT}"),
        (None, {}, RESUMED_AT, f"none@{RESUMED_AT}"),
    ],
)
def test_a_pause_and_its_end_are_remembered_beside_all_other_annotations(
    before: str | None, since: dict[str, str], resumed_at: str, after: str
) -> None:
    paused = {"dt-pubsub-paused": before} if before else {}
    facts = {"secret": {**OURS, "annotations": {"theirs": "stays", **paused}}}
    step = SECRET.remember_paused(facts, since, resumed_at)
    assert step.resource == "secret dt-signature, record of the pause"
    assert step.changes == (Change("paused since", before or "none", after),)
    annotations = f"--update-annotations=dt-pubsub-paused={after},theirs=stays"
    argv = ("secrets", "update", "dt-signature", annotations, f"--project={PROJECT}")
    assert step.call == GcloudCall(argv, annotations={"dt-pubsub-paused": after})


def test_a_connector_that_is_made_paused_is_remembered_beside_the_dt_projects_of_the_same_plan() -> None:
    made = f"{SECOND}/new"
    secret = SignatureSecret(spec(), (SECOND,))
    step = secret.remember_made_paused({"secret": OURS}, {CONNECTOR: PAUSED_AT, made: PAUSED_AT})
    after = f"{made}@{PAUSED_AT}+{CONNECTOR}@{PAUSED_AT}"
    assert step.changes == (Change("paused since", "none", after),)
    assert argv_of(step.call)[3] == (
        f"--update-annotations=dt-pubsub-dt-projects={DT_PROJECT}+{SECOND},dt-pubsub-paused={after},theirs=stays"
    )


def test_the_newest_version_is_the_one_with_the_highest_number() -> None:
    facts = {"versions": [version(9), version(10, "enabled"), version(2)]}
    assert newest_version(facts) == version(10, "enabled")
    assert newest_enabled(facts) == "10"
    assert newest_enabled({"versions": [version(10, "DESTROYED"), version(9)]}) == ""
    assert newest_version({"versions": None}) is None
    assert unusable({}) == ""
