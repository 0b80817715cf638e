"""Topics and subscriptions in no settings: found by their label, and removed with what goes with them."""

from typing import Any, Literal

from deploy.resources.pubsub import UNREAD, Subscription, Topic
from deploy.resources.unlisted import Unlisted
from deploy.spec import Warehouse
from deploy.steps import GcloudCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

OURS = {"dt-pubsub": "dt-pubsub"}
KNOWN = frozenset({"dt-events"})


def listed(kind: str, *names: str) -> list[dict[str, object]]:
    return [{"name": f"projects/{PROJECT}/{kind}s/{name}", "labels": OURS} for name in names]


def test_those_with_the_label_that_no_setting_names_are_listed_by_one_command() -> None:
    left = Unlisted(spec(), "topic", KNOWN)
    assert left.describe == ("pubsub", "topics", "list", "--filter=labels.dt-pubsub=dt-pubsub", f"--project={PROJECT}")
    theirs = {"name": f"projects/{PROJECT}/topics/theirs", "labels": {"dt-pubsub": "another"}}
    assert left.names({"labelled": [*listed("topic", "old", "dt-events"), theirs]}) == ["old"]
    assert left.names({"labelled": None}) == []


def test_a_left_topic_is_deleted_without_a_word_about_messages_and_a_left_subscription_with_their_number() -> None:
    (topic,) = Unlisted(spec(), "topic", KNOWN).removal({"labelled": listed("topic", "old"), UNREAD: {"old": 3}})
    assert (topic.resource, topic.reason) == ("topic old", "marked dt-pubsub=dt-pubsub, in no settings")
    assert topic.call == GcloudCall(("pubsub", "topics", "delete", "old", f"--project={PROJECT}"))
    left = Unlisted(spec(), "subscription", KNOWN)
    (subscription,) = left.removal({"labelled": listed("subscription", "old"), UNREAD: {"old": 3}})
    assert subscription.reason.startswith("marked dt-pubsub=dt-pubsub, in no settings; 3 unread messages go with it")
    (unknown,) = left.removal({"labelled": listed("subscription", "old")})
    assert unknown.reason == "marked dt-pubsub=dt-pubsub, in no settings; messages not yet read go with it"


def test_the_owner_of_a_left_one_is_read_before_it_is_deleted() -> None:
    subscriptions, topics = Unlisted(spec(), "subscription", KNOWN), Unlisted(spec(), "topic", KNOWN)
    owner = subscriptions.owner(subscriptions.id.part_named("old"))
    assert (type(owner), owner.title) == (Subscription, "subscription old")
    owner = topics.owner(topics.id.part_named("old"))
    assert (type(owner), owner.title) == (Topic, "topic old")


def test_a_plan_leaves_them_alone_and_shows_the_command_that_deletes_them() -> None:
    (step,) = Unlisted(spec(), "subscription", KNOWN).plan({"labelled": listed("subscription", "old", "dt-events")})
    assert (step.action, step.resource, step.call) == ("keep", "subscription old", None)
    assert step.reason == (
        "is in no settings, so it is left alone, and still gets messages; this deletes them with it: "
        f"gcloud pubsub subscriptions delete old --project={PROJECT}"
    )


WRITER, REFUSED = "dt-events-bigquery", "dt-events-unwritten"
STORING = [
    {**listed("subscription", WRITER)[0], "bigqueryConfig": {"table": f"{PROJECT}.warehouse.events"}},
    *listed("subscription", REFUSED, "old"),
]


def reasons(
    storing: list[dict[str, object]], kind: Literal["subscription", "topic"] = "subscription", **of: Any
) -> list[str]:
    """Return the reasons of a plan, up to the command that deletes what is in no settings."""
    steps = Unlisted(spec(**of), kind, KNOWN).plan({"labelled": storing})
    return [f"{step.resource}: {step.reason.partition('; this deletes')[0]}" for step in steps]


LEFT = "is in no settings, so it is left alone, and still gets messages"


def test_subscriptions_that_store_events_are_shown_with_the_ways_to_compare_or_end_that_and_without_a_deletion() -> (
    None
):
    how = (
        "not compared; python -m deploy up --bigquery=warehouse compares it, "
        "python -m deploy up --bigquery=none ends the storing"
    )
    assert reasons(STORING) == [
        f"subscription {WRITER}: stores events in BigQuery dataset warehouse, {how}",
        f"subscription {REFUSED}: gets the events that BigQuery dataset warehouse refuses, {how}",
        f"subscription old: {LEFT}",
    ]


def test_without_a_subscription_of_ours_that_writes_to_bigquery_its_name_means_nothing() -> None:
    theirs = {**STORING[0], "labels": {}}
    assert reasons([theirs, *STORING[1:]]) == [f"subscription {name}: {LEFT}" for name in (REFUSED, "old")]
    pulled = listed("subscription", WRITER, REFUSED)
    assert reasons(pulled) == [f"subscription {name}: {LEFT}" for name in (WRITER, REFUSED)]
    assert reasons(STORING[:1], bigquery=Warehouse(dataset="")) == [f"subscription {WRITER}: {LEFT}"]
    assert reasons(STORING[:1], "topic") == [f"topic {WRITER}: {LEFT}"]
