"""Fixtures of the tests of verbs."""

import pytest

from tests.deploy.deployed import bring_up
from tests.deploy.stage import Stage


@pytest.fixture
def stage() -> Stage:
    """A project without resources."""
    return Stage()


@pytest.fixture
def up(stage: Stage) -> Stage:
    """A finished deployment."""
    bring_up(stage)
    stage.clear_screen()
    stage.google.asked.clear()
    stage.dt.asked.clear()
    return stage
