"""Alerts with the real gcloud's token and the offline clouds; and the commands of the runbook, as a user types them."""

import re
import subprocess

import pytest

from tests.real_gcloud.user import REAL_GCLOUD, User
from tests.repository.test_runbook import GOOGLES, GUIDE

pytestmark = REAL_GCLOUD
WITH_ALERTS = {"DEPLOY_ALERTS_EMAILS": "ops@example.com"}


def test_an_up_with_alerts_makes_all_of_them_and_leaves_nothing_to_do(owner: User) -> None:
    owner.brings_up(**WITH_ALERTS)
    kinds = [name.split("/")[2] for name in owner.both_clouds.google.alerts()]
    assert sorted(kinds) == ["alertPolicies"] * 9 + ["dashboards", "metrics", "notificationChannels"]
    assert owner.both_clouds.log.not_played() == []


@pytest.mark.thorough
def test_a_plan_is_empty_after_an_up_and_a_down_leaves_no_alert_also_without_their_settings(owner: User) -> None:
    owner.brings_up(**WITH_ALERTS)
    assert len(owner.both_clouds.google.alerts()) == 12
    status, output = owner.runs("plan", environ={**owner.environ, **WITH_ALERTS})
    assert (status, "nothing to do" in output) == (0, True), output
    status, output = owner.runs("down", "--yes")
    assert (status, owner.both_clouds.left()) == (0, []), output


@pytest.mark.thorough
@pytest.mark.parametrize("part", range(4))
def test_every_command_of_gcloud_on_the_pages_of_the_runbook_works(owner: User, part: int) -> None:
    lines = [*GOOGLES, *re.findall(r"^gcloud .*$", GUIDE, re.MULTILINE)]
    for line in lines[part::4]:
        command = line.replace("my-project", owner.both_clouds.google.estate.project)
        done = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", command],
            env=dict(owner.environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
