"""The observed state: the owner of the function, and the projects in which connectors may be left."""

from typing import Any

import pytest

from deploy.resources.bigquery.subscription import bigquery_subscription
from deploy.resources.catalog import unlisted_of
from deploy.resources.connector import Connector
from deploy.resources.function import Function
from deploy.resources.memory import Memory
from deploy.resources.signature_secret import SignatureSecret
from deploy.spec import CostSettings
from deploy.stages.observed import Observed, written_by
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.fakes.gcloud import PROJECT, URL
from tests.deploy.stage import spec

MARK = {"dt-pubsub": "dt-pubsub"}
FUNCTION, SECRET = Function(spec()), SignatureSecret(spec())
REMEMBERED = {"secret": {"labels": MARK, "annotations": {"dt-pubsub-dt-projects": f"{DT_PROJECT}+{SECOND}"}}}
OURS = Connector("dc1", spec().default_connector_name, url=URL)


def function(labels: dict[str, str]) -> dict[str, Any]:
    return {"function": {"labels": labels, "serviceConfig": {"uri": URL}}}


@pytest.mark.parametrize(("labels", "url", "foreign_url"), [(MARK, URL, ""), ({}, "", URL)])
def test_a_functions_url_is_ours_only_with_the_mark(labels: dict[str, str], url: str, foreign_url: str) -> None:
    observed = Observed({FUNCTION.id: function(labels)})
    assert (observed.url(spec()), observed.foreign_url(spec())) == (url, foreign_url)


def test_the_facts_of_an_unread_resource_are_empty() -> None:
    nothing = Observed({})
    assert nothing.of(FUNCTION) == {}
    assert (nothing.url(spec()), nothing.foreign_url(spec()), nothing.memory(spec())) == ("", "", Memory())


def test_facts_are_found_by_the_id_of_the_resource_only() -> None:
    assert Observed({FUNCTION.id: function(MARK)}).of(Function(spec(), "17")) == function(MARK)


@pytest.mark.parametrize(
    ("connectors", "closed", "unnamed"),
    [
        ({SECOND: [OURS]}, {}, (SECOND,)),
        ({SECOND: [Connector("dc1", "Fridges", url=URL)]}, {}, (SECOND,)),
        ({SECOND: [Connector("dc1", "Fridges", url="https://example.com")]}, {}, ()),
        ({SECOND: []}, {}, ()),
        ({}, {SECOND: "403"}, (SECOND,)),
        ({DT_PROJECT: [OURS]}, {}, ()),
    ],
)
def test_a_project_that_is_no_longer_named_counts_while_connectors_may_be_left_in_it(
    connectors: dict[str, list[Connector]], closed: dict[str, str], unnamed: tuple[str, ...]
) -> None:
    observed = Observed({SECRET.id: REMEMBERED, FUNCTION.id: function(MARK)}, connectors, closed=closed)
    assert observed.unnamed(spec()) == unnamed


def deployed(**more: Any) -> dict[str, Any]:
    source = {"storageSource": {"generation": "17"}}
    return {"function": {"labels": MARK, "buildConfig": {"source": source}, **more}}


@pytest.mark.parametrize(
    ("found", "remembered", "unfinished"),
    [
        (deployed(), "17", ""),
        (deployed(), "16", "unrecorded"),
        (deployed(state="DEPLOYING"), "17", "building"),
        (deployed(buildConfig={}), "16", ""),
        ({}, "16", ""),
    ],
)
def test_a_deployment_of_another_command_is_unfinished_until_its_upload_is_remembered(
    found: dict[str, Any], remembered: str, unfinished: str
) -> None:
    note = {"secret": {"labels": MARK, "annotations": {"dt-pubsub-deployed": remembered}}}
    assert Observed({FUNCTION.id: found, SECRET.id: note}).unfinished_deployment(spec()) == unfinished


def test_a_secret_that_was_not_read_has_no_version() -> None:
    assert Observed({SECRET.id: REMEMBERED}).secret_version(spec()) == 0


@pytest.mark.parametrize("billing", ["instance", "request"])
def test_billing_that_an_earlier_run_has_set_counts_unless_the_settings_say_another(billing: str) -> None:
    observed = Observed({FUNCTION.id: function({**MARK, "dt-pubsub-billing": billing})})
    assert observed.with_billing(spec()).cost.billing == billing
    by_request = spec(cost=CostSettings(billing="request"))
    assert observed.with_billing(by_request) == by_request
    foreign = Observed({FUNCTION.id: function({"dt-pubsub-billing": billing})})
    assert foreign.with_billing(spec()).cost.billing is None


WRITER = {"name": f"projects/{PROJECT}/subscriptions/dt-events-bigquery", "labels": MARK}
OTHERS = [{"name": f"projects/{PROJECT}/subscriptions/dt-events", "labels": MARK}, {"labels": MARK}]


def test_the_subscription_that_writes_to_bigquery_is_found_whether_or_not_the_settings_name_it() -> None:
    unlisted = unlisted_of(spec(), "subscription").id
    assert written_by(spec(), Observed({unlisted: {"labelled": [*OTHERS, WRITER]}})) == WRITER
    assert written_by(spec(), Observed({bigquery_subscription(spec()).id: {"subscription": WRITER}})) == WRITER
    assert written_by(spec(), Observed({unlisted: {"labelled": [*OTHERS, {**WRITER, "labels": {}}]}})) is None
    assert written_by(spec(), Observed({unlisted: {"labelled": OTHERS}})) is None
    assert written_by(spec(), Observed({})) is None
