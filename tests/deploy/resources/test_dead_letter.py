"""Dead letters: the topic that keeps them, its subscription, and the two roles without which Pub/Sub moves nothing."""

from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.resources.dead_letter import (
    DeadLetter,
    agents,
    dead_letter_subscriptions,
    dead_letter_topics,
    dead_letters,
    roles_after,
    roles_before,
)
from deploy.resources.service_agent import ServiceAgent, service_agent
from deploy.spec import SubscriptionSettings, Warehouse
from deploy.steps import GcloudCall, ResourceId
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

NUMBER = "123456789012"
AGENT = f"serviceAccount:service-{NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"
OURS = spec(project_number=NUMBER)
LETTERS = (DeadLetter("alarms", "dead"), DeadLetter("archive", "dead"), DeadLetter("reports", "reports-dead-letter"))
PROJECT_FOUND = {"project": {"projectNumber": NUMBER}}
PUBLISHES = {"bindings": [{"role": "roles/pubsub.publisher", "members": [AGENT]}]}


def commands(*steps: Any) -> list[str]:
    return [" ".join(step.call.argv) for step in steps if isinstance(step.call, GcloudCall)]


def test_subscriptions_that_share_a_dead_letter_topic_have_it_once_with_a_subscription_that_keeps_31_days() -> None:
    topics = [topic.plan({"topic": None})[0] for topic in dead_letter_topics(OURS, LETTERS)]
    assert [step.resource for step in topics] == ["topic dead", "topic reports-dead-letter"]
    kept, _ = (subscription.plan({}) for subscription in dead_letter_subscriptions(OURS, LETTERS))
    (line,) = commands(*kept)
    assert line.startswith("pubsub subscriptions create dead --topic=dead --expiration-period=never")
    assert "--message-retention-duration=31d" in line


def test_subscriptions_with_a_dead_letter_topic_have_dead_letters_and_so_has_the_one_that_writes_to_bigquery() -> None:
    wanted = (SubscriptionSettings("alarms", dead_letter="dead"), SubscriptionSettings("plain"))
    of_alarms = DeadLetter("alarms", "dead")
    assert dead_letters(spec(subscriptions=wanted)) == (of_alarms,)
    assert dead_letters(spec(subscriptions=wanted, bigquery=Warehouse(dataset=""))) == (of_alarms,)
    assert dead_letters(spec(subscriptions=wanted, bigquery=Warehouse(dataset="iot"))) == (
        of_alarms,
        DeadLetter("dt-events-bigquery", "dt-events-unwritten"),
    )


def test_pubsub_may_publish_dead_letters_and_acknowledge_the_messages_that_they_were() -> None:
    before = [role.plan({})[0] for role in roles_before(OURS, LETTERS)]
    after = [role.plan({})[0] for role in roles_after(OURS, LETTERS)]
    assert commands(*before) == [
        f"pubsub topics add-iam-policy-binding {topic} --member={AGENT} --role=roles/pubsub.publisher "
        f"--project={PROJECT}"
        for topic in ("dead", "reports-dead-letter")
    ]
    assert commands(*after) == [
        f"pubsub subscriptions add-iam-policy-binding {source} --member={AGENT} --role=roles/pubsub.subscriber "
        f"--project={PROJECT}"
        for source in ("alarms", "archive", "reports")
    ]
    assert before[0].resource == "Pub/Sub as publisher on topic dead"
    (role,) = roles_after(OURS, LETTERS[:1])
    assert role.describe == ("pubsub", "subscriptions", "get-iam-policy", "alarms", f"--project={PROJECT}")
    assert (role.parent, role.grants_to) == (ResourceId("subscription", "alarms"), ())


def test_a_role_that_pubsub_has_is_kept_and_one_of_another_project_is_not_taken_for_it() -> None:
    (role,) = roles_before(OURS, LETTERS[:1])
    (step,) = role.plan({"policy": PUBLISHES})
    assert (step.action, step.reason) == ("keep", "Pub/Sub's service agent has it")
    (role,) = roles_before(spec(project_number="999"), LETTERS[:1])
    assert role.plan({"policy": PUBLISHES})[0].action == "create"


def test_the_service_agent_is_made_unless_it_has_a_role_already() -> None:
    (agent,) = agents(OURS, LETTERS)
    (step,) = agent.plan(PROJECT_FOUND)
    assert commands(step) == [f"beta services identity create --service=pubsub.googleapis.com --project={PROJECT}"]
    (step,) = agent.plan({**PROJECT_FOUND, "reports-dead-letter": PUBLISHES})
    assert (step.action, step.reason) == ("keep", "is there")
    (step,) = ServiceAgent(OURS).plan(PROJECT_FOUND)
    assert (step.action, step.reason) == ("create", "may not be there yet")
    assert list(agent.details({})) == [
        (topic, ("pubsub", "topics", "get-iam-policy", topic, f"--project={PROJECT}"))
        for topic in ("dead", "reports-dead-letter")
    ]
    assert service_agent(NUMBER) == AGENT


def test_the_service_agent_is_not_looked_for_without_dead_letters_nor_by_a_removal() -> None:
    assert agents(OURS, ()) == []
    assert list(ServiceAgent(OURS, ("dead",)).removal_reads()) == []
    assert ServiceAgent(OURS, ("dead",)).removal({}) == ()


@pytest.mark.parametrize("found", [{}, {"project": None}, {"project": {"projectId": PROJECT}}])
def test_a_project_without_a_known_number_is_an_error_with_the_command_that_shows_it(found: dict[str, Any]) -> None:
    with pytest.raises(DeployError) as refused:
        ServiceAgent(OURS, ("dead",)).plan(found)
    assert refused.value.what == f"the number of {PROJECT} is not known, and the account's name contains it"
    assert refused.value.where == "Pub/Sub's service agent"
    assert refused.value.fix == (f"gcloud projects describe {PROJECT}",)
    assert ServiceAgent(OURS, ("dead",)).describe == ("projects", "describe", PROJECT)
