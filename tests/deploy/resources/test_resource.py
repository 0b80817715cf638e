"""The base class of resources: the order of its read commands, and the comparison of labels."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploy.resources.catalog import removable, watched
from deploy.resources.function import Function
from deploy.resources.pubsub import Topic
from deploy.resources.resource import (
    Resource,
    answered,
    described,
    is_granted,
    is_marked,
    label_changes,
    label_words,
    owner_in_description,
)
from deploy.resources.runtime_account import RuntimeAccount
from deploy.resources.signature_secret import SignatureSecret
from deploy.steps import Change, Get, Query
from tests.deploy.stage import spec

RESOURCES = {resource.id: resource for resource in (*watched(spec()), *removable(spec()))}
every_resource = pytest.mark.parametrize("resource", RESOURCES.values(), ids=map(str, RESOURCES))

OF_ALERTS = {"notification channels", "log-based metrics", "dashboard dt-pubsub-dt-pubsub", "alert policies"}


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
    function = Function(spec())
    assert described(function, nothing_there(asked)) == {"function": None}
    assert asked == [function.describe]
    assert described(function, lambda _: "an answer") == {"function": "an answer"}


def test_every_read_command_is_run_and_its_answer_is_a_fact_under_its_key() -> None:
    topic = Topic(spec(), "dt-events")
    assert answered(topic.reads(), lambda query: query) == {"topic": topic.describe}
    assert topic.found({"topic": "an answer", "subscriptions": []}) == "an answer"
    assert topic.found({}) is None


def test_a_step_that_is_planned_again_has_a_call_only_if_there_is_still_something_to_do() -> None:
    account = RuntimeAccount(spec())
    ours = {"description": "(dt-pubsub=dt-pubsub)", "disabled": True}
    (step,) = account.plan({"account": ours})
    assert account.again(step, {"account": ours}) == step.call
    assert account.again(step, {"account": {**ours, "disabled": False}}) is None
    (made,) = account.plan({"account": None})
    assert account.again(step, {"account": None}) == made.call
    assert account.again(replace(step, id=Topic(spec(), "dt-events").id), {"account": ours}) is None


def test_only_the_function_is_overwritten_by_its_create_command() -> None:
    assert [resource.title for resource in RESOURCES.values() if resource.overwrites] == ["function dt-pubsub"]


def test_what_a_deployment_can_be_without_is_optional_so_that_a_removal_needs_no_permission_to_list_it() -> None:
    optional = {resource.title for resource in RESOURCES.values() if resource.is_optional}
    assert optional == OF_ALERTS | {"data in BigQuery", "log exclusions"}


def test_the_parts_of_lists_and_of_alerts_have_owners_of_their_own() -> None:
    lists = {"functions in other regions", "subscriptions in no settings", "topics in no settings", "log exclusions"}
    assert {resource.title for resource in RESOURCES.values() if resource.has_separate_parts} == OF_ALERTS | lists


@pytest.mark.parametrize("found", [{}, {"labels": None}, {"labels": {}}, {"labels": {"dt-pubsub": "another"}}])
def test_the_label_must_have_the_deployments_name(found: dict[str, Any]) -> None:
    assert not is_marked(spec(), found)
    assert is_marked(spec(), {"labels": {"dt-pubsub": "dt-pubsub"}})


@pytest.mark.parametrize("found", [{}, {"description": ""}, {"description": "of (dt-pubsub=Another)"}])
def test_a_resource_without_labels_has_the_owner_that_its_description_names(found: dict[str, str]) -> None:
    assert owner_in_description(found) == ""
    assert owner_in_description({"description": "of site2 (dt-pubsub=site2)"}) == "site2"


ROLE, MEMBER = "roles/run.invoker", "user:a@example.com"
GRANT: dict[str, Any] = {"role": ROLE, "members": ["user:b@example.com", MEMBER]}


@pytest.mark.parametrize(
    "binding",
    [
        {**GRANT, "role": "roles/run.viewer"},
        {**GRANT, "members": ["user:b@example.com"]},
        {"role": ROLE},
        {**GRANT, "condition": {"expression": "false"}},
    ],
)
def test_a_role_is_granted_only_by_a_binding_of_the_role_to_the_member_without_a_condition(
    binding: dict[str, Any],
) -> None:
    assert not is_granted({"bindings": [binding]}, ROLE, MEMBER)
    assert is_granted({"bindings": [binding, GRANT]}, ROLE, MEMBER)
    assert not is_granted({}, ROLE, MEMBER)
    assert not is_granted(None, ROLE, MEMBER)


def test_labels_of_others_are_left_alone() -> None:
    assert label_changes({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == (Change("label a", None, "1"),)
    assert label_changes({"a": "1"}, None) == (Change("label a", None, "1"),)
    assert label_changes({"a": "1"}, {"a": "2"}) == (Change("label a", "2", "1"),)
    assert label_words({"b": "2", "a": "1"}) == "a=1,b=2"
