"""Changing an annotation of the secret keeps all others, and never overwrites what another command has written."""

from typing import Any

import pytest

from deploy.errors import DeployError, GcloudFailed
from deploy.google.secret_annotations import MAX_ATTEMPTS, SecretAnnotations, other_flags
from deploy.steps import Argv
from tests.deploy.fakes.gcloud import gcloud_alone
from tests.deploy.stage import Stage, spec

SECRET = ("secrets", "dt-signature")


def of(stage: Stage) -> SecretAnnotations:
    return SecretAnnotations(spec(), gcloud_alone(stage.google, sleep=stage.clock.advance), stage.clock.advance)


def there(stage: Stage) -> dict[str, str]:
    found: dict[str, Any] = stage.google.things[SECRET]
    annotations: dict[str, str] = found["annotations"]
    return annotations


def test_a_change_keeps_the_annotations_of_others(up: Stage) -> None:
    there(up)["team"] = "a,b; c=d"
    of(up).change({"mine": "1"})
    assert there(up)["team"] == "a,b; c=d"
    assert there(up)["mine"] == "1"
    assert any(word.startswith("--etag=") for word in up.google.asked[-1])


def test_a_change_of_another_command_between_reading_and_writing_is_kept(up: Stage) -> None:
    def interfere(argv: Argv) -> None:
        if argv[:2] == ("secrets", "update"):
            up.google.before = lambda _: None
            of(up).change({"theirs": "2"})

    up.google.before = interfere
    of(up).change({"mine": "1"})
    assert (there(up)["mine"], there(up)["theirs"]) == ("1", "2")


def test_a_secret_that_changes_all_the_time_is_an_error_after_a_few_attempts(up: Stage) -> None:
    def interfere(argv: Argv) -> None:
        if argv[:2] == ("secrets", "update"):
            up.google.things[SECRET]["etag"] = f'"9{len(up.google.asked)}"'

    up.google.before = interfere
    with pytest.raises(GcloudFailed, match=f"other commands changed it {MAX_ATTEMPTS} times in a row"):
        of(up).change({"mine": "1"})


def test_a_change_whose_answer_was_lost_counts_as_made(up: Stage) -> None:
    def lose(argv: Argv) -> None:
        if argv[:2] == ("secrets", "update"):
            up.google.after = lambda _: None
            raise GcloudFailed("TIMEOUT", "did not end within 600 s", where="gcloud secrets update")

    up.google.after = lose
    assert of(up).replace(of(up).read(), {"mine": "1"})
    assert there(up)["mine"] == "1"


def test_a_refusal_for_another_reason_is_that_error(up: Stage) -> None:
    up.google.stumbles = [("secrets update", "PERMISSION_DENIED: Permission 'secretmanager.secrets.update' denied")]
    with pytest.raises(GcloudFailed, match=r"secretmanager\.secrets\.update"):
        of(up).change({"mine": "1"})


def test_a_secret_that_is_absent_or_not_ours_is_not_touched(up: Stage) -> None:
    up.google.things[SECRET]["labels"] = {}
    with pytest.raises(DeployError, match="does not have the label dt-pubsub=dt-pubsub"):
        of(up).change({"mine": "1"})
    del up.google.things[SECRET]
    with pytest.raises(DeployError, match="is not there"):
        of(up).change({"mine": "1"})
    assert up.google.changes() == []


def test_the_other_flags_of_a_command_go_with_the_change() -> None:
    argv = ("secrets", "update", "s", "--update-labels=a=b", "--update-annotations=c=d", "--project=p")
    assert other_flags(argv) == ("--update-labels=a=b",)
