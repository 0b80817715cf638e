"""The observed state: the owner of the function, and the projects in which connectors may be left."""

from typing import Any

import pytest

from deploy.resources.connector import Connector
from deploy.resources.function import Function
from deploy.resources.memory import Memory
from deploy.resources.signature_secret import SignatureSecret
from deploy.stages.observed import Observed
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.fakes.gcloud import URL
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
