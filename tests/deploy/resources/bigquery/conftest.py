"""A deployment that stores its events in BigQuery."""

import pytest

from deploy.spec import Warehouse
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.stage import Stage

SENSORS = Warehouse("sensors")


@pytest.fixture
def stored(stage: Stage) -> Stage:
    """A finished deployment with BigQuery; what was recorded and shown is cleared."""
    assert stage.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    forget(stage)
    return stage


def forget(stage: Stage) -> None:
    """Forget what was recorded and shown."""
    stage.api.sent.clear()
    stage.google.asked.clear()
    for stream in (stage.out, stage.err):
        stream.truncate(0)
        stream.seek(0)
