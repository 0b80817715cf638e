"""Status as its users run it, with the real gcloud: healthy, and unhealthy in JSON."""

import json
import re

from tests.real_gcloud.user import REAL_GCLOUD, User

pytestmark = REAL_GCLOUD


def test_a_status_is_healthy_until_something_is_wrong_and_then_says_what_to_do(owner: User) -> None:
    owner.both_clouds.log.clear()
    status, output = owner.runs("status")
    assert (status, owner.both_clouds.log.not_played(), owner.changes()) == (0, [], []), output
    assert re.search(r"^ACTIVE +connector in .* last 3 h: \d+ delivered, 0 not, p99 \d", output, re.MULTILINE), output
    assert re.search("^ok +unread in dt-events +no messages; as of", output, re.MULTILINE), output

    (connector,) = owner.connectors()
    owner.both_clouds.dt.connectors.switch_off(connector["name"])
    status, output = owner.runs("status", "--json")
    report = json.loads(output[output.index("{") :])
    assert (status, report["healthy"], report["error"]) == (3, False, None), output
    assert [found["runbook"] for found in report["health"]["findings"]] == ["docs/runbook/connector-disabled.md"]
    assert report["health"]["connectors"][0]["status"] == "SYSTEM_DISABLED"
    assert report["health"]["backlogs"][0]["messages"] == 0
    unread = {key for key, value in report["health"].items() if value is None}
    assert unread <= {"lastEvent", "cost", "rotation"}, "there may be no event yet, but everything could be read"
