"""BigQuery in one flag with the real gcloud: an event that is published is found by a view, and the data go last."""

import functools
import json
import shutil
import subprocess
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.blackbox.serving import eventually
from tests.emulators.clients import ask
from tests.emulators.events import encode, sample_event
from tests.real_gcloud.user import REAL_GCLOUD, User

pytestmark = REAL_GCLOUD
WRITTEN_S = 60.0
"""Seconds until an event is in the table, on a machine that others use, too."""


def rows(user: User, sql: str) -> list[list[Any]]:
    """Return the rows of a query."""
    project = user.both_clouds.google.estate.project
    url = f"https://bigquery.googleapis.com/bigquery/v2/projects/{project}/queries"
    found = ask(user.both_clouds, "POST", url, {"query": sql, "useLegacySql": False}).json
    return [[cell["v"] for cell in row["f"]] for row in found.get("rows", [])]


def test_an_event_is_found_by_a_view_after_up_and_data_are_deleted_only_by_name(owner: User) -> None:
    status, output = owner.runs("up", "--yes", "--no-verify", "--bigquery=sensors")
    assert (status, "nothing is left to do" in output) == (0, True), output
    project = owner.both_clouds.google.estate.project

    event = sample_event("temperature", number=7, at=datetime(2026, 11, 2, 8, 13, 15, tzinfo=UTC))
    message = {"data": b64encode(encode(event)).decode()}
    topic = f"https://pubsub.googleapis.com/v1/projects/{project}/topics/dt-events:publish"
    assert ask(owner.both_clouds, "POST", topic, {"messages": [message]}).status == 200
    wanted = [[event["metadata"]["deviceId"], str(event["event"]["data"]["temperature"]["value"])]]
    query = f"SELECT device_id, celsius FROM `{project}.sensors.temperature`"  # noqa: S608
    assert eventually(lambda: rows(owner, query) == wanted, WRITTEN_S), rows(owner, query)

    status, output = owner.runs("status", "--json", environ={**owner.environ, "DEPLOY_BIGQUERY_DATASET": "sensors"})
    written = json.loads(output[output.index("{\n") :])["health"]["bigquery"]
    assert written == {"table": f"{project}.sensors.events", "state": "ACTIVE"}

    status, output = owner.runs("down", "--yes", "--delete-data")
    assert (status, "not confirmed by --yes alone" in output) == (1, True), output
    status, output = owner.runs("down", "--yes", "--delete-data=sensors")
    assert (status, owner.both_clouds.left()) == (0, []), output
    assert owner.both_clouds.log.not_played() == []


@pytest.mark.thorough
@pytest.mark.skipif(not shutil.which("bq"), reason="there is no bq here")
def test_the_commands_that_a_plan_shows_make_the_same_by_hand(owner: User) -> None:
    environ = {**owner.environ, "DEPLOY_BIGQUERY_DATASET": "sensors"}
    status, output = owner.runs("plan", "--json", environ=environ)
    steps = json.loads(output[output.index("{\n") :])["steps"]
    calls = [step["call"] for step in steps if step["action"] == "create"]
    assert {call.split()[0] for call in calls} == {"bq", "gcloud"}

    def runs(call: str) -> bool:
        """Run a command by hand; a new role may not be known at once."""
        ran = subprocess.run(["/bin/bash", "-c", call], env=environ, capture_output=True, timeout=300, check=False)
        return ran.returncode == 0

    for call in calls:
        assert eventually(functools.partial(runs, call), 120), call
    status, output = owner.runs("plan", environ=environ)
    assert (status, "nothing to do: everything is as it should be" in output) == (0, True), output
