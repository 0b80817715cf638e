"""Topics, their subscriptions, and the subscriptions that killed proofs left."""

import contextlib
from typing import Any

import pytest

from deploy.errors import DeployError, NotOwned, Unusable
from deploy.resources.pubsub import UNREAD, Subscription, TemporarySubscriptions, Topic, loss_words, unread_words
from deploy.resources.resource import answered
from deploy.stages.plan import plan
from deploy.steps import GcloudCall, pending
from tests.deploy.cases import PLANS, observed_of, overlaid, planned, read, spec_of
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage, spec


def test_a_subscription_that_pushes_is_left_alone_and_shown() -> None:
    everything = read(PLANS / "everything.json")
    pushing = {"subscription dt-events": {"subscription": {"pushConfig": {"pushEndpoint": "https://example.com/in"}}}}
    steps = plan(spec_of(everything["spec"]), observed_of(overlaid(everything["observed"], {"facts": pushing})))
    assert pending(steps) == ()
    reason = next(step.reason for step in steps if step.resource == "subscription dt-events")
    assert reason.endswith("; pushes to https://example.com/in, set elsewhere")


def test_down_names_the_subscriptions_of_others_that_get_no_more_messages(up: Stage) -> None:
    topic = f"projects/{PROJECT}/topics/dt-events"
    for name in ("archive", "dt-events-verify-00c0ffee", "dt-events-follow-00c0ffee"):
        full = f"projects/{PROJECT}/subscriptions/{name}"
        up.google.things["subscriptions", name] = {"name": full, "topic": topic, "labels": {}}
    up.deployment().down()
    (line,) = [line for line in up.shown.splitlines() if "others subscribe to it" in line]
    assert f"projects/{PROJECT}/subscriptions/archive" in line
    assert "verify" not in line
    assert f"projects/{PROJECT}/subscriptions/dt-events" not in line


def test_every_subscription_of_others_is_named() -> None:
    names = [f"projects/{PROJECT}/subscriptions/{name}" for name in ("dt-events", "b", "a", "dt-events-verify-1")]
    loss = Topic(spec(), "dt-events").loss({"subscriptions": names})
    assert loss == f"; others subscribe to it, and will receive nothing: {names[2]}, {names[1]}"
    assert Topic(spec(), "dt-events").loss({"subscriptions": names[:1]}) == ""


@pytest.mark.parametrize("verb", ["down", "verify"])
def test_a_listed_subscription_without_the_mark_of_our_proofs_stays(up: Stage, verb: str) -> None:
    theirs = {"name": f"projects/{PROJECT}/subscriptions/dt-verify-it", "topic": "t", "labels": {"team": "payments"}}
    up.google.things["subscriptions", "dt-verify-it"] = theirs
    with contextlib.suppress(DeployError):
        getattr(up.deployment(), verb)()
    assert up.google.things["subscriptions", "dt-verify-it"] == theirs


def test_a_topic_is_made_with_its_labels_and_only_labels_are_changed() -> None:
    topic = Topic(spec(labels={"team": "cold-chain"}), "dt-events")
    (made,) = topic.plan({"topic": None})
    assert made.call == GcloudCall(
        (
            "pubsub",
            "topics",
            "create",
            "dt-events",
            "--labels=dt-pubsub=dt-pubsub,team=cold-chain",
            f"--project={PROJECT}",
        )
    )
    (changed,) = topic.plan({"topic": {"labels": {"dt-pubsub": "dt-pubsub", "site": "oslo"}}})
    assert changed.reason == "label team none -> cold-chain"
    labels = "--update-labels=dt-pubsub=dt-pubsub,team=cold-chain"
    assert changed.call == GcloudCall(("pubsub", "topics", "update", "dt-events", labels, f"--project={PROJECT}"))
    (kept,) = topic.plan({"topic": {"labels": {"dt-pubsub": "dt-pubsub", "team": "cold-chain"}, "kmsKeyName": "k"}})
    assert (kept.action, kept.id, kept.reason) == (
        *("keep", topic.id),
        "is as it should be; encrypted with k, set elsewhere",
    )


def test_the_subscriptions_of_a_topic_are_listed_before_its_removal_only_if_it_is_ours() -> None:
    topic = Topic(spec(), "dt-events")
    listed = ("pubsub", "topics", "list-subscriptions", "dt-events", f"--project={PROJECT}")
    ours = {"labels": {"dt-pubsub": "dt-pubsub"}}
    asked = answered(topic.removal_reads(), lambda query: ours if query == topic.describe else query)
    assert asked == {"topic": ours, "subscriptions": listed}
    assert answered(topic.removal_reads(), lambda _: None) == {"topic": None}
    assert list(answered(topic.removal_reads(), lambda _: {"labels": {"team": "payments"}})) == ["topic"]


@pytest.mark.parametrize(
    ("count", "words", "loss"),
    [
        (None, None, "; messages not yet read go with it"),
        (
            0,
            "no unread messages",
            "; no unread messages go with it, as Google counted them in the last minutes",
        ),
        (1, "1 unread message", "; 1 unread message goes with it, as Google counted it in the last minutes"),
        (2, "2 unread messages", "; 2 unread messages go with it, as Google counted them in the last minutes"),
    ],
)
def test_the_removal_of_a_subscription_says_how_many_messages_go_with_it(
    count: int | None, words: str | None, loss: str
) -> None:
    assert loss_words(count) == loss
    assert count is None or unread_words(count) == words
    facts = {"subscription": FOUND, **({} if count is None else {UNREAD: count})}
    (step,) = subscription().removal(facts)
    assert step.reason == f"marked dt-pubsub=dt-pubsub{loss}"


@pytest.mark.parametrize(("retention", "kept"), [(None, "7d"), ("1d", "1d")])
def test_a_subscription_is_made_by_one_command_and_never_expires(retention: str | None, kept: str) -> None:
    (made,) = subscription(retention=retention).plan({"subscription": None})
    assert made.call == GcloudCall(
        (
            *("pubsub", "subscriptions", "create", "dt-events", "--topic=dt-events", "--expiration-period=never"),
            *(f"--message-retention-duration={kept}", "--labels=dt-pubsub=dt-pubsub", f"--project={PROJECT}"),
        )
    )


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"expirationPolicy": {"ttl": "86400s"}}, "expiration 86400s -> never"),
        ({"expirationPolicy": None}, "expiration 31 days unused -> never"),
        ({"messageRetentionDuration": "600s"}, "retention 600s -> 7d"),
    ],
)
def test_the_update_of_a_subscription_shows_both_values(found: dict[str, Any], reason: str) -> None:
    (step,) = subscription(retention="7d").plan({"subscription": {**FOUND, **found}})
    assert (step.action, step.reason) == ("update", reason)


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ({"detached": True}, "is detached from its topic: it gets nothing, and cannot be attached again"),
        ({"topic": "_deleted-topic_"}, "reads from _deleted-topic_, and a subscription cannot be moved: read it empty"),
    ],
)
def test_the_error_of_a_subscription_without_messages_says_why(found: dict[str, Any], what: str) -> None:
    with pytest.raises(Unusable) as refused:
        subscription().plan({"subscription": {**FOUND, **found}})
    assert (refused.value.what, refused.value.where) == (what, "subscription dt-events")


def subscription(**changes: Any) -> Subscription:
    return Subscription(spec(**changes), "dt-events", changes.get("retention"), "7d")


FOUND = {
    "topic": f"projects/{PROJECT}/topics/dt-events",
    "labels": {"dt-pubsub": "dt-pubsub"},
    "expirationPolicy": {},
}
EXPIRES = {"expirationPolicy": {"ttl": "86400s"}}


@pytest.mark.parametrize(
    ("found", "wanted", "flags"),
    [
        (EXPIRES, {}, ["--expiration-period=never"]),
        ({"messageRetentionDuration": "600s"}, {"retention": "7d"}, ["--message-retention-duration=7d"]),
        ({"messageRetentionDuration": "604800s"}, {"retention": "7d"}, []),
        ({}, {"labels": {"a": "b"}}, ["--update-labels=a=b,dt-pubsub=dt-pubsub"]),
        (
            EXPIRES,
            {"retention": "1d", "labels": {"a": "b"}},
            ["--expiration-period=never", "--message-retention-duration=1d", "--update-labels=a=b,dt-pubsub=dt-pubsub"],
        ),
    ],
)
def test_a_subscription_is_updated_only_with_the_flags_of_its_differences(
    found: dict[str, Any], wanted: dict[str, Any], flags: list[str]
) -> None:
    (step,) = subscription(**wanted).plan({"subscription": {**FOUND, **found}})
    assert (step.action == "update") is bool(flags)
    assert step.id == subscription().id
    if isinstance(step.call, GcloudCall):
        assert list(step.call.argv[4:-1]) == flags


def test_a_new_subscription_keeps_the_order_and_an_old_one_that_does_not_is_shown() -> None:
    ordered = subscription(settings={"ORDERING_KEY": "device"})
    (made,) = ordered.plan({"subscription": None})
    assert isinstance(made.call, GcloudCall)
    assert "--enable-message-ordering" in made.call.argv
    (kept,) = ordered.plan({"subscription": FOUND})
    assert "without message ordering, as it was made" in kept.reason
    (kept,) = ordered.plan({"subscription": {**FOUND, "enableMessageOrdering": True}})
    assert kept.reason == "never expires, keeps 7 days"


@pytest.mark.parametrize(
    ("kept", "retention", "reason"),
    [
        ("604800s", None, "never expires, keeps 7 days"),
        ("86400s", None, "never expires, keeps 1 day, which is not in these settings"),
        ("86400s", "1d", "never expires, keeps 1 day"),
    ],
)
def test_a_retention_is_shown_as_set_elsewhere_if_it_is_neither_the_default_nor_ours(
    kept: str, retention: str | None, reason: str
) -> None:
    (step,) = subscription(retention=retention).plan({"subscription": {**FOUND, "messageRetentionDuration": kept}})
    assert (step.action, step.reason) == ("keep", reason)


@pytest.mark.parametrize("found", [{"detached": True}, {"topic": "_deleted-topic_"}])
def test_a_subscription_without_messages_is_refused_with_the_command_that_deletes_it(found: dict[str, Any]) -> None:
    with pytest.raises(NotOwned) as refused:
        planned({"subscription dt-events": {"subscription": found}})
    assert "  fix: gcloud pubsub subscriptions delete dt-events" in str(refused.value)


def test_subscriptions_of_proofs_and_of_follow_are_deleted_by_their_label_and_never_planned() -> None:
    abandoned = TemporarySubscriptions(spec())
    left = [
        {"name": f"projects/{PROJECT}/subscriptions/ours", "labels": {"dt-pubsub-verify": "dt-pubsub"}},
        {"name": f"projects/{PROJECT}/subscriptions/theirs", "labels": {"dt-pubsub-verify": "another"}},
        {"name": f"projects/{PROJECT}/subscriptions/live", "labels": {"dt-pubsub-follow": "dt-pubsub"}},
    ]
    marks = "labels.dt-pubsub-verify=dt-pubsub OR labels.dt-pubsub-follow=dt-pubsub OR labels.dt-pubsub-audit=dt-pubsub"
    assert f"--filter={marks}" in abandoned.describe
    assert [abandoned.is_of_proof(found) for found in left] == [True, False, False]
    step, of_follow = abandoned.removal({"left": left})
    assert (of_follow.resource, of_follow.reason) == ("subscription live", "left by follow, or follow still runs")
    assert (step.action, step.resource) == ("delete", "subscription ours")
    assert step.reason == "left by a proof that was interrupted"
    assert step.call == GcloudCall(("pubsub", "subscriptions", "delete", "ours", f"--project={PROJECT}"))
    (of_audit,) = abandoned.removal({"left": [{"name": "s", "labels": {"dt-pubsub-audit": "dt-pubsub"}}]})
    assert of_audit.reason == "left by audit, or audit still runs"
    assert abandoned.plan({"left": left}) == ()
    assert abandoned.removal({"left": None}) == ()
