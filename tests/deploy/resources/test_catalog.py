"""A resource is a class and an entry in the catalog. Everything else follows from these two."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from deploy.errors import ApplyFailed, NotOwned, NotReady
from deploy.resources import catalog
from deploy.resources.bigquery.dataset import OfBigQuery
from deploy.resources.catalog import Entry
from deploy.resources.iam_binding import IamBinding
from deploy.resources.marked import Marked
from deploy.resources.memory import Memory
from deploy.resources.resource import CommandGroup, Facts, Resource, label_changes, label_words
from deploy.spec import Alerts, CostSettings, Spec, SubscriptionSettings, Warehouse
from deploy.steps import Argv, GcloudCall, Get, ResourceId, Step, keep, update
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.stage import Stage, spec

DEPLOYER_DOC = Path(__file__).parents[3] / "docs" / "deployer.md"
API = "managedkafka.googleapis.com"


@dataclass(frozen=True, slots=True)
class Archive(Marked):
    """A made-up resource, which the product does not have."""

    groups: ClassVar[tuple[CommandGroup, ...]] = (
        CommandGroup(("managed-kafka",), API, r"Resource not found \(resource={name}\)"),
    )
    permissions: ClassVar[tuple[str, ...]] = ("managedkafka.topics.create", "managedkafka.topics.delete")
    key: ClassVar[str] = "archive"

    @property
    def id(self) -> ResourceId:
        """The id of the archive."""
        return ResourceId("archive", f"{self.spec.prefix}-archive")

    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that creates it."""
        del facts
        return GcloudCall(self.command("create", f"--labels={label_words(self.spec.all_labels)}"))

    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that updates its labels."""
        if changes := label_changes(self.spec.all_labels, self.found(facts).get("labels")):
            argv = self.command("update", f"--update-labels={label_words(self.spec.all_labels)}")
            return (update(self.id, changes, GcloudCall(argv)),)
        return (keep(self.id, "is there"),)

    def command(self, verb: str, *flags: str) -> Argv:
        """Return a gcloud command on the archive."""
        return ("managed-kafka", "topics", verb, self.id.name, *flags, self.spec.project_flag)


ARCHIVE = ("topics", "dt-archive")
"""The key of the archive in the fake gcloud."""


def reader_of(spec: Spec) -> IamBinding:
    return IamBinding(spec, "roles/managedkafka.client", Archive(spec).id, ("managed-kafka", "topics"))


@pytest.fixture(autouse=True)
def _with_archive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the archive and a role on it to the catalog, except in tests of the product's own catalog."""
    if request.node.name.startswith("test_the_product"):
        return
    of_archive = Entry(Archive, lambda spec, _: [Archive(spec)])
    of_reader = Entry(IamBinding, lambda spec, _: [reader_of(spec)])
    monkeypatch.setattr(catalog, "MADE", (*catalog.MADE, of_archive, of_reader))


def lines(stage: Stage, words: str) -> list[str]:
    return [line for line in map(" ".join, stage.google.asked) if line.startswith(words)]


def test_a_new_resource_is_planned_with_its_command(stage: Stage) -> None:
    stage.google.has_everything_on()
    assert stage.deployment().plan() == CHANGES
    assert "+ create  archive dt-archive  " in stage.shown
    made = "gcloud managed-kafka topics create dt-archive --labels=dt-pubsub=dt-pubsub --project=cold-chain-prod"
    assert made in stage.shown


def test_a_new_resource_is_made_and_read_again_and_a_plan_is_empty_then(stage: Stage) -> None:
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert stage.google.things[ARCHIVE]["labels"] == {"dt-pubsub": "dt-pubsub"}
    assert lines(stage, "managed-kafka topics")[-2:] == [
        "managed-kafka topics describe dt-archive --project=cold-chain-prod --format=json",
        "managed-kafka topics get-iam-policy dt-archive --project=cold-chain-prod --format=json",
    ]
    assert stage.deployment().plan() == NOTHING_TO_DO


def test_a_new_resource_that_differs_is_changed(up: Stage) -> None:
    assert up.deployment(labels={"team": "cold-chain"}).up(verify=False) == NOTHING_TO_DO
    assert up.google.things[ARCHIVE]["labels"]["team"] == "cold-chain"


def test_a_new_resource_is_removed_if_it_is_ours_after_its_owner_was_read_again(up: Stage) -> None:
    assert up.deployment().down() == NOTHING_TO_DO
    assert up.google.things == {}
    assert [line.split()[2] for line in lines(up, "managed-kafka")] == ["describe", "describe", "delete"]


def test_a_new_resource_of_others_is_left_alone_by_every_verb(up: Stage) -> None:
    up.google.things[ARCHIVE]["labels"] = {"team": "payments"}
    adoption = (
        r"archive dt-archive: exists, but does not have the label .*\n.*\n.*topics update dt-archive --update-labels="
    )
    with pytest.raises(NotOwned, match=adoption):
        up.deployment().plan()
    assert up.deployment().down() == NOTHING_TO_DO
    assert list(up.google.things) == [ARCHIVE]


def test_a_new_resource_that_is_interrupted_or_made_twice_is_finished(stage: Stage) -> None:
    stage.google.lost = ["managed-kafka topics create dt-archive"]
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert stage.google.lost == []
    assert stage.deployment().plan() == NOTHING_TO_DO


def test_a_new_resource_that_others_make_during_up_stops_it(stage: Stage) -> None:
    def appear(argv: Argv) -> None:
        if argv[:3] == ("managed-kafka", "topics", "create"):
            stage.google.things[ARCHIVE] = {"labels": {"team": "payments"}}

    stage.google.before = appear
    with pytest.raises(ApplyFailed, match="archive dt-archive: exists, but does not have the label"):
        stage.deployment().up(verify=False)


def test_a_new_resources_api_is_enabled_before_it_is_used() -> None:
    stage = Stage()
    stage.deployment().up(verify=False)
    (enabled,) = [line for line in stage.google.changes() if line.startswith("services enable")]
    assert API in enabled
    asked = [" ".join(argv[:2]) for argv in stage.google.asked]
    assert "managed-kafka topics" not in asked[: asked.index("services enable")]


@pytest.mark.parametrize("permission", Archive.permissions)
def test_a_new_resources_permissions_are_checked(stage: Stage, permission: str) -> None:
    assert permission in stage.held
    stage.held -= {permission}
    with pytest.raises(NotReady, match=f"you lack {permission}"):
        stage.deployment().plan()


def test_a_role_on_a_new_resource_is_read_and_deleted_only_with_it(stage: Stage) -> None:
    stage.deployment().plan()
    assert [line.split()[2] for line in lines(stage, "managed-kafka")] == ["describe"]
    assert reader_of(spec()).id not in {resource.id for resource in catalog.removable(spec())}


def test_a_role_is_granted_on_a_new_resource_only_while_it_is_ours(up: Stage) -> None:
    up.google.policies["topics dt-archive"] = []

    def taken(argv: Argv) -> None:
        if argv[:2] == ("auth", "print-access-token"):
            up.google.things[ARCHIVE]["labels"] = {"team": "payments"}

    up.google.before = taken
    with pytest.raises(ApplyFailed, match="archive dt-archive: exists, but does not have the label"):
        up.deployment().up(verify=False)
    assert up.google.policies["topics dt-archive"] == []


def test_a_status_has_a_row_for_a_new_resource(up: Stage) -> None:
    up.out.truncate(0)
    up.deployment(in_json=True).status()
    (row,) = [row for row in up.in_json()["status"] if row["what"] == "archive dt-archive"]
    assert (row["state"], row["detail"]) == ("ok", "is there")


def every_resource() -> list[Resource]:
    made = (entry.of(spec(), Memory()) for entry in (*catalog.MADE, *catalog.LEFT, *catalog.ABANDONED))
    return [resource for resources in made for resource in resources]


def test_the_products_apis_are_those_of_its_resources() -> None:
    assert catalog.services() == (
        "artifactregistry.googleapis.com",
        "cloudbuild.googleapis.com",
        "cloudfunctions.googleapis.com",
        "iam.googleapis.com",
        "pubsub.googleapis.com",
        "run.googleapis.com",
        "secretmanager.googleapis.com",
    )


def test_the_products_permissions_are_exactly_those_of_the_role_in_the_docs() -> None:
    command = DEPLOYER_DOC.read_text("utf-8").partition("--permissions=\\\n")[2].partition("\n\n")[0]
    assert catalog.deployer_permissions() == tuple(line.strip(",\\") for line in command.splitlines())


def test_the_permissions_that_an_editor_lacks_are_permissions_of_a_deployer_and_all_in_the_small_role() -> None:
    section = DEPLOYER_DOC.read_text("utf-8").partition("## If you are Owner or Editor\n")[2].partition("\n## ")[0]
    lacking = re.findall(r"`([a-z]+\.[a-zA-Z.]+)`", section.partition("|---|")[2].partition("\n\n")[0])
    command = section.partition("--permissions=")[2].partition("\n")[0]
    assert command.split(",") == sorted(lacking)
    assert set(lacking) <= set(catalog.deployer_permissions())
    writing = {name for name in catalog.deployer_permissions() if name.endswith(".setIamPolicy")}
    assert writing < set(lacking), "an Editor may not give others access"


def test_the_products_resources_have_different_ids_and_come_after_their_parents() -> None:
    ids = [resource.id for resource in every_resource()]
    assert len(set(ids)) == len(ids)
    for place, resource in enumerate(every_resource()):
        assert resource.parent is None or resource.parent in ids[:place]
        assert set(resource.grants_to) <= set(ids[:place])


def test_the_products_resources_name_the_api_that_describes_them() -> None:
    queries = [resource.describe for resource in every_resource()]
    groups = {query[0] for query in queries if not isinstance(query, Get)} - {"services"}
    assert groups <= set(catalog.service_of_group())


def test_the_products_alerts_name_the_api_that_they_call_which_is_enabled_only_with_alerts() -> None:
    alerts = catalog.of_alerts(spec(alerts=Alerts(emails=("ops@example.com",))))
    assert len(alerts) == len(catalog.ALERTS)
    for resource in alerts:
        assert isinstance(resource.describe, Get)
        assert resource.describe.service in resource.services
    more = set(catalog.services(alerts=True)) - set(catalog.services())
    assert more == {"logging.googleapis.com", "monitoring.googleapis.com"}


def test_the_products_resources_of_bigquery_name_the_api_that_they_call_which_is_enabled_only_with_it() -> None:
    made = catalog.resources(spec(bigquery=Warehouse("sensors")))
    of_bigquery = [resource for resource in made if isinstance(resource, OfBigQuery)]
    assert [resource.title for resource in of_bigquery] == [
        "dataset sensors",
        "table sensors.events",
        "Pub/Sub as dataEditor on table sensors.events",
        "views of dataset sensors",
    ]
    assert all(resource.describe.service in resource.services for resource in of_bigquery)  # type: ignore[union-attr]
    assert set(catalog.services(bigquery=True)) - set(catalog.services()) == {"bigquery.googleapis.com"}
    ids = [resource.id for resource in made]
    for place, resource in enumerate(made):
        assert {*resource.after} <= {*ids[:place]}, resource.title


def test_the_products_resources_of_bigquery_need_permissions_only_if_a_dataset_is_named() -> None:
    with_it = catalog.deployer_permissions(spec=spec(bigquery=Warehouse("sensors")))
    more = set(with_it) - set(catalog.deployer_permissions(spec=spec()))
    assert {name.rpartition(".")[0] for name in more} == {
        *("bigquery.datasets", "bigquery.jobs", "bigquery.models", "bigquery.routines", "bigquery.tables"),
        "pubsub.subscriptions",
    }
    assert {name for name in more if name.startswith("bigquery.")} - catalog.IN_OWN_DATASET == {
        "bigquery.datasets.create",
        "bigquery.jobs.create",
    }


def test_the_products_alerts_need_permissions_only_if_somebody_is_to_be_told() -> None:
    more = set(catalog.deployer_permissions()) - set(catalog.deployer_permissions(alerts=False))
    assert {name.rpartition(".")[0] for name in more} == {
        "logging.logMetrics",
        "logging.notificationRules",
        "monitoring.alertPolicies",
        "monitoring.dashboards",
        "monitoring.notificationChannels",
    }


def test_the_products_alerts_are_removed_in_the_reverse_order_and_left_alone_without_a_setting() -> None:
    made = [resource.id for resource in catalog.of_alerts(spec(alerts=Alerts(emails=("ops@example.com",))))]
    removed = [resource.id for resource in catalog.of_alerts(spec(alerts=Alerts(emails=())))]
    assert removed == made[::-1]
    assert catalog.of_alerts(spec()) == ()


@pytest.mark.parametrize(
    ("settings", "apis"),
    [
        ({"cost": CostSettings(request_logs="errors")}, {"logging.googleapis.com"}),
        ({"bigquery": Warehouse("sensors")}, {"bigquery.googleapis.com"}),
        (
            {"alerts": Alerts(emails=("ops@example.com",))},
            {"logging.googleapis.com", "monitoring.googleapis.com"},
        ),
    ],
)
def test_the_products_apis_of_a_deployment_are_those_that_its_settings_need(
    settings: dict[str, Any], apis: set[str]
) -> None:
    usual = set(catalog.services())
    assert set(catalog.services_of(spec())) == usual
    assert set(catalog.services_of(spec(**settings))) - usual == apis


def test_the_products_subscriptions_keep_what_the_settings_say_and_else_their_defaults() -> None:
    kept = [(made.retention, made.initial_retention) for made in catalog.subscriptions_of(spec())]
    assert kept == [(None, "7d"), (None, "31d")]
    set_to = spec(retention="1d", rejected_retention="2d")
    assert [made.retention for made in catalog.subscriptions_of(set_to)] == ["1d", "2d"]


def test_the_products_dead_letters_have_a_topic_and_a_subscription_before_the_subscription_that_uses_them() -> None:
    settings = spec(subscriptions=(SubscriptionSettings("alarms", dead_letter="dead"),))
    made = catalog.resources(settings)
    assert all(resource.spec == settings for resource in made)
    titles = [resource.title for resource in made]
    usual = [resource.title for resource in catalog.resources(spec())]
    assert [title for title in titles if title not in usual] == [
        "topic dead",
        "subscription dead",
        "Pub/Sub's service agent",
        "Pub/Sub as publisher on topic dead",
        "subscription alarms",
        "Pub/Sub as subscriber on subscription alarms",
    ]
    names = [subscription.name for subscription in catalog.subscriptions_of(settings)]
    assert names == ["dt-events", "dt-rejected", "dead", "alarms"]


def test_the_products_plan_removes_the_subscription_of_a_dataset_that_is_no_longer_written() -> None:
    (retired,) = catalog.retired(spec(bigquery=Warehouse(dataset="")))
    assert retired.title == "subscription dt-events-bigquery"
    assert retired in catalog.watched(spec(bigquery=Warehouse(dataset="")))
    assert catalog.retired(spec()) == catalog.retired(spec(bigquery=Warehouse("sensors"))) == ()


def test_a_plan_reads_made_and_left_resources_and_a_removal_those_without_a_parent() -> None:
    made, watched = catalog.resources(spec()), catalog.watched(spec())
    left = ["functions in other regions", "subscriptions in no settings"]
    assert [resource.title for resource in watched if resource not in made] == left
    removable = catalog.removable(spec())
    assert [resource.title for resource in removable if resource not in watched] == [
        "data in BigQuery",
        "topics in no settings",
        "temporary subscriptions",
        "secrets of verify --report",
        "functions of verify --report",
        *(resource.title for resource in catalog.of_alerts(spec(alerts=Alerts(emails=("ops@example.com",))))),
        "log exclusions",
    ]
    assert all(resource.parent for resource in watched if resource not in removable)
