"""The real ``bq`` with the offline clouds: what a user types to make, fill, read and remove a dataset."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.blackbox.serving import eventually
from tests.real_gcloud.test_sandbox import sandboxed, typed
from tests.real_gcloud.user import REAL_GCLOUD, ROOT, User

pytestmark = [*REAL_GCLOUD, pytest.mark.skipif(not shutil.which("bq"), reason="there is no bq here")]

AGENT = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
SQL = ("query", "--use_legacy_sql=false", "--format=json")
WRITTEN_S = 60.0
REPORTED_S = 12.0
"""Seconds after which some sensors of the sandbox have reported."""


def bq(user: User, *words: str, status: int = 0) -> str:
    """Return what ``bq`` prints, errors included, which it prints on standard output."""
    ran = subprocess.run(["bq", *words], env=user.environ, capture_output=True, text=True, timeout=300, check=False)  # noqa: S607
    assert ran.returncode == status, ran.stdout + ran.stderr
    return " ".join(ran.stdout.split())


def gcloud(user: User, *words: str) -> None:
    """Run gcloud."""
    ran = subprocess.run(["gcloud", *words], env=user.environ, capture_output=True, text=True, timeout=300, check=False)  # noqa: S607
    assert ran.returncode == 0, ran.stderr


def test_bq_makes_a_dataset_runs_a_query_and_removes_the_dataset(user: User) -> None:
    assert "successfully created" in bq(user, "mk", "--location=EU", "--label=dt-pubsub:x", "--dataset", "sensors")
    assert json.loads(bq(user, *SQL, "SELECT schema_name FROM UNNEST(['sensors']) AS schema_name")) == [
        {"schema_name": "sensors"}
    ]
    bq(user, "rm", "-r", "-f", "--dataset", "sensors")
    assert user.both_clouds.google.left() == []
    assert user.both_clouds.log.not_played() == []


@pytest.mark.thorough
def test_bq_makes_shows_lists_changes_reads_and_removes_tables_and_views(user: User) -> None:
    bq(user, "mk", "--location=europe-west1", "--dataset", "sensors")
    columns = "device:STRING,at:TIMESTAMP,data:JSON"
    partitions = ("--time_partitioning_field=at", "--clustering_fields=device")
    bq(user, "mk", "--table", *partitions, "sensors.events", columns)
    bq(user, *SQL, "INSERT INTO sensors.events VALUES ('d1', TIMESTAMP '2026-11-02T08:13:15Z', JSON '{\"a\": 1}')")
    bq(
        user,
        *SQL,
        "CREATE OR REPLACE VIEW sensors.v (device OPTIONS(description='d')) AS SELECT device FROM sensors.events",
    )

    shown = json.loads(bq(user, "show", "--format=json", "sensors.v"))
    assert shown["schema"]["fields"] == [{"description": "d", "mode": "NULLABLE", "name": "device", "type": "STRING"}]
    assert "DAY (field: at)" in bq(user, "ls", "sensors")
    assert '{"a":1}' in bq(user, "head", "-n", "5", "sensors.events")
    bq(user, "update", "--set_label", "a:b", "sensors.events")
    assert json.loads(bq(user, "show", "--format=json", "sensors.events"))["labels"] == {"a": "b"}
    assert "still in use" in bq(user, "rm", "-f", "sensors", status=1)
    bq(user, "rm", "-f", "-t", "sensors.v")
    bq(user, "rm", "-r", "-f", "--dataset", "sensors")
    assert "Not found: Dataset demo-proj:sensors" in bq(user, "show", "sensors", status=2)
    assert user.both_clouds.log.not_played() == []


@pytest.mark.thorough
def test_what_gcloud_publishes_is_read_by_bq(user: User) -> None:
    gcloud(user, "services", "enable", "pubsub.googleapis.com")
    gcloud(user, "beta", "services", "identity", "create", "--service=pubsub.googleapis.com")
    gcloud(user, "pubsub", "topics", "create", "dt-events")
    bq(user, "mk", "--location=europe-west1", "--dataset", "sensors")
    bq(user, "mk", "--table", "sensors.events", "data:STRING")
    role = "--role=roles/bigquery.dataEditor"
    bq(user, "add-iam-policy-binding", "--table=true", f"--member={AGENT}", role, "demo-proj:sensors.events")
    table = "--bigquery-table=demo-proj:sensors.events"
    gcloud(user, "pubsub", "subscriptions", "create", "writer", "--topic=dt-events", table)
    gcloud(user, "pubsub", "topics", "publish", "dt-events", "--message=hello")

    assert eventually(lambda: "hello" in bq(user, *SQL, "SELECT data FROM sensors.events"), WRITTEN_S)
    assert user.both_clouds.log.not_played() == []


@pytest.mark.thorough
def test_the_bigquery_lines_of_the_sandboxs_page_can_be_typed(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    (lines,) = re.findall(r"^## BigQuery\n.*?```sh\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    with sandboxed(tmp_path) as sandbox:
        said = []
        for line in lines.splitlines():
            status, output = typed(sandbox, line)
            assert status == 0, (line, output)
            said.append(output)
            time.sleep(REPORTED_S if "deploy up" in line else 0)
    assert "events_once" in said[1]
    assert re.search(r"\| \w{20} +\| 20\d\d-", said[2])
    assert "objectPresent" in said[3] or "temperature" in said[3] or "humidity" in said[3]
    assert "delete  dataset sensors" in said[4]
