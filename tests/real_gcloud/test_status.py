"""Status as its users run it, with the real gcloud: watched while it is healthy, and unhealthy in JSON."""

import json
import re
import signal

import pytest

from tests.emulators.clouds import Clouds
from tests.real_gcloud.user import REAL_GCLOUD, User, struck

pytestmark = REAL_GCLOUD


def test_a_status_is_healthy_until_something_is_wrong_and_then_says_what_to_do(owner: User) -> None:
    clouds = owner.both_clouds
    clouds.log.clear()
    status, output = struck(owner.starts("status", "--watch=5"), signal.SIGINT, lambda: is_reading_again(clouds))
    assert (status, clouds.log.not_played(), owner.changes()) == (0, [], []), output
    assert re.search(
        r"^ACTIVE +connector in .* last 3 h: \d+ delivered, 0 failed attempts, p99 \d", output, re.MULTILINE
    ), output
    assert re.search("^ok +unread in dt-events +no messages; as of", output, re.MULTILINE), output

    (connector,) = owner.connectors()
    clouds.dt.connectors.switch_off(connector["name"])
    status, output = owner.runs("status", "--json")
    report = json.loads(output[output.index("{") :])
    assert (status, report["healthy"], report["error"]) == (3, False, None), output
    assert [found["runbook"] for found in report["health"]["findings"]] == ["docs/runbook/connector-disabled.md"]
    assert report["health"]["connectors"][0]["status"] == "SYSTEM_DISABLED"
    assert report["health"]["backlogs"][0]["messages"] == 0
    unread = {key for key, value in report["health"].items() if value is None}
    assert unread <= {"bigquery", "lastEvent", "cost", "rotation"}, "no event yet, perhaps, but all could be read"


@pytest.mark.thorough
def test_verbs_send_the_requests_that_gcloud_sends_and_run_it_only_for_login_and_settings(owner: User) -> None:
    clouds = owner.both_clouds
    # with a server of an API that a user has named, gcloud alone reads
    by_gcloud = {**owner.environ, "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": "https://compute.googleapis.com/"}
    asked = []
    for verb, environ in (("plan", by_gcloud), ("plan", None), ("status", None)):
        clouds.log.clear()
        owner.spied.write_text("", "utf-8")
        owner.runs(verb, environ=environ)
        sent = clouds.log.entries(method="GET", host="*.googleapis.com")
        asked.append({str(entry) for entry in sent if entry.host != "monitoring.googleapis.com"})
    assert len(asked[0]) > 10
    assert asked[0] == asked[1] == asked[2]
    commands = re.findall(r"^(config \S+|\w[\w-]* .*--format=json)", owner.spied.read_text("utf-8"), re.MULTILINE)
    assert sorted(line.split(" --")[0] for line in commands) == ["config config-helper", "config list"]


def is_reading_again(clouds: Clouds) -> bool:
    """Return whether the second reading has begun: the first one has asked for three time series."""
    return len(clouds.log.entries(path="*/timeSeries")) > 3
