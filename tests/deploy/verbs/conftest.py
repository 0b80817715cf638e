"""Fixtures of the tests of verbs."""

import pytest

from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.stage import Stage


@pytest.fixture
def stage() -> Stage:
    """A project without resources."""
    return Stage()


@pytest.fixture
def up(stage: Stage) -> Stage:
    """A finished deployment."""
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    stage.clear_screen()
    stage.google.asked.clear()
    stage.dt.asked.clear()
    return stage
