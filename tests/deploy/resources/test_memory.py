"""The memory of a deployment between two runs: its DT projects, and the upload that it deployed."""

import pytest

from deploy.resources.memory import Memory, deployed_upload, paused_words, read_memory
from deploy.steps import Argv
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.stage import Stage, spec

FUNCTION = ("functions", "dt-pubsub")


def test_a_source_that_others_deployed_under_our_label_is_detected_and_replaced(up: Stage) -> None:
    up.google.things[FUNCTION]["buildConfig"]["source"]["storageSource"]["generation"] = "1790009999"
    assert up.deployment().plan() == CHANGES
    assert "source another upload (1790009999) -> d1" in up.shown
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(up.google.uploaded) == 2
    assert up.deployment().plan() == NOTHING_TO_DO


def test_an_upload_that_is_not_remembered_is_noted_without_another_deployment(up: Stage) -> None:
    del up.google.things["secrets", "dt-signature"]["annotations"]["dt-pubsub-deployed"]
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert len(up.google.uploaded) == 1
    assert up.google.things["secrets", "dt-signature"]["annotations"]["dt-pubsub-deployed"] == "1790000001"


def test_an_upload_without_a_number_is_not_compared(up: Stage) -> None:
    del up.google.things[FUNCTION]["buildConfig"]["source"]
    assert up.deployment().plan() == NOTHING_TO_DO


def test_the_dt_projects_are_remembered_before_a_connector_is_made(stage: Stage) -> None:
    def seen(argv: Argv) -> None:
        if argv[:2] != ("functions", "deploy"):
            return
        annotations = stage.google.things["secrets", "dt-signature"]["annotations"]
        assert annotations["dt-pubsub-dt-projects"] == DT_PROJECT
        assert stage.dt.connectors[DT_PROJECT] == []

    stage.google.before = seen
    stage.deployment().up(verify=False)
    assert len(stage.dt.connectors[DT_PROJECT]) == 1


def test_a_dt_project_without_connectors_is_forgotten(two: Stage) -> None:
    two.dt.connectors[SECOND].clear()
    assert two.deployment().up(verify=False) == NOTHING_TO_DO
    assert two.google.things["secrets", "dt-signature"]["annotations"]["dt-pubsub-dt-projects"] == DT_PROJECT
    two.dt.asked.clear()
    two.deployment().plan()
    assert not [asked for asked in two.dt.asked if SECOND in asked.path]


def test_annotations_of_others_stay_although_gcloud_drops_omitted_ones(up: Stage) -> None:
    annotations = up.google.things["secrets", "dt-signature"]["annotations"]
    annotations["rotation"] = "begun, 1 of 2"
    up.dt.connectors[SECOND] = []
    assert up.deployment(dt_projects=(DT_PROJECT, SECOND), digest="d2").up(verify=False) == NOTHING_TO_DO
    assert up.google.things["secrets", "dt-signature"]["annotations"] == {
        "rotation": "begun, 1 of 2",
        "dt-pubsub-dt-projects": f"{DT_PROJECT}+{SECOND}",
        "dt-pubsub-deployed": "1790000002",
    }


def test_a_remembered_text_that_is_not_a_dt_project_id_is_ignored(up: Stage) -> None:
    annotations = up.google.things["secrets", "dt-signature"]["annotations"]
    annotations["dt-pubsub-dt-projects"] = f"-+../organizations/o+{DT_PROJECT}"
    up.dt.asked.clear()
    up.deployment().down()
    assert {request.path.split("/")[2] for request in up.dt.asked} == {DT_PROJECT}


def test_annotations_count_only_on_the_secret_of_this_deployment() -> None:
    annotations = {"dt-pubsub-dt-projects": "p1+p2+-+a/b", "dt-pubsub-deployed": "17"}
    ours = {"annotations": annotations, "labels": {"dt-pubsub": "dt-pubsub"}}
    assert read_memory(spec(), {"secret": ours}) == Memory(("p1", "p2"), "17")
    assert read_memory(spec(), {"secret": {**ours, "labels": {}}}) == Memory()
    assert read_memory(spec(), {"secret": None}) == Memory()


PAUSED_AT, RESUMED_AT = "2026-11-02T08:13:15Z", "2026-11-03T08:13:15Z"


@pytest.mark.parametrize(
    ("memory", "written"),
    [
        (Memory(), "none"),
        (
            Memory(paused_since={"p2/dc1": RESUMED_AT, "p1/dc2": PAUSED_AT}),
            f"p1/dc2@{PAUSED_AT}+p2/dc1@{RESUMED_AT}",
        ),
        (Memory(resumed_at=RESUMED_AT), f"none@{RESUMED_AT}"),
        (Memory(resumed_at=RESUMED_AT, was_paused_at=PAUSED_AT), f"none@{RESUMED_AT}@{PAUSED_AT}"),
    ],
)
def test_a_pause_or_its_end_is_written_into_one_annotation_and_read_again(memory: Memory, written: str) -> None:
    assert paused_words(memory.paused_since, memory.resumed_at, memory.was_paused_at) == written
    ours = {"annotations": {"dt-pubsub-paused": written}, "labels": {"dt-pubsub": "dt-pubsub"}}
    assert read_memory(spec(), {"secret": ours}) == memory


@pytest.mark.parametrize("written", ["yesterday", "p1/dc2", f"p1/dc2@{PAUSED_AT}Z", f"none@{PAUSED_AT}@", "none@none"])
def test_a_note_of_a_pause_that_the_command_has_not_written_is_ignored(written: str) -> None:
    ours = {"annotations": {"dt-pubsub-paused": written}, "labels": {"dt-pubsub": "dt-pubsub"}}
    assert read_memory(spec(), {"secret": ours}) == Memory()


@pytest.mark.parametrize(
    ("built", "upload"),
    [
        ({"source": {"storageSource": {"generation": "17"}}}, "17"),
        ({"sourceProvenance": {"resolvedStorageSource": {"generation": 18}}}, "18"),
        ({}, ""),
    ],
)
def test_an_upload_is_known_by_its_generation(built: dict[str, object], upload: str) -> None:
    assert deployed_upload({"buildConfig": built}) == upload
