"""The rows that ``status`` shows on one screen are selected by their resource, not by their text."""

import pytest

from deploy.report import Row
from deploy.resources.connector import connector_id
from deploy.resources.function import Function
from deploy.resources.pubsub import subscription_id
from deploy.resources.signature_secret import SignatureSecret
from deploy.steps import ResourceId
from deploy.verbs.status_rows import on_one_screen
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.stage import spec

SECRET = SignatureSecret(spec()).id


def row(resource: ResourceId) -> Row:
    return Row(str(resource), "ok", "is as it should be", resource)


@pytest.mark.parametrize(
    "resource",
    [
        *(Function(spec()).id, SECRET, SECRET.part_named("a version")),
        *(connector_id(DT_PROJECT), connector_id("another"), connector_id(DT_PROJECT).part_named("dc2")),
    ],
    ids=str,
)
def test_function_secret_and_connectors_are_always_shown(resource: ResourceId) -> None:
    assert on_one_screen([row(resource)], spec()) == [row(resource)]


@pytest.mark.parametrize(
    "resource",
    [
        *(ResourceId("secret", "dt-signature-of-others"), ResourceId("function", "dt-pubsub-2")),
        *(ResourceId("connector in the house"), ResourceId("unread in a book"), ResourceId("deliveries from a shop")),
        *(ResourceId("versions"), subscription_id("dt-events")),
    ],
    ids=str,
)
def test_a_healthy_resource_whose_text_only_begins_like_theirs_is_counted_and_not_shown(resource: ResourceId) -> None:
    assert on_one_screen([row(resource)], spec()) == [Row("everything else", "ok", "1 more as they should be")]


def test_the_id_of_a_row_is_not_printed() -> None:
    assert row(SECRET).as_json() == {"what": "secret dt-signature", "state": "ok", "detail": "is as it should be"}
