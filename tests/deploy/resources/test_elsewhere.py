"""Functions that are left in other regions: they are deleted when no connector can post to them."""

from deploy.resources.elsewhere import Elsewhere
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.dt import SECOND
from tests.deploy.fakes.gcloud import PROJECT, REGION, new_function
from tests.deploy.stage import Stage, spec

ELSEWHERE = ("functions in us-central1", "dt-pubsub")
FUNCTION = ("functions", "dt-pubsub")
MARK = {"dt-pubsub": "dt-pubsub"}


def test_a_function_in_the_old_region_is_deleted_after_the_connector_points_to_the_new_one(
    up: Stage,
) -> None:
    up.google.things[ELSEWHERE] = {**new_function(region="us-central1"), "labels": MARK}
    assert up.deployment().plan() == CHANGES
    assert "gcloud functions delete dt-pubsub --gen2 --region=us-central1" in up.shown
    assert up.deployment().up(verify=False) == NOTHING_TO_DO
    assert ELSEWHERE not in up.google.things
    assert FUNCTION in up.google.things


def test_down_removes_the_functions_of_all_regions_and_leaves_those_of_others(up: Stage) -> None:
    up.google.things[ELSEWHERE] = {**new_function(region="us-central1"), "labels": MARK}
    up.google.things["functions in us-east1", "dt-pubsub"] = new_function(region="us-east1")
    up.google.things["functions in us-east1", "another"] = {**new_function("another", "us-east1"), "labels": MARK}
    up.deployment().down()
    assert sorted(up.google.things) == [("functions in us-east1", "another"), ("functions in us-east1", "dt-pubsub")]


def test_a_function_elsewhere_stays_while_a_remembered_dt_project_may_post_to_it(two: Stage) -> None:
    two.google.things[ELSEWHERE] = {**new_function(region="us-central1"), "labels": MARK}
    assert two.deployment().plan() == NOTHING_TO_DO
    assert f"is left, as connectors in {SECOND} may post to it" in two.shown


def test_all_regions_are_read_with_one_command(up: Stage) -> None:
    up.deployment().plan()
    listed = [argv for argv in up.google.asked if argv[:2] == ("functions", "list")]
    assert len(listed) == 1
    assert REGION not in " ".join(listed[0])


def test_a_part_is_named_by_its_region_and_owned_as_the_function_there_is() -> None:
    elsewhere = Elsewhere(spec())
    listed = [{**new_function(region=region), "labels": MARK} for region in ("us-east1", REGION, "asia-east1")]
    old = {**new_function(region="us-west1"), "labels": MARK, "environment": "GEN_1"}
    steps = elsewhere.removal({"functions": [*listed, old, new_function(region="us-west2")]})
    assert [step.id.part for step in steps] == ["asia-east1", "us-east1"]
    assert steps[0].resource == "function in region asia-east1"
    assert steps[0].reason == f"marked dt-pubsub=dt-pubsub, and the region is {REGION} now"
    listed_by = ("functions", "list", "--v2", "--filter=labels.dt-pubsub=dt-pubsub", f"--project={PROJECT}")
    assert (elsewhere.title, elsewhere.describe) == ("functions in other regions", listed_by)
    described = elsewhere.owner(steps[0].id).describe
    assert isinstance(described, tuple)
    assert described[-2:] == ("--region=asia-east1", f"--project={PROJECT}")
    assert elsewhere.plan({"functions": listed}) == ()
