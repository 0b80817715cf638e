"""``plan`` and ``up`` from a checkout of another version."""

import pytest

from deploy.errors import Aborted
from deploy.spec import VERSION_LABEL
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.stage import Stage

CHANGELOG = """\
## 2.0.0, 2026-12-24

### Removed

- The attribute `room`.

## 1.1.0, 2026-12-01

### Added

- A verb `pause`.
"""


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A project whose checkout has a changelog."""
    stage.changelog = CHANGELOG
    return stage


def deployed(stage: Stage) -> str:
    label: str = stage.google.things["functions", "dt-pubsub"]["labels"][VERSION_LABEL]
    return label.replace("-", ".")


def test_plan_and_up_show_both_versions_and_what_changed_between_them(up: Stage) -> None:
    assert up.deployment(version="1.1.0").plan() == CHANGES
    assert "~ update  function dt-pubsub" in up.shown
    assert "version 1.0.0 -> 1.1.0\nnew in 1.1.0:\n  added: A verb `pause`\n" in up.shown
    assert "room" not in up.shown

    assert up.deployment(version="1.1.0").up(verify=False) == NOTHING_TO_DO
    assert up.shown.count("new in 1.1.0:") == 2
    assert deployed(up) == "1.1.0"


def test_the_same_version_and_a_new_deployment_show_no_step(stage: Stage) -> None:
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert stage.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert "new in" not in stage.shown
    assert stage.report.upgrade is None


def test_a_major_step_has_a_question_of_its_own(up: Stage) -> None:
    with pytest.raises(Aborted, match="nothing was changed"):
        up.deployment(version="2.0.0", yes=False, answer="n\ny\n").up(verify=False)
    assert "version 1.0.0 -> 2.0.0 may break what relies on it; have you read this? [y/N]" in up.noted
    assert "change cold-chain" not in up.noted
    with pytest.raises(Aborted):
        up.deployment(version="2.0.0", yes=False, answer="y\nn\n").up(verify=False)
    assert deployed(up) == "1.0.0"

    assert up.deployment(version="2.0.0", yes=False, answer="y\ny\n").up(verify=False) == NOTHING_TO_DO
    assert "a MAJOR step" in up.shown
    assert deployed(up) == "2.0.0"


def test_a_minor_step_has_only_the_question_of_every_up(up: Stage) -> None:
    assert up.deployment(version="1.1.0", yes=False, answer="y\n").up(verify=False) == NOTHING_TO_DO


def test_with_yes_a_major_step_is_said_and_done(up: Stage) -> None:
    assert up.deployment(version="2.0.0").up(verify=False) == NOTHING_TO_DO
    assert "version 1.0.0 -> 2.0.0: a MAJOR step" in up.shown


def test_a_downgrade_is_said_and_one_of_a_major_version_asked(up: Stage) -> None:
    assert up.deployment(version="0.9.0").plan() == CHANGES
    assert "version 1.0.0 -> 0.9.0: this checkout is OLDER than what is deployed" in up.shown
    with pytest.raises(Aborted):
        up.deployment(version="0.9.0", yes=False, answer="n\n").up(verify=False)
    assert deployed(up) == "1.0.0"


def test_the_json_report_has_the_step(up: Stage) -> None:
    up.deployment(version="2.0.0", in_json=True).plan()
    upgrade = up.in_json()["upgrade"]
    assert (upgrade["from"], upgrade["to"], upgrade["step"]) == ("1.0.0", "2.0.0", "major")
    assert upgrade["notes"][0] == {"version": "2.0.0", "heading": "Removed", "text": "The attribute `room`."}
