"""The base class of resources: the order of its read commands, and the comparison of labels."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.resources.catalog import removable, watched
from deploy.resources.function import Function
from deploy.resources.resource import Resource, answered, described, is_marked, label_changes, label_words
from deploy.resources.signature_secret import SignatureSecret
from deploy.steps import Change, Get, Query
from tests.deploy.stage import spec

RESOURCES = {resource.id: resource for resource in (*watched(spec()), *removable(spec()))}
every_resource = pytest.mark.parametrize("resource", RESOURCES.values(), ids=map(str, RESOURCES))


def nothing_there(asked: list[Query]) -> Callable[[Query], Any]:
    def read(query: Query) -> Any:
        asked.append(query)

    return read


@every_resource
def test_the_first_read_command_shows_whether_the_resource_exists(resource: Resource) -> None:
    for reads in (resource.reads(), resource.removal_reads(), resource.ownership_reads("update")):
        assert next(reads) == (resource.key, resource.describe)


@every_resource
def test_an_absent_resource_is_planned_and_removed_without_an_error(resource: Resource) -> None:
    facts = answered(resource.reads(), nothing_there([]))
    assert resource.found(facts) is None
    assert resource.not_ours(facts) is None
    assert all(step.id.whole == resource.id for step in (*resource.plan(facts), *resource.removal(facts)))
    assert [step for step in resource.removal(facts) if step.action != "keep"] == []


@every_resource
def test_every_command_names_the_project(resource: Resource) -> None:
    described_by = resource.describe
    named = described_by.url if isinstance(described_by, Get) else described_by[-1]
    assert named.endswith(spec().project_flag) or f"/projects/{spec().google_project}/" in named


def test_an_answer_decides_whether_another_command_runs() -> None:
    asked: list[Query] = []
    assert answered(SignatureSecret(spec()).reads(), nothing_there(asked)) == {"secret": None}
    answers: list[Any] = [{"labels": {}}, [{"name": "v/1"}]]
    facts = answered(SignatureSecret(spec()).reads(), lambda _: answers.pop(0))
    assert facts == {"secret": {"labels": {}}, "versions": [{"name": "v/1"}]}


def test_describing_a_resource_takes_one_command() -> None:
    asked: list[Query] = []
    assert described(Function(spec()), nothing_there(asked)) == {"function": None}
    assert len(asked) == 1


@pytest.mark.parametrize("found", [{}, {"labels": None}, {"labels": {}}, {"labels": {"dt-pubsub": "another"}}])
def test_the_label_must_have_the_deployments_name(found: dict[str, Any]) -> None:
    assert not is_marked(spec(), found)
    assert is_marked(spec(), {"labels": {"dt-pubsub": "dt-pubsub"}})


def test_labels_of_others_are_left_alone() -> None:
    assert label_changes({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == (Change("label a", None, "1"),)
    assert label_changes({"a": "1"}, None) == (Change("label a", None, "1"),)
    assert label_words({"b": "2", "a": "1"}) == "a=1,b=2"
