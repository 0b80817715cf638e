"""Further subscriptions: how they are made and changed, and what Pub/Sub cannot change."""

from typing import Any

import pytest

from deploy.errors import Unusable
from deploy.resources.further_subscription import FurtherSubscription, further_subscriptions
from deploy.spec import SubscriptionSettings
from deploy.steps import GcloudCall, ResourceId
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

URL = "https://events.example.com/dt"
ACCOUNT = "pusher@my-project.iam.gserviceaccount.com"
FILTER = 'attributes.eventType = "touch"'
FOUND = {
    "topic": f"projects/{PROJECT}/topics/dt-events",
    "labels": {"dt-pubsub": "dt-pubsub"},
    "expirationPolicy": {},
    "messageRetentionDuration": "604800s",
}
LOST = f"projects/{PROJECT}/topics/lost"
AS_ACCOUNT = [f"--push-endpoint={URL}", f"--push-auth-service-account={ACCOUNT}"]
PUSHED = {"pushEndpoint": URL, "oidcToken": {"serviceAccountEmail": ACCOUNT, "audience": URL}}


def further(**wanted: Any) -> FurtherSubscription:
    (subscription,) = further_subscriptions(spec(subscriptions=(SubscriptionSettings("alarms", **wanted),)))
    return subscription


def flags(subscription: FurtherSubscription, found: dict[str, Any] | None) -> list[str]:
    """Return the flags of the command that makes or changes a subscription; none if nothing differs."""
    (step,) = subscription.plan({"subscription": None if found is None else {**FOUND, **found}})
    return list(step.call.argv[4:-1]) if isinstance(step.call, GcloudCall) else []


def test_a_plain_subscription_never_expires_and_keeps_messages_as_long_as_the_main_one() -> None:
    assert flags(further(), None) == [
        "--topic=dt-events",
        "--expiration-period=never",
        "--message-retention-duration=7d",
        "--labels=dt-pubsub=dt-pubsub",
    ]
    assert flags(further(topic="rejected"), None)[:3] == [
        "--topic=dt-rejected",
        "--expiration-period=never",
        "--message-retention-duration=31d",
    ]


def test_a_subscription_is_made_with_the_flags_of_its_settings() -> None:
    made = flags(further(filter=FILTER, ordering=True, exactly_once=True, ack_deadline="10m", dead_letter="lost"), None)
    assert made[3:-1] == [
        f"--message-filter={FILTER}",
        "--enable-message-ordering",
        "--enable-exactly-once-delivery",
        "--ack-deadline=600",
        "--dead-letter-topic=lost",
        "--max-delivery-attempts=20",
        "--min-retry-delay=10s",
        "--max-retry-delay=600s",
    ]
    pushed = further(push=URL, service_account=ACCOUNT, audience="dt", no_wrapper=True)
    assert flags(pushed, None)[3:-1] == [
        f"--push-endpoint={URL}",
        f"--push-auth-service-account={ACCOUNT}",
        "--push-auth-token-audience=dt",
        "--push-no-wrapper",
        "--push-no-wrapper-write-metadata",
    ]


def test_a_subscription_comes_after_its_topic_and_its_dead_letter_topic() -> None:
    assert further(dead_letter="lost").after == (ResourceId("topic", "dt-events"), ResourceId("topic", "lost"))
    assert further().after == (ResourceId("topic", "dt-events"),)


@pytest.mark.parametrize(
    ("wanted", "found", "changes", "changing"),
    [
        ({"ack_deadline": "10s"}, {}, "", []),
        ({"ack_deadline": "1m"}, {}, "ack deadline 10s -> 1m", ["--ack-deadline=60"]),
        ({"ack_deadline": "1m"}, {"ackDeadlineSeconds": 60}, "", []),
        ({"retention": "1d"}, {}, "retention 604800s -> 1d", ["--message-retention-duration=1d"]),
        (
            {"exactly_once": True},
            {},
            "exactly-once delivery false -> true",
            ["--enable-exactly-once-delivery"],
        ),
        (
            {"exactly_once": False},
            {"enableExactlyOnceDelivery": True},
            "exactly-once delivery true -> false",
            ["--no-enable-exactly-once-delivery"],
        ),
        ({"push": ""}, {"pushConfig": {}}, "", []),
        ({"push": ""}, {"pushConfig": {"pushEndpoint": URL}}, f"push to {URL} -> none", ["--push-endpoint="]),
        ({"push": URL}, {}, f"push to none -> {URL}", [f"--push-endpoint={URL}"]),
        ({"push": URL, "service_account": ACCOUNT}, {"pushConfig": PUSHED}, "", []),
        (
            {"push": URL, "service_account": ACCOUNT, "audience": "dt"},
            {"pushConfig": PUSHED},
            'push {"audience": ""} -> {"audience": "dt"}',
            [*AS_ACCOUNT, "--push-auth-token-audience=dt"],
        ),
        (
            {"push": URL, "service_account": ACCOUNT},
            {"pushConfig": {**PUSHED, "oidcToken": {"serviceAccountEmail": "other@p", "audience": "dt"}}},
            (
                'push {"service_account": "other@p", "audience": "dt"} -> '
                f'{{"service_account": "{ACCOUNT}", "audience": ""}}'
            ),
            AS_ACCOUNT,
        ),
        (
            {"push": URL, "no_wrapper": True},
            {"pushConfig": {"pushEndpoint": URL, "noWrapper": {"writeMetadata": True}}},
            "",
            [],
        ),
        (
            {"push": URL, "service_account": ACCOUNT, "no_wrapper": True},
            {"pushConfig": PUSHED},
            'push {"no_wrapper": false} -> {"no_wrapper": true}',
            [
                f"--push-endpoint={URL}",
                f"--push-auth-service-account={ACCOUNT}",
                "--push-no-wrapper",
                "--push-no-wrapper-write-metadata",
            ],
        ),
        (
            {"push": URL, "no_wrapper": True},
            {"pushConfig": {"pushEndpoint": URL, "noWrapper": {}}},
            'push {"no_wrapper": "without attributes"} -> {"no_wrapper": true}',
            [f"--push-endpoint={URL}", "--push-no-wrapper", "--push-no-wrapper-write-metadata"],
        ),
        (
            {"dead_letter": "lost"},
            {},
            "dead-letter topic none -> lost",
            [
                "--dead-letter-topic=lost",
                "--max-delivery-attempts=20",
                "--min-retry-delay=10s",
                "--max-retry-delay=600s",
            ],
        ),
        ({"dead_letter": "lost"}, {"deadLetterPolicy": {"deadLetterTopic": LOST}}, "", []),
        *(
            (
                {"dead_letter": "lost"},
                {"deadLetterPolicy": {"deadLetterTopic": other}},
                f"dead-letter topic {other} -> lost",
                [
                    "--dead-letter-topic=lost",
                    "--max-delivery-attempts=20",
                    "--min-retry-delay=10s",
                    "--max-retry-delay=600s",
                ],
            )
            for other in ("_deleted-topic_", "projects/elsewhere/topics/lost")
        ),
        (
            {"dead_letter": ""},
            {"deadLetterPolicy": {"deadLetterTopic": LOST}},
            "dead-letter topic lost -> none",
            ["--clear-dead-letter-policy"],
        ),
    ],
)
def test_only_what_differs_is_changed(
    wanted: dict[str, Any], found: dict[str, Any], changes: str, changing: list[str]
) -> None:
    (step,) = further(**wanted).plan({"subscription": {**FOUND, **found}})
    assert flags(further(**wanted), found) == changing
    assert (step.reason if step.action == "update" else "") == changes


def test_what_no_setting_says_is_left_as_it_is_and_shown() -> None:
    found = {"filter": FILTER, "pushConfig": PUSHED, "enableMessageOrdering": True, "ackDeadlineSeconds": 60}
    (step,) = further().plan({"subscription": {**FOUND, **found}})
    assert step.action == "keep"
    for phrase in (f"only messages that match {FILTER}", "ack deadline 60 s", "message ordering", f"pushes to {URL}"):
        assert f"{phrase}, set elsewhere" in step.reason
    (step,) = further(push=URL, service_account=ACCOUNT, filter=FILTER, ordering=True, ack_deadline="60s").plan(
        {"subscription": {**FOUND, **found}}
    )
    assert (step.action, step.reason) == ("keep", "never expires, keeps 7 days")


def test_the_pauses_and_the_topic_of_dead_letters_are_set_elsewhere_unless_a_setting_names_the_topic() -> None:
    pauses = {"minimumBackoff": "10s", "maximumBackoff": "600s"}
    found = {"retryPolicy": pauses, "deadLetterPolicy": {"deadLetterTopic": LOST}, "enableExactlyOnceDelivery": True}
    (step,) = further().plan({"subscription": {**FOUND, **found}})
    assert [phrase in step.reason for phrase in ("waits 10s", LOST, "exactly-once delivery")] == [True] * 3
    (step,) = further(dead_letter="lost", exactly_once=True).plan({"subscription": {**FOUND, **found}})
    assert (step.action, step.reason) == ("keep", "never expires, keeps 7 days")


@pytest.mark.parametrize(
    ("wanted", "found", "change"),
    [
        ({"filter": FILTER}, {}, f"the filter none -> {FILTER}"),
        ({"filter": ""}, {"filter": FILTER}, f"the filter {FILTER} -> none"),
        ({"ordering": True}, {}, "message ordering false -> true"),
        ({"ordering": False}, {"enableMessageOrdering": True}, "message ordering true -> false"),
    ],
)
def test_what_pubsub_cannot_change_is_said_before_it_is_tried(
    wanted: dict[str, Any], found: dict[str, Any], change: str
) -> None:
    with pytest.raises(Unusable) as refused:
        further(**wanted).plan({"subscription": {**FOUND, **found}})
    assert refused.value.what == (
        f"Pub/Sub cannot change {change}: give the new one another name, and delete this one when it is read empty; "
        "or delete it now"
    )
    assert refused.value.where == "subscription alarms"
    assert refused.value.fix == (f"gcloud pubsub subscriptions delete alarms --project={PROJECT}",)


def test_a_subscription_cannot_be_moved_to_another_topic() -> None:
    with pytest.raises(Unusable, match=r"subscription alarms: reads from projects/.*/dt-events, and a subscription"):
        further(topic="rejected").plan({"subscription": FOUND})
