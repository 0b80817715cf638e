"""Which revision answers: the step of a rollback, and the step that ends it."""

from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.resources.function import Function
from deploy.resources.traffic import back_to_newest, list_revisions, newest_ready, pinned_to, plan_rollback, split_words
from deploy.steps import Change, Step
from tests.deploy.fakes.gcloud import PROJECT, new_revision
from tests.deploy.stage import spec

SERVED = {
    "environmentVariables": spec().environment,
    "secretVolumes": [
        {"mountPath": "/secrets", "secret": "dt-signature", "versions": [{"path": "dt-signature", "version": "latest"}]}
    ],
}
FIRST, SECOND, THIRD = (new_revision("dt-pubsub", number, SERVED) for number in (1, 2, 3))
LATEST = {"latestRevision": True, "percent": 100}
ON = "dt-pubsub-0000{}-abc".format


def service(*traffic: dict[str, Any], ready: int = 3, created: int = 3) -> dict[str, Any]:
    status = {"latestReadyRevisionName": ON(ready), "latestCreatedRevisionName": ON(created)}
    return {"spec": {"traffic": list(traffic or [LATEST])}, "status": status}


def pinned(number: int) -> dict[str, Any]:
    return service({"revisionName": ON(number), "percent": 100})


def rollback(found: dict[str, Any], *revisions: dict[str, Any], wanted: str = "") -> Step:
    return plan_rollback(spec(), Function(spec()).id, found, revisions or (SECOND, THIRD, FIRST), wanted)


def test_a_rollback_sends_all_requests_to_the_revision_before() -> None:
    step = rollback(service())

    assert step.action == "update"
    assert step.resource == "function dt-pubsub, traffic"
    assert step.call
    assert step.call.line() == (
        "gcloud run services update-traffic dt-pubsub --to-revisions=dt-pubsub-00002-abc=100 --region=europe-west1 "
        f"--project={PROJECT}"
    )
    assert step.reason == (
        "dt-pubsub-00003-abc -> dt-pubsub-00002-abc (made 2026-11-02 08:13 UTC); "
        "it reads the newest version of the secret"
    )


def test_a_rollback_that_ends_a_split_says_so() -> None:
    split = service({"revisionName": ON(2), "percent": 10, "tag": "old"}, {**LATEST, "percent": 90})
    tagged = service(LATEST, {"revisionName": ON(2), "tag": "old"})
    assert rollback(split, wanted=ON(1)).reason.endswith(
        f"; this ends the split of the requests that was made by hand: {ON(2)} 10 %, the newest revision 90 %"
    )
    assert "split" not in rollback(tagged, wanted=ON(1)).reason
    assert split_words(None) == ""
    assert rollback(split, wanted=ON(1)).changes == (Change("traffic", split_words(split), ON(1)),)
    assert rollback(tagged, wanted=ON(1)).changes == (Change("traffic", ON(3), ON(1)),)


def test_shares_of_one_revision_are_one_share() -> None:
    half = {"revisionName": ON(2), "percent": 50}
    assert (pinned_to(service(half, half)), split_words(service(half, half))) == (ON(2), "")


@pytest.mark.parametrize("whole", [{"percent": 100}, {"percent": 100, "revisionName": ""}])
def test_a_share_that_names_no_revision_is_that_of_the_newest(whole: dict[str, Any]) -> None:
    assert pinned_to(service(whole)) == ""
    assert rollback(service(whole)).changes == (Change("traffic", ON(3), ON(2)),)


@pytest.mark.parametrize("nothing", [None, {}, {"spec": None, "status": None}, {"spec": {"traffic": None}}])
def test_a_service_of_which_google_shows_nothing_is_neither_pinned_nor_split(nothing: Any) -> None:
    assert (pinned_to(nothing), newest_ready(nothing), split_words(nothing)) == ("", "", "")
    with pytest.raises(DeployError) as refused:
        rollback(nothing or {}, FIRST)
    assert (refused.value.what, refused.value.where) == (
        "there is no revision before the newest that could answer",
        "rollback",
    )


@pytest.mark.parametrize("without", ["metadata", "spec", "status"])
def test_a_revision_of_which_google_does_not_show_all_is_passed_over(without: str) -> None:
    part = {key: value for key, value in SECOND.items() if key != without}
    assert rollback(service(), FIRST, part, THIRD).changes[0].new == ON(1)
    assert rollback(service(), FIRST, {**SECOND, without: {}}, THIRD).changes[0].new == ON(1)


def test_a_revision_is_shown_with_its_version_if_google_shows_it() -> None:
    labelled = {**SECOND, "metadata": {**SECOND["metadata"], "labels": {"dt-pubsub-version": "1-0-0"}}}
    assert "(version 1.0.0, made 2026-11-02 08:13 UTC)" in rollback(service(), labelled, THIRD, FIRST).reason


def changed(revision: dict[str, Any], **served: Any) -> dict[str, Any]:
    number = int(revision["metadata"]["name"].split("-")[2])
    return new_revision("dt-pubsub", number, {**SERVED, **served})


PINNED_SECRET = [
    {"mountPath": "/secrets", "secret": "dt-signature", "versions": [{"path": "dt-signature", "version": "3"}]}
]
FAULTS = [
    (new_revision("dt-pubsub", 2, SERVED, ready=False), "did not start"),
    (changed(SECOND, secretVolumes=PINNED_SECRET), "reads version 3 of the secret, not the newest"),
    (changed(SECOND, secretVolumes=[]), "does not read the secret"),
    (
        changed(SECOND, environmentVariables={**spec().environment, "PUBSUB_TOPIC": "projects/p/topics/old"}),
        "publishes elsewhere: PUBSUB_TOPIC is projects/p/topics/old",
    ),
]


@pytest.mark.parametrize(("faulty", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_a_revision_that_cannot_answer_dt_is_passed_over_and_refused_by_name(faulty: Any, fault: str) -> None:
    assert rollback(service(), FIRST, faulty, THIRD).changes[0].new == ON(1)
    with pytest.raises(DeployError) as refused:
        rollback(service(), FIRST, faulty, THIRD, wanted=ON(2))
    assert (refused.value.where, refused.value.what) == (f"revision {ON(2)}", fault)
    assert refused.value.fix == (f"python -m deploy up --rollback={ON(1)}",)
    with pytest.raises(DeployError) as refused:
        rollback(service(), faulty, THIRD)
    assert refused.value.what == f"there is no revision before {ON(3)} that could answer:\n  {ON(2)} {fault}"


def test_without_an_earlier_revision_the_error_says_what_to_do() -> None:
    with pytest.raises(DeployError, match="there is no revision before") as refused:
        rollback(service(ready=1, created=1), FIRST)
    assert refused.value.fix == ("check out the version that worked, then python -m deploy up",)


def test_a_second_rollback_does_not_go_further_back() -> None:
    step = rollback(pinned(2))
    assert step.action == "keep"
    assert step.reason == (
        "is rolled back already: revision dt-pubsub-00002-abc answers all requests; "
        "--rollback=REVISION goes further back"
    )


def test_a_deployment_that_did_not_start_needs_no_rollback() -> None:
    for traffic in (LATEST, {"revisionName": ON(2), "percent": 100}):
        found = service(traffic, ready=2)
        step = rollback(found, FIRST, SECOND, new_revision("dt-pubsub", 3, SERVED, ready=False))
        assert step.action == "keep"
        assert step.reason == (
            "the newest deployment did not start, so revision dt-pubsub-00002-abc still answers; "
            "--rollback=REVISION goes back"
        )


def test_a_revision_can_be_named() -> None:
    assert rollback(service(), wanted=ON(1)).changes[0].new == ON(1)
    assert rollback(pinned(2), wanted=ON(1)).changes[0].new == ON(1)
    kept = rollback(pinned(1), wanted=ON(1))
    assert (kept.action, kept.reason) == (
        "keep",
        "revision dt-pubsub-00001-abc (made 2026-11-01 08:13 UTC) answers all requests already",
    )


def test_an_unknown_name_is_answered_with_the_known_ones_and_the_newest_with_up() -> None:
    with pytest.raises(DeployError, match="no such revision") as refused:
        rollback(service(), wanted="dt-pubsub-00009-abc")
    assert refused.value.fix == tuple(f"python -m deploy up --rollback={ON(number)}" for number in (2, 1))
    with pytest.raises(DeployError, match="is the newest") as newest:
        rollback(service(), wanted=ON(3))
    assert newest.value.fix == ("python -m deploy up",)


def test_of_a_split_the_newest_part_is_rolled_back() -> None:
    half = service({"revisionName": ON(1), "percent": 50}, {"revisionName": ON(2), "percent": 50})
    assert rollback(half).changes[0].new == ON(1)
    assert rollback(service({"revisionName": ON(1), "percent": 90}, {**LATEST, "percent": 10})).changes[0].new == ON(2)


def test_only_a_pin_of_all_requests_is_ended() -> None:
    name = Function(spec()).id
    assert back_to_newest(spec(), name, service()) == ()
    assert back_to_newest(spec(), name, None) == ()
    assert (
        back_to_newest(spec(), name, service({"revisionName": ON(1), "percent": 50}, {**LATEST, "percent": 50})) == ()
    )
    (step,) = back_to_newest(spec(), name, pinned(2))
    assert step.call
    assert "update-traffic dt-pubsub --to-latest" in step.call.line()
    assert (
        step.reason
        == "rolled back: revision dt-pubsub-00002-abc answers all requests; this step sends them to the newest one"
    )
    (step,) = back_to_newest(spec(), name, pinned(3))
    assert step.reason == (
        "all requests are pinned to revision dt-pubsub-00003-abc, so that a later deployment would get none"
    )
    assert step.changes == (Change("traffic", "dt-pubsub-00003-abc", "the newest revision"),)
    assert (step.action, step.resource) == ("update", "function dt-pubsub, traffic")


def test_a_tag_without_requests_does_not_count() -> None:
    tagged = service(LATEST, {"revisionName": ON(1), "tag": "old"})
    assert pinned_to(tagged) == ""
    assert pinned_to(service({"revisionName": ON(1), "percent": 100}, {"latestRevision": True, "tag": "new"})) == ON(1)


def test_the_revisions_of_the_service_are_listed_in_its_region() -> None:
    assert " ".join(list_revisions(spec())) == (
        f"run revisions list --service=dt-pubsub --region=europe-west1 --project={PROJECT}"
    )


def test_a_revision_that_cannot_be_taken_is_named_with_those_that_can() -> None:
    other = f"python -m deploy up --rollback={ON(1)}"
    refusals = {
        "dt-pubsub-00009-abc": ("there is no such revision", (f"python -m deploy up --rollback={ON(2)}", other)),
        ON(3): ("is the newest: up sends the requests to it", ("python -m deploy up",)),
    }
    for wanted, (what, fix) in refusals.items():
        with pytest.raises(DeployError) as refused:
            rollback(service(), wanted=wanted)
        assert refused.value.where == f"revision {wanted}"
        assert (refused.value.what, tuple(refused.value.fix)) == (what, fix)
