"""The roles of the function's service account."""

from typing import Any

import pytest

from deploy.resources.iam_binding import publisher_on, secret_accessor
from deploy.steps import GcloudCall, ResourceId
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

MEMBER = f"serviceAccount:dt-pubsub@{PROJECT}.iam.gserviceaccount.com"
PUBLISHER = publisher_on(spec(), "dt-events")
GRANTED = {"role": "roles/pubsub.publisher", "members": ["user:a@example.com", MEMBER]}


def test_a_role_is_named_by_its_resource_and_deleted_with_it() -> None:
    assert PUBLISHER.title == "publisher on topic dt-events"
    assert PUBLISHER.parent == ResourceId("topic", "dt-events")
    assert PUBLISHER.grants_to == (ResourceId("service account", "dt-pubsub"),)
    assert PUBLISHER.removal({"policy": {"bindings": [GRANTED]}}) == ()


@pytest.mark.parametrize(
    "bindings",
    [
        [],
        [{**GRANTED, "members": ["user:a@example.com"]}],
        [{**GRANTED, "role": "roles/pubsub.viewer"}],
        [{"role": "roles/pubsub.publisher"}],
        [{**GRANTED, "condition": {"expression": "false"}}],
    ],
)
def test_a_role_is_granted_unless_the_account_has_it_without_a_condition(bindings: list[Any]) -> None:
    (step,) = PUBLISHER.plan({"policy": {"bindings": bindings}})
    argv = ("pubsub", "topics", "add-iam-policy-binding", "dt-events", f"--member={MEMBER}")
    assert step.call == GcloudCall((*argv, "--role=roles/pubsub.publisher", f"--project={PROJECT}"))
    assert (step.action, step.id, step.reason) == ("create", PUBLISHER.id, "not granted")
    (step,) = PUBLISHER.plan({"policy": {"bindings": [*bindings, GRANTED]}})
    assert (step.action, step.id, step.reason) == ("keep", PUBLISHER.id, "dt-pubsub has it")


def test_the_role_on_the_secret_is_granted_without_a_condition() -> None:
    (step,) = secret_accessor(spec()).plan({})
    assert step.resource == "secretAccessor on secret dt-signature"
    argv = ("secrets", "add-iam-policy-binding", "dt-signature", f"--member={MEMBER}")
    flags = ("--role=roles/secretmanager.secretAccessor", "--condition=None", f"--project={PROJECT}")
    assert step.call == GcloudCall((*argv, *flags))


def test_the_roles_are_read_from_the_topic_and_from_the_secret() -> None:
    assert PUBLISHER.describe == ("pubsub", "topics", "get-iam-policy", "dt-events", f"--project={PROJECT}")
    of_secret = secret_accessor(spec()).describe
    assert of_secret == ("secrets", "get-iam-policy", "dt-signature", f"--project={PROJECT}")
