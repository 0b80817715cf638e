"""Finished deployments: ``up`` runs once for each kind of them, and every test has a copy of its own."""

import copy
import copyreg
import itertools
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.resources import catalog
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.fakes.dt import FakeDt
from tests.deploy.fakes.gcloud import FakeGcloud
from tests.deploy.stage import Stage

_kept = dict[str, Stage]()
"""What is there before, the changes of the spec, and the resources that ``up`` makes -> the stage after ``up``."""


def bring_up(stage: Stage, **changes: Any) -> None:
    """Let a new stage have a finished deployment of the spec with these changes."""
    services, projects = sorted(stage.google.services), sorted(stage.dt.connectors)
    assert stage.google == FakeGcloud(services={*services}), "the stage is not new"
    assert not any(stage.dt.connectors.values()), "the stage is not new"
    if "MUTANT_UNDER_TEST" in os.environ:  # tests/prove looks which tests call what, so each has to run up itself
        stage.becomes(_brought_up(services, projects, changes))
        return
    made = [entry.kind.__name__ for entry in catalog.MADE]  # to which a test may add
    key = repr((services, projects, sorted(changes.items()), made))
    if key not in _kept:
        if "bigquery" in changes:  # BigQuery has to ask DuckDB the first time, and a running DuckDB cannot be copied
            _brought_up(services, projects, changes)
        _kept[key] = _brought_up(services, projects, changes)
    stage.becomes(copy.deepcopy(_kept[key]))


def _brought_up(services: Sequence[str], projects: Sequence[str], changes: Mapping[str, Any]) -> Stage:
    stage = Stage(FakeGcloud(services={*services}), FakeDt(connectors={project: [] for project in projects}))
    assert stage.deployment(**changes).up(verify=False) == NOTHING_TO_DO
    return stage


def _counting(numbers: "itertools.count[int]") -> tuple[Any, tuple[int]]:
    """Return how a count is made again, because Python stops copying them. Its text is such as ``count(7)``."""
    return itertools.count, (int(repr(numbers)[6:-1]),)


copyreg.pickle(itertools.count, _counting)
copyreg.pickle(type(threading.Lock()), lambda _: (threading.Lock, ()))
copyreg.pickle(type(threading.RLock()), lambda _: (threading.RLock, ()))
