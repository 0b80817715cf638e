"""What ``verify --report`` makes for a while: its marks, and the removal of what a killed run has left."""

from typing import Any

import pytest

from deploy.resources.connector import Connector
from deploy.resources.first_contact import (
    AbandonedContactSecrets,
    AbandonedRecorders,
    connector_name,
    connectors_left_by_runs,
    labels_of,
    left_by_runs,
    made_at,
    remove_contact_connectors,
)
from deploy.steps import ConnectorCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

WHY = "left by a verify --report that was interrupted"
SINCE = 1_764_288_000
OURS = spec(labels={"team": "cold-chain"})


def made(name: str, **labels: str) -> dict[str, Any]:
    return {"name": name, "labels": labels or labels_of(OURS, SINCE)}


def test_a_temporary_resource_has_the_labels_of_the_user_and_two_marks_but_not_that_of_the_deployment() -> None:
    assert labels_of(OURS, SINCE) == {
        "team": "cold-chain",
        "dt-pubsub-contact": "dt-pubsub",
        "dt-pubsub-since": str(SINCE),
    }


def test_what_runs_of_this_deployment_have_made_is_found_by_its_mark_and_age() -> None:
    found = [made("ours"), made("theirs", **{"dt-pubsub-contact": "site2"}), {"name": "bare"}]
    undated = made("undated", **{"dt-pubsub-contact": "dt-pubsub"})
    assert left_by_runs(OURS, [*found, undated]) == [found[0], undated]
    assert left_by_runs(OURS, [*found, undated], SINCE) == [undated], "what has no time counts as old"
    assert left_by_runs(OURS, found, SINCE + 1) == [found[0]]
    assert left_by_runs(OURS, None) == []
    assert [made_at(text) for text in ("17", "", "x")] == [17, 0, 0]


def test_a_removal_deletes_the_functions_that_killed_runs_have_left_in_their_regions() -> None:
    recorders = AbandonedRecorders(OURS)
    assert " ".join(recorders.describe) == (
        f"functions list --v2 --filter=labels.dt-pubsub-contact=dt-pubsub --project={PROJECT}"
    )
    place = f"projects/{PROJECT}/locations/us-east1/functions/contact-1"
    (step,) = recorders.removal({"recorders": [made(place), made(f"{place}2", team="else")]})
    assert (step.action, step.resource, step.reason) == ("delete", "function contact-1", WHY)
    assert step.call
    assert step.call.line() == f"gcloud functions delete contact-1 --gen2 --region=us-east1 --project={PROJECT}"


def test_a_removal_deletes_the_secrets_that_killed_runs_have_left() -> None:
    secrets = AbandonedContactSecrets(OURS)
    assert " ".join(secrets.describe) == f"secrets list --project={PROJECT}"
    (step,) = secrets.removal({"secrets": [made("projects/17/secrets/contact-1"), made("mine", team="else")]})
    assert (step.action, step.resource, step.reason) == ("delete", "secret contact-1", WHY)
    assert step.call
    assert step.call.line() == f"gcloud secrets delete contact-1 --project={PROJECT}"


@pytest.mark.parametrize("before", [None, SINCE + 1])
def test_a_connector_of_a_killed_run_is_found_by_its_name_and_deleted(before: float | None) -> None:
    ours = Connector("dc1", display_name=connector_name(OURS, SINCE))
    others = [
        Connector("dc2", display_name=connector_name(spec(name="site2"), SINCE)),
        Connector("dc3", display_name=f"first contact {PROJECT}/dt-pubsub soon"),
        Connector("dc4", display_name=str(SINCE)),
    ]
    assert ours.display_name == f"first contact {PROJECT}/dt-pubsub {SINCE}"
    assert connectors_left_by_runs(OURS, [ours, *others], before) == [ours]
    assert connectors_left_by_runs(OURS, [ours, *others], SINCE) == []
    (step,) = remove_contact_connectors(OURS, "p1", [ours, *others])
    assert (step.action, step.resource, step.reason) == ("delete", "connector in p1, dc1", WHY)
    assert step.call == ConnectorCall("DELETE", "p1", "dc1")
