"""The signature secret: one usable version, its labels, and annotations, none of which is lost."""

from typing import Any

import pytest

from deploy.resources.signature_secret import READ, SignatureSecret, newest_enabled, newest_version, unusable
from deploy.secret import Secret, SecretVersion
from deploy.steps import GcloudCall
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
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
    (step,) = SECRET.plan({"secret": None})
    assert isinstance(step.call, GcloudCall)
    assert step.call.secret_on_stdin
    assert f"--set-annotations=dt-pubsub-dt-projects={DT_PROJECT}" in step.call.argv
    assert "--data-file=-" in step.call.argv


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
    assert argv_of(step.call)[:4] == ("secrets", "versions", "add", "dt-signature")


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


def test_the_newest_version_is_the_one_with_the_highest_number() -> None:
    facts = {"versions": [version(9), version(10, "enabled"), version(2)]}
    assert newest_version(facts) == version(10, "enabled")
    assert newest_enabled(facts) == "10"
    assert newest_enabled({"versions": [version(10, "DESTROYED"), version(9)]}) == ""
    assert newest_version({"versions": None}) is None
    assert unusable({}) == ""
