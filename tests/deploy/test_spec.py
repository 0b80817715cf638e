"""The desired state: the names, labels and variables that follow from a few settings, and the units of values."""

import re

import pytest

from deploy.spec import DT_PROJECT_ID, OWN_LABELS, Spec, amount, last_segment

FRIDGES = Spec("cold-chain", "europe-west1", name="fridges-pubsub", labels={"team": "cold-chain"})


def test_every_name_of_a_deployment_begins_with_its_name_without_pubsub() -> None:
    assert (FRIDGES.topic, FRIDGES.rejected_topic) == ("fridges-events", "fridges-rejected")
    assert FRIDGES.secret == "fridges-signature"
    assert Spec("cold-chain", "europe-west1", name="fridges").topic == "fridges-events"
    assert Spec("cold-chain", "europe-west1").topic == "dt-events"


def test_account_connector_and_flag_name_the_google_project() -> None:
    assert FRIDGES.project_flag == "--project=cold-chain"
    assert FRIDGES.runtime_account == "fridges-pubsub@cold-chain.iam.gserviceaccount.com"
    assert FRIDGES.default_connector_name == "Google Pub/Sub cold-chain/fridges-pubsub"


@pytest.mark.parametrize(
    ("account", "name"),
    [
        (None, ""),
        (
            "b@another.iam.gserviceaccount.com",
            "projects/another/serviceAccounts/b@another.iam.gserviceaccount.com",
        ),
        (
            "1-compute@developer.gserviceaccount.com",
            "projects/cold-chain/serviceAccounts/1-compute@developer.gserviceaccount.com",
        ),
    ],
)
def test_the_build_account_is_named_with_its_own_project(account: str | None, name: str) -> None:
    assert Spec("cold-chain", "europe-west1", build_account=account).build_account_name == name


def test_every_resource_has_the_mark_and_the_labels_of_the_user() -> None:
    assert FRIDGES.mark == "dt-pubsub=fridges-pubsub"
    assert FRIDGES.all_labels == {"team": "cold-chain", "dt-pubsub": "fridges-pubsub"}
    assert {"dt-pubsub", "dt-pubsub-verify", "dt-pubsub-source", "dt-pubsub-version"} < {*OWN_LABELS}


def test_the_function_gets_topics_secret_organization_and_the_settings_of_the_user() -> None:
    spec = Spec("cold-chain", "europe-west1", organization_id="org1", settings={"LOG_LEVEL": "DEBUG"})
    assert spec.environment == {
        "LOG_LEVEL": "DEBUG",
        "PUBSUB_TOPIC": "projects/cold-chain/topics/dt-events",
        "PUBSUB_REJECTED_TOPIC": "projects/cold-chain/topics/dt-rejected",
        "DT_SIGNATURE_SECRET_FILE": "/secrets/dt-signature",
        "LOG_EXECUTION_ID": "true",
        "DT_ORGANIZATION_ID": "org1",
    }
    assert "DT_ORGANIZATION_ID" not in FRIDGES.environment


@pytest.mark.parametrize(("key", "is_ordered"), [("device", True), ("Device", True), ("none", False), ("", False)])
def test_events_are_ordered_by_device_only(
    key: str,
    is_ordered: bool,  # noqa: FBT001  # a column of the table
) -> None:
    assert Spec("cold-chain", "europe-west1", settings={"ORDERING_KEY": key}).ordered is is_ordered
    assert not FRIDGES.ordered


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0.5", 0.5), ("500m", 0.5), ("2k", 2_000), ("2Ki", 2_048), ("2M", 2_000_000), ("2Mi", 2_097_152)),
        *(("2G", 2e9), ("2Gi", 2_147_483_648), ("2T", 2e12), ("2Ti", 2_199_023_255_552)),
    ],
)
def test_an_amount_has_a_decimal_or_a_binary_unit(text: str, number: float) -> None:
    assert amount(text) == number


@pytest.mark.parametrize("text", ["c0md3pm0p7bet3vico8g", "a", "0", "A-b_c"])
def test_an_id_of_a_dt_project_has_letters_digits_and_dashes(text: str) -> None:
    assert re.fullmatch(DT_PROJECT_ID, text)


@pytest.mark.parametrize("text", ["-", "", "a/b", "_a", "a b"])
def test_a_dash_for_all_projects_is_no_id_of_a_dt_project(text: str) -> None:
    assert not re.fullmatch(DT_PROJECT_ID, text)


def test_the_last_segment_of_a_full_name_is_the_id() -> None:
    assert last_segment("projects/p/topics/t") == last_segment("t") == "t"
