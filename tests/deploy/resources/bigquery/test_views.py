"""The views: those that are missing or of another version are made by one script, where the dataset is."""

from typing import Any

import pytest

from deploy.bigquery.blueprint import VIEWS
from deploy.errors import DeployError
from deploy.resources.bigquery.views import Views
from deploy.spec import Warehouse
from deploy.steps import Change, Get, ResourceId, RestCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

API = f"https://bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}"
VIEWS_OF_SENSORS = Views(spec(bigquery=Warehouse("sensors")))
MARK = {"dt-pubsub": "dt-pubsub"}
DIGESTS = {view.name: view.digest(VIEWS_OF_SENSORS.place, MARK) for view in VIEWS}
EVENTS = {"tableReference": {"tableId": "events"}, "labels": MARK}


def listed(**labels: dict[str, str] | None) -> dict[str, Any]:
    """Return the answer with all views as they should be, but for the labels of these; None if one is missing."""
    all_labels = {name: {**MARK, "dt-pubsub-digest": digest} for name, digest in DIGESTS.items()} | labels
    tables = [{"tableReference": {"tableId": name}, "labels": some} for name, some in all_labels.items() if some]
    return {"tables": [EVENTS, *tables], "dataset": {"location": "EU"}}


def test_all_tables_of_the_dataset_are_listed_and_the_dataset_is_read_for_its_location() -> None:
    assert VIEWS_OF_SENSORS.title == "views of dataset sensors"
    assert VIEWS_OF_SENSORS.parent == ResourceId("dataset", "sensors")
    assert VIEWS_OF_SENSORS.describe == Get(f"{API}/datasets/sensors/tables?maxResults=1000", "tables")
    assert list(VIEWS_OF_SENSORS.details([])) == [("dataset", Get(f"{API}/datasets/sensors"))]


def test_views_are_kept_if_all_have_the_digest_of_this_version() -> None:
    (step,) = VIEWS_OF_SENSORS.plan(listed())
    assert (step.action, step.id, step.reason) == ("keep", VIEWS_OF_SENSORS.id, f"all {len(VIEWS)} are there")


@pytest.mark.parametrize("found", [None, [], [EVENTS]])
def test_all_views_are_made_by_one_script_each_with_its_digest(found: Any) -> None:
    (step,) = VIEWS_OF_SENSORS.plan({"tables": found})
    assert (step.action, step.id, step.reason) == ("create", VIEWS_OF_SENSORS.id, f"{len(VIEWS)} are not there")
    assert isinstance(step.call, RestCall)
    statements = step.call.body["query"].split(";\n")
    for view, statement in zip(VIEWS, statements, strict=True):
        assert statement.startswith(f"CREATE OR REPLACE VIEW `{PROJECT}.sensors.{view.name}`")
        assert f'labels=[("dt-pubsub", "dt-pubsub"), ("dt-pubsub-digest", "{DIGESTS[view.name]}")]' in statement


def test_only_views_that_are_missing_or_of_another_version_are_made_again_and_keep_the_labels_of_others() -> None:
    (step,) = VIEWS_OF_SENSORS.plan(listed(touch=None, co2={**MARK, "dt-pubsub-digest": "old", "team": "air"}))
    assert (step.action, step.reason) == ("update", "missing or of another version: touch, co2")
    assert step.changes == (
        Change("view touch", None, DIGESTS["touch"]),
        Change("view co2", "old", DIGESTS["co2"]),
    )
    assert isinstance(step.call, RestCall)
    assert (step.call.method, step.call.url) == ("POST", f"{API}/queries")
    sql = step.call.body["query"]
    assert step.call.body == {"query": sql, "useLegacySql": False, "location": "EU", "timeoutMs": 20_000}
    flags = ("--location=EU", "--use_legacy_sql=false")
    assert step.call.by_hand == ("bq", f"--project_id={PROJECT}", "query", *flags, sql)
    touch, co2 = sql.split(";\n")
    assert f"`{PROJECT}.sensors.touch`" in touch
    assert '("team", "air")' not in touch
    assert f'("dt-pubsub-digest", "{DIGESTS["co2"]}"), ("team", "air")' in co2


def test_views_that_lost_their_digest_are_made_again() -> None:
    (step,) = VIEWS_OF_SENSORS.plan(listed(co2=MARK))
    assert step.changes == (Change("view co2", None, DIGESTS["co2"]),)


def test_a_table_or_view_of_others_with_the_name_of_a_view_is_not_touched() -> None:
    assert VIEWS_OF_SENSORS.not_ours(listed()) is None
    with pytest.raises(DeployError) as refused:
        VIEWS_OF_SENSORS.plan(listed(co2={"team": "air"}))
    assert str(refused.value).splitlines() == [
        "views of dataset sensors: co2 exists, but does not have the label dt-pubsub=dt-pubsub",
        "  add it by this command, or name another dataset",
        f"  fix: bq update --set_label=dt-pubsub:dt-pubsub {PROJECT}:sensors.co2",
        "  fix: python -m deploy up --bigquery=ANOTHER_DATASET",
    ]
