"""Whether a subscription can tell an audit what arrived: the reasons against it, and what helps."""

from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.repair.arrived.arrivals import Window
from deploy.repair.arrived.fitness import AT_GOOGLE_S, absent, check_fitness, create_line, why_unreadable
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

NOW = 1_764_288_000.0
DAY_S = 86_400
FOUND = {"name": f"projects/{PROJECT}/subscriptions/arrived", "topic": f"projects/{PROJECT}/topics/dt-events"}
CREATE = (
    "gcloud pubsub subscriptions create dt-events-arrived --topic=dt-events --message-retention-duration=31d "
    f"--expiration-period=never --project={PROJECT}"
)


def window(days: float) -> Window:
    """Return the window from some days ago until now."""
    return Window(NOW - days * DAY_S, NOW)


def refusal(found: dict[str, Any], days: float = 1) -> DeployError:
    with pytest.raises(DeployError) as refused:
        check_fitness(spec(), {**FOUND, **found}, window(days), NOW)
    assert refused.value.where == "subscription arrived"
    return refused.value


ELSEWHERE = "Pub/Sub sends its messages elsewhere, so that they cannot be pulled"
UNREADABLE: list[tuple[dict[str, Any], str]] = [
    *(({key: {"state": "ACTIVE"}}, ELSEWHERE) for key in ("bigqueryConfig", "cloudStorageConfig", "bigtableConfig")),
    ({"pushConfig": {"pushEndpoint": "https://example.com/"}}, ELSEWHERE),
    ({"detached": True}, "is detached from its topic, so that it gets nothing"),
    (
        {"enableMessageOrdering": True},
        "keeps messages in order, so that of each device only one is sent until it is acknowledged",
    ),
    (
        {"deadLetterPolicy": {"deadLetterTopic": "dead"}},
        "has a dead-letter topic, to which messages are moved that are given back a few times",
    ),
]


@pytest.mark.parametrize(("found", "why"), UNREADABLE, ids=[next(iter(found)) for found, _ in UNREADABLE])
def test_a_subscription_whose_messages_cannot_be_read_without_harm_is_refused(found: dict[str, Any], why: str) -> None:
    assert why_unreadable(found) == why
    error = refusal(found)
    assert (error.what, error.fix) == (why, (CREATE,))


@pytest.mark.parametrize("found", [{}, {"pushConfig": {}}, {"pushConfig": None}, {"bigqueryConfig": {}}])
def test_a_subscription_that_is_pulled_can_be_read(found: dict[str, Any]) -> None:
    assert why_unreadable(found) == ""
    check_fitness(spec(), {**FOUND, **found}, window(1), NOW)


@pytest.mark.parametrize("topic", ["_deleted-topic_", f"projects/{PROJECT}/topics/dt-rejected"])
def test_a_subscription_of_another_topic_is_refused(topic: str) -> None:
    error = refusal({"topic": topic})
    assert (error.what, error.fix) == (f"is a subscription of {topic}, and not of dt-events", (CREATE,))


def test_a_filter_is_refused_because_what_it_leaves_out_would_count_as_missing() -> None:
    error = refusal({"filter": "attributes:origin"})
    assert error.what == "has the filter attributes:origin: what it leaves out would count as missing"
    assert error.fix == (CREATE,)


@pytest.mark.parametrize(
    ("kept", "days"), [(None, 7), ("604800s", 7), ("129600s", 1.5), ("a week", AT_GOOGLE_S / DAY_S)]
)
def test_a_window_that_began_before_the_oldest_message_is_refused_with_the_longest_one_that_fits(
    kept: str | None, days: float
) -> None:
    check_fitness(spec(), {**FOUND, "messageRetentionDuration": kept}, window(days), NOW)
    error = refusal({"messageRetentionDuration": kept}, days + 0.001)
    assert error.what == f"keeps messages for {days:g} days, so that it has lost the beginning of the window"
    fits = f"python -m deploy audit --subscription=arrived --from={int(days * 24) - 1}h"
    assert error.fix == (fits, CREATE)


def test_only_the_first_reason_is_said() -> None:
    assert refusal({"detached": True, "filter": "x", "topic": "t"}, 40).what.startswith("is detached")
    assert refusal({"filter": "x", "topic": "t"}, 40).what.startswith("is a subscription of t")
    assert refusal({"filter": "x"}, 40).what.startswith("has the filter x")


def test_a_subscription_that_does_not_exist_is_an_error_that_names_those_that_do() -> None:
    assert create_line(spec()) == CREATE
    error = absent(spec(), "arived", ["arrived", "dt-events"])
    assert error.what == "there is no such subscription; topic dt-events has arrived, dt-events; did you mean arrived?"
    assert (error.where, error.fix) == ("subscription arived", (CREATE,))
    assert absent(spec(), "x", []).what == "there is no such subscription; topic dt-events has no subscription"
