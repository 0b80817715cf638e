"""A deployment in memory, before and after ``up``."""

import pytest

from deploy.verbs import NOTHING_TO_DO
from tests.deploy.stage import Stage


@pytest.fixture
def stage() -> Stage:
    """A project with all APIs on, and nothing in it."""
    stage = Stage()
    stage.google.has_everything_on()
    return stage


@pytest.fixture
def up(stage: Stage) -> Stage:
    """Everything is up, and nothing was asked yet."""
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    stage.google.asked.clear()
    stage.out.truncate(0)
    stage.out.seek(0)
    return stage
