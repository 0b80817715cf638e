"""Topics and subscriptions in no settings: found by their label, and removed with what goes with them."""

from deploy.resources.pubsub import UNREAD, Subscription, Topic
from deploy.resources.unlisted import Unlisted
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
