"""A deployment in memory, before and after ``up``."""

import pytest

from tests.deploy.deployed import bring_up
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.stage import Stage


@pytest.fixture
def stage() -> Stage:
    """A project with all APIs enabled and no resources."""
    stage = Stage()
    stage.google.has_everything_on()
    return stage


@pytest.fixture
def up(stage: Stage) -> Stage:
    """A finished deployment; the recorded requests are cleared."""
    bring_up(stage)
    stage.google.asked.clear()
    return stage


@pytest.fixture
def two(stage: Stage) -> Stage:
    """A finished deployment with two DT projects."""
    stage.dt.connectors[SECOND] = []
    bring_up(stage, dt_projects=(DT_PROJECT, SECOND))
    stage.out.truncate(0)
    stage.out.seek(0)
    stage.google.asked.clear()
    return stage
