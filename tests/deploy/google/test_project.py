"""A project that the caller does not see is named as such, instead of a permission that is missing on it."""

from collections.abc import Callable

import pytest

from deploy.errors import DeployError, GcloudFailed
from deploy.google.project import Invisible, explained
from deploy.google.pubsub_api import PubSubFailed
from tests.deploy.fakes.gcloud import PROJECT, FakeGcloud, Refused
from tests.deploy.stage import Stage

DENIED = GcloudFailed("PERMISSION_DENIED", "you may not", where="gcloud functions describe", fix=["gcloud x"])


@pytest.mark.parametrize("error", [DENIED, PubSubFailed(403, "403", where="x"), PubSubFailed(404, "404", where="x")])
def test_a_refusal_on_a_project_that_is_not_visible_is_explained(stage: Stage, error: DeployError) -> None:
    google = stage.deployment().context.google
    assert explained(error, google, PROJECT) is error
    better = explained(error, google, "wrong-project")
    assert isinstance(better, Invisible)
    assert str(better) == (
        "project wrong-project: does not exist, or you have no access to it\n  look at: gcloud projects list"
    )


def unanswered(google: FakeGcloud) -> None:
    def refuse(_: tuple[str, ...]) -> None:
        raise Refused("INTERNAL: something else")

    google.before = refuse


@pytest.mark.parametrize(
    ("error", "project", "prepare"),
    [
        (GcloudFailed("UNAVAILABLE", "503", where="x"), "wrong-project", lambda _: None),
        (PubSubFailed(503, "503", where="x"), "wrong-project", lambda _: None),
        (DENIED, "", lambda _: None),
        (DENIED, "wrong-project", unanswered),
    ],
    ids=["another error", "another status", "no project", "not known"],
)
def test_any_other_error_stays(
    stage: Stage, error: DeployError, project: str, prepare: Callable[[FakeGcloud], None]
) -> None:
    google = stage.deployment().context.google
    prepare(stage.google)
    assert explained(error, google, project) is error
