"""The estimate of a build: from the last one, without a precision that it does not have."""

import pytest

from deploy.google.builds import USUALLY, estimate, roughly
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.fakes.gcloud import REGION, FakeGcloud, gcloud_alone
from tests.deploy.stage import Stage, spec

BUILT = {"buildConfig": {"build": f"projects/1/locations/{REGION}/builds/b7"}}
TIMES = {"startTime": "2026-11-02T08:13:15.361624123Z", "finishTime": "2026-11-02T08:15:29Z"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "some seconds"),
        (9.9, "some seconds"),
        (41, "about 40 s"),
        (89, "about 90 s"),
        (90, "about 2 min"),
        (134, "about 2 min"),
        (275, "about 5 min"),
    ],
)
def test_a_duration_is_rounded(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


def test_the_last_build_is_the_estimate_of_the_next() -> None:
    google = FakeGcloud(last_build=TIMES)
    assert estimate(gcloud_alone(google), spec(), BUILT) == "the last build took about 2 min"
    assert google.asked == [
        ("builds", "describe", "b7", f"--region={REGION}", "--project=cold-chain-prod", "--format=json")
    ]


@pytest.mark.parametrize("build", [{}, {"startTime": TIMES["startTime"]}, {**TIMES, "finishTime": "soon"}])
def test_a_build_that_cannot_be_read_gives_only_what_is_usual(build: dict[str, str]) -> None:
    assert estimate(gcloud_alone(FakeGcloud(last_build=build)), spec(), BUILT) == USUALLY


def test_a_build_that_must_not_be_read_gives_only_what_is_usual() -> None:
    google = FakeGcloud(stumbles=[("builds describe", "PERMISSION_DENIED: you may not")])
    assert estimate(gcloud_alone(google), spec(), BUILT) == USUALLY


def test_without_a_build_nothing_is_read() -> None:
    google = FakeGcloud()
    assert estimate(gcloud_alone(google), spec(), {}) == USUALLY
    assert google.asked == []


def test_up_shows_what_to_expect_of_the_build_and_of_nothing_else(stage: Stage) -> None:
    stage.google.last_build = TIMES
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert f"  create function dt-pubsub ({USUALLY}) ...\n" in stage.noted
    assert stage.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert "  update function dt-pubsub (the last build took about 2 min) ...\n" in stage.noted
    assert stage.noted.count(" took ") + stage.noted.count(USUALLY) == 2


def test_an_up_without_a_build_reads_no_build(up: Stage) -> None:
    up.deployment(retention="1d").up(verify=False)
    assert not [argv for argv in up.google.asked if argv[0] == "builds"]
