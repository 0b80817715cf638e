"""A deployment that stores its events in BigQuery."""

import pytest

from deploy.spec import Warehouse
from tests.deploy.deployed import bring_up
from tests.deploy.stage import Stage

SENSORS = Warehouse("sensors")


@pytest.fixture
def stored(stage: Stage) -> Stage:
    """A finished deployment with BigQuery; what was recorded and shown is cleared."""
    bring_up(stage, bigquery=SENSORS)
    forget(stage)
    return stage


def forget(stage: Stage) -> None:
    """Forget what was recorded and shown."""
    stage.api.sent.clear()
    stage.google.asked.clear()
    for stream in (stage.out, stage.err):
        stream.truncate(0)
        stream.seek(0)
