"""A resource with a mark of its deployment: it is compared and deleted only if it has our mark."""

from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.resources.catalog import watched
from deploy.resources.marked import Marked
from deploy.resources.pubsub import Topic
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

MARKED = [resource for resource in watched(spec()) if isinstance(resource, Marked)]
every_marked_resource = pytest.mark.parametrize("resource", MARKED, ids=[resource.title for resource in MARKED])
THEIRS: dict[str, Any] = {"labels": {"team": "payments"}, "description": "pays"}
OURS: dict[str, Any] = {"labels": {"dt-pubsub": "dt-pubsub"}, "description": "made by hand (dt-pubsub=dt-pubsub)"}


def test_account_topics_subscriptions_secret_and_function_are_marked() -> None:
    assert [resource.title for resource in MARKED] == [
        "service account dt-pubsub",
        "topic dt-events",
        "topic dt-rejected",
        "subscription dt-events",
        "subscription dt-rejected",
        "secret dt-signature",
        "function dt-pubsub",
    ]


@every_marked_resource
def test_an_absent_resource_is_created(resource: Marked) -> None:
    (step,) = resource.plan({resource.key: None})
    assert (step.action, step.id, step.reason) == ("create", resource.id, "not there")
    assert step.call == resource.creation({resource.key: None})
    (step,) = resource.removal({resource.key: None})
    assert (step.action, step.id, step.reason) == ("keep", resource.id, "is not there")


@every_marked_resource
def test_a_resource_without_the_mark_is_refused_with_the_command_that_adopts_it(resource: Marked) -> None:
    with pytest.raises(DeployError, match="exists, but does not have the label dt-pubsub=dt-pubsub") as refused:
        resource.plan({resource.key: THEIRS})
    assert refused.value.where == resource.title
    (line,) = refused.value.fix
    assert "dt-pubsub=dt-pubsub" in line
    (step,) = resource.removal({resource.key: THEIRS})
    assert (step.action, step.id, step.reason) == (
        *("keep", resource.id),
        "does not have the label dt-pubsub=dt-pubsub",
    )


@every_marked_resource
def test_a_resource_with_the_mark_is_deleted(resource: Marked) -> None:
    assert resource.not_ours({resource.key: OURS}) is None
    (step,) = resource.removal({resource.key: OURS})
    assert (step.action, step.id) == ("delete", resource.id)
    assert step.reason.startswith("marked dt-pubsub=dt-pubsub")
    assert step.call is not None
    assert " delete " in step.call.line()


def test_the_mark_is_added_by_an_update_of_the_labels_and_what_has_it_is_compared() -> None:
    topic = Topic(spec(), "dt-events")
    label = "--update-labels=dt-pubsub=dt-pubsub"
    assert topic.adoption == ("pubsub", "topics", "update", "dt-events", label, f"--project={PROJECT}")
    assert [step.action for step in topic.plan({"topic": OURS})] == ["keep"]
    (step,) = topic.removal({"topic": OURS})
    assert step.reason == "marked dt-pubsub=dt-pubsub"
