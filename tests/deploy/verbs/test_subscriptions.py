"""Further subscriptions in every verb, with both clouds in memory."""

from dataclasses import replace
from typing import Any

import pytest

from deploy.errors import ApplyFailed, NotOwned, NotReady
from deploy.spec import SubscriptionSettings
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO, UNHEALTHY
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage

ALARMS = SubscriptionSettings("alarms", filter='attributes.eventType = "touch"', dead_letter="alarms-dead-letter")
PUSHED = SubscriptionSettings("to-service", push="https://events.example.com/dt", no_wrapper=True)
BOTH: dict[str, Any] = {"subscriptions": (ALARMS, PUSHED)}
AGENT = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"


@pytest.fixture
def further(up: Stage) -> Stage:
    """A finished deployment, to which two subscriptions were added."""
    assert up.deployment(**BOTH).up(verify=False) == NOTHING_TO_DO
    up.out.truncate(0)
    up.out.seek(0)
    return up


def names(stage: Stage, kind: str) -> list[str]:
    return [name for group, name in stage.google.things if group == kind]


def test_up_makes_subscriptions_with_their_dead_letter_topic_and_both_roles_and_then_nothing_more(up: Stage) -> None:
    assert up.deployment(**BOTH).plan() == CHANGES
    assert up.deployment(**BOTH).up(verify=False) == NOTHING_TO_DO
    assert names(up, "subscriptions")[2:] == ["alarms-dead-letter", "alarms", "to-service"]
    assert up.google.policies["topics alarms-dead-letter"] == [{"role": "roles/pubsub.publisher", "members": [AGENT]}]
    assert up.google.policies["subscriptions alarms"] == [{"role": "roles/pubsub.subscriber", "members": [AGENT]}]
    made = [line.split(" --")[0] for line in up.google.changes()]
    order = ("beta services identity create", "pubsub subscriptions create alarms")
    assert made.index(order[0]) < made.index(order[1])
    assert made.index(order[1]) < made.index("pubsub subscriptions add-iam-policy-binding alarms")
    up.google.asked.clear()
    assert up.deployment(**BOTH).plan() == NOTHING_TO_DO
    assert up.google.changes() == []


def test_a_first_up_makes_them_with_everything_else(stage: Stage) -> None:
    assert stage.deployment(**BOTH).up(verify=False) == NOTHING_TO_DO
    assert stage.deployment(**BOTH).plan() == NOTHING_TO_DO
    assert stage.google.policies["subscriptions alarms"][0]["members"] == [AGENT]


def test_a_subscription_that_is_taken_out_of_the_settings_is_shown_and_left_alone(further: Stage) -> None:
    assert further.deployment(subscriptions=(PUSHED,)).up(verify=False) == NOTHING_TO_DO
    assert {"alarms", "alarms-dead-letter"} < set(names(further, "subscriptions"))
    left = [line for line in further.shown.splitlines() if "is in no settings" in line]
    assert [line.split()[:4] for line in left] == [
        ["=", "keep", "subscription", "alarms"],
        ["=", "keep", "subscription", "alarms-dead-letter"],
    ]
    assert f"gcloud pubsub subscriptions delete alarms --project={PROJECT}" in left[0]


def test_down_deletes_also_what_is_no_longer_in_the_settings_with_the_number_of_its_messages(further: Stage) -> None:
    further.unread |= {"alarms": (2, 60), "to-service": (1, 60)}
    further.google.things["subscriptions", "theirs"] = {
        "name": f"projects/{PROJECT}/subscriptions/theirs",
        "topic": f"projects/{PROJECT}/topics/dt-events",
        "labels": {},
    }
    assert further.deployment(subscriptions=(PUSHED,)).down() == NOTHING_TO_DO
    assert list(further.google.things) == [("subscriptions", "theirs")]
    assert "in no settings; 2 unread messages go with it" in further.shown
    assert "and 3 unread messages are deleted" in further.shown
    (others,) = [line for line in further.shown.splitlines() if "others subscribe to it" in line]
    assert others.endswith(f"will receive nothing: projects/{PROJECT}/subscriptions/theirs")


def test_a_left_subscription_that_lost_its_label_since_the_plan_is_not_deleted(further: Stage) -> None:
    def taken(argv: tuple[str, ...]) -> None:
        if argv[:4] == ("pubsub", "subscriptions", "describe", "alarms"):
            further.google.things["subscriptions", "alarms"]["labels"] = {}

    further.google.before = taken
    with pytest.raises(ApplyFailed, match="subscription alarms: exists, but does not have the label"):
        further.deployment().down()
    assert "alarms" in names(further, "subscriptions")


def test_status_shows_the_backlog_of_each_of_them(further: Stage) -> None:
    further.unread |= {"alarms": (3, 7200), "to-service": (0, 0), "alarms-dead-letter": (1, 30)}
    further.deployment(**BOTH, in_json=True).status()
    rows = {row["what"]: row for row in further.in_json()["status"]}
    assert rows["unread in alarms"]["state"] == "unread"
    assert rows["unread in alarms"]["detail"].endswith("does a subscriber read it?")
    assert rows["unread in to-service"]["health"] == "ok"
    dead = rows["dead letters in alarms-dead-letter"]
    assert (dead["state"], dead["health"]) == ("undelivered", "unhealthy")
    assert dead["lookAt"].startswith("gcloud pubsub subscriptions pull alarms-dead-letter --limit=10")
    assert [backlog["subscription"] for backlog in further.in_json()["health"]["backlogs"]] == [
        "dt-events",
        "dt-rejected",
        "alarms-dead-letter",
        "alarms",
        "to-service",
    ]


def test_status_shows_what_is_in_no_settings_with_its_backlog_and_the_command_that_deletes_it(further: Stage) -> None:
    further.unread |= {"alarms": (3, 7200), "to-service": (0, 0), "alarms-dead-letter": (1, 30)}
    assert further.deployment(subscriptions=(PUSHED,), in_json=True).status() == UNHEALTHY
    rows = {row["what"]: row for row in further.in_json()["status"]}
    left = rows["unread in alarms"]
    assert (left["state"], left["health"]) == ("unread", "unhealthy")
    assert left["detail"].startswith("3 messages, the oldest 2 h old; as of ")
    assert left["detail"].endswith(
        "; it is in no settings, and still gets messages: name it there if a subscriber reads it; "
        "the command deletes it with its messages"
    )
    assert left["fix"] == f"gcloud pubsub subscriptions delete alarms --project={PROJECT}"
    read = rows["unread in alarms-dead-letter"]
    assert (read["state"], read["health"]) == ("ok", "ok")
    assert read["detail"].endswith("; it is in no settings")


def test_status_says_of_what_is_in_no_settings_that_it_has_no_numbers(further: Stage) -> None:
    further.deployment(in_json=True).status()
    rows = {row["what"]: row for row in further.in_json()["status"]}
    assert rows["unread in alarms"]["detail"] == "Google has no numbers yet; it is in no settings"


def test_a_changed_filter_stops_the_plan_before_anything_is_changed(further: Stage) -> None:
    further.google.asked.clear()
    other = replace(ALARMS, filter="attributes:origin")
    with pytest.raises(NotOwned, match="Pub/Sub cannot change the filter"):
        further.deployment(subscriptions=(other,)).up(verify=False)
    assert further.google.changes() == []


def test_a_subscription_of_others_with_the_same_name_is_left_alone(up: Stage) -> None:
    up.google.things["subscriptions", "alarms"] = {"labels": {}, "topic": f"projects/{PROJECT}/topics/dt-events"}
    with pytest.raises(NotOwned, match="subscription alarms: exists, but does not have the label"):
        up.deployment(**BOTH).plan()


@pytest.mark.parametrize("settings", [{}, {"subscriptions": (PUSHED,)}])
def test_the_permissions_for_dead_letters_are_needed_only_with_dead_letters(
    up: Stage, settings: dict[str, Any]
) -> None:
    up.held -= {"pubsub.subscriptions.setIamPolicy", "pubsub.subscriptions.getIamPolicy"}
    assert up.deployment(**settings, labels={"team": "x"}).plan() == CHANGES
    with pytest.raises(NotReady, match=r"you lack pubsub\.subscriptions\.getIamPolicy, pubsub\.subscriptions\.setIam"):
        up.deployment(**BOTH).plan()


def test_doubts_about_settings_are_noted_above_the_plan(up: Stage) -> None:
    up.deployment(**BOTH, doubts=("deploy.toml, line 3: subscription alarms: ordering: has no effect",)).plan()
    assert "note: deploy.toml, line 3: subscription alarms: ordering: has no effect" in up.noted
