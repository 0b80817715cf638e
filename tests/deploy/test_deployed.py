"""Finished deployments that are copied: what a test does to one is not seen by the next test."""

import gc
import re
import types
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.spec import Alerts, Warehouse
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.deployed import bring_up
from tests.deploy.stage import Stage

SHARED = (type, types.ModuleType, types.BuiltinFunctionType, str, bytes, int, float, frozenset, type(None))
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "alerts": {"alerts": Alerts(emails=("ops@example.com",))},
    "bigquery": {"bigquery": Warehouse("sensors")},
}


def reached(stage: Stage) -> Iterator[Any]:
    """Yield all objects that a stage leads to, also by the closures of functions; modules and classes lead nowhere."""
    waiting, seen = [vars(stage)], set[int]()
    while waiting:
        found: Any = waiting.pop()
        if id(found) in seen or isinstance(found, SHARED):
            continue
        seen.add(id(found))
        yield found
        is_function = isinstance(found, types.FunctionType)
        waiting += found.__closure__ or () if is_function else gc.get_referents(found)


def can_change(found: Any) -> bool:
    is_instance = hasattr(found, "__dict__") and not isinstance(found, types.FunctionType)
    return is_instance or isinstance(found, dict | list | set)


@pytest.mark.parametrize("kind", KINDS)
def test_two_deployments_of_the_same_spec_share_nothing_that_can_change(kind: str) -> None:
    one, other = Stage(), Stage()
    for stage in (one, other):
        bring_up(stage, **KINDS[kind])
    mine, others = ({id(found): found for found in reached(stage) if can_change(found)} for stage in (one, other))
    assert len(mine) > 50
    assert [mine[number] for number in mine.keys() & others.keys()] == []


def made_by(stage: Stage) -> list[list[str]]:
    """Return what was asked, shown and made, without the order and numbers of what is done at the same time."""
    texts = ["\n".join(stage.api.left()), stage.shown, stage.noted, *map(" ".join, stage.google.asked)]
    return sorted(sorted(re.sub(r"\d+", "", text).splitlines()) for text in texts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_deployment_that_is_copied_is_the_one_that_up_makes(kind: str) -> None:
    copied, made = Stage(), Stage()
    bring_up(copied, **KINDS[kind])
    assert made.deployment(**KINDS[kind]).up(verify=False) == NOTHING_TO_DO
    assert made_by(copied) == made_by(made)
    assert copied.deployment(**KINDS[kind]).plan() == NOTHING_TO_DO
