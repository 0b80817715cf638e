"""The role with which Pub/Sub writes the table: on this table alone, beside the roles of others."""

from typing import Any

import pytest

from deploy.resources.bigquery.table_role import TableRole
from deploy.spec import Warehouse
from deploy.steps import Get, ResourceId, RestCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

TABLE = f"https://bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}/datasets/sensors/tables/events"
AGENT = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
ROLE = TableRole(spec(bigquery=Warehouse("sensors"), project_number="123456789012"))
THEIRS = {"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"], "condition": {"expression": "true"}}
OURS = {"role": "roles/bigquery.dataEditor", "members": [AGENT]}


def test_the_role_is_read_with_conditions_and_needs_the_table_and_the_account() -> None:
    assert ROLE.title == "Pub/Sub as dataEditor on table sensors.events"
    assert ROLE.parent == ResourceId("dataset", "sensors")
    assert ROLE.after == (ResourceId("table", "sensors.events"), ResourceId("Pub/Sub's service agent"))
    assert ROLE.describe == Get(f"{TABLE}:getIamPolicy", body={"options": {"requestedPolicyVersion": 3}})


def test_the_role_is_added_to_those_of_others_with_the_etag_of_the_policy_that_was_read() -> None:
    (step,) = ROLE.plan({"policy": {"etag": "e1", "version": 1, "bindings": [THEIRS]}})
    policy = {"etag": "e1", "version": 3, "bindings": [THEIRS, OURS]}
    flags = ("--table=true", f"--member={AGENT}", "--role=roles/bigquery.dataEditor")
    by_hand = ("bq", f"--project_id={PROJECT}", "add-iam-policy-binding", *flags, f"{PROJECT}:sensors.events")
    assert (step.action, step.id, step.reason) == ("create", ROLE.id, "not granted")
    assert step.call == RestCall("POST", f"{TABLE}:setIamPolicy", {"policy": policy}, by_hand)


@pytest.mark.parametrize("found", [None, {}])
def test_the_role_is_granted_on_a_table_without_any_policy_and_on_one_that_is_not_there_yet(found: Any) -> None:
    (step,) = ROLE.plan({"policy": found})
    assert isinstance(step.call, RestCall)
    assert step.call.body == {"policy": {"version": 3, "bindings": [OURS]}}


def test_a_role_that_pubsub_has_is_kept() -> None:
    (step,) = ROLE.plan({"policy": {"bindings": [THEIRS, OURS]}})
    assert (step.action, step.id, step.reason) == ("keep", ROLE.id, "Pub/Sub's service agent has it")
