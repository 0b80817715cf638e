"""Pub/Sub's subscriptions that write into BigQuery: what they need, their states, the rows, and dead letters."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.bigquery.blueprint import Writer, blueprint
from deploy.bigquery.place import Place
from tests.blackbox.serving import eventually
from tests.emulators.asked import Asked
from tests.emulators.clients import Heard
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.test_bigquery import AGENT, DATASETS, EVENTS, PROJECT, TABLES, dataset, run, table, values

PUBSUB = f"pubsub.googleapis.com/v1/projects/{PROJECT}"
TOPIC, DEAD = (f"projects/{PROJECT}/topics/{name}" for name in ("dt-events", "dt-dead"))
WRITER = f"{PUBSUB}/subscriptions/writer"
POLICY = f"projects/{PROJECT}/datasets/sensors/tables/events"
MEMBER = f"serviceAccount:{AGENT}"
IDENTITY = (
    f"serviceusage.googleapis.com/v1beta1/projects/{PROJECT}/services/pubsub.googleapis.com:generateServiceIdentity"
)
UPPER = "function upper(message, metadata) { return {data: message.data.toUpperCase(), attributes: {}}; }"
WAIT_S = 20.0


@pytest.fixture
def ask(embedded: EmbeddedPubSub) -> Iterator[Asked]:
    """Google with two topics, a dataset and a table."""
    asked = Asked(embedded.host)
    for name in ("dt-events", "dt-dead"):
        assert asked("PUT", f"{PUBSUB}/topics/{name}", {}).status == 200
    assert asked("POST", DATASETS, dataset()).status == 200
    assert asked("POST", TABLES, table()).status == 200
    yield asked
    asked.close()


def subscription(**settings: Any) -> dict[str, Any]:
    """Return the body of a subscription that writes into the table."""
    config = {"table": f"{PROJECT}.sensors.events", "useTableSchema": True, "dropUnknownFields": True}
    return {"topic": TOPIC, "bigqueryConfig": {**config, **settings.pop("config", {})}, **settings}


def granted(role: str, member: str = MEMBER) -> dict[str, Any]:
    """Return the body of setIamPolicy that grants one role."""
    return {"policy": {"bindings": [{"role": role, "members": [member]}]}}


def may_write(ask: Asked) -> None:
    """Let Pub/Sub write into the table."""
    assert ask("POST", f"{EVENTS}:setIamPolicy", granted("roles/bigquery.dataEditor")).status == 200


def publish(ask: Asked, data: Any, **attributes: str) -> None:
    """Publish a message; data other than bytes is sent as JSON."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    message = {"data": base64.b64encode(body).decode(), "attributes": attributes}
    assert ask("POST", f"{PUBSUB}/topics/dt-events:publish", {"messages": [message]}).status == 200


def rows(ask: Asked, sql: str = "SELECT device_id, celsius FROM sensors.events ORDER BY device_id") -> list[list[Any]]:
    """Return the rows of a query."""
    return values(run(ask, sql))


def states(ask: Asked) -> tuple[str, str]:
    """Return the states of the subscription and of its export."""
    shown = ask("GET", WRITER).json
    return shown["state"], shown["bigqueryConfig"]["state"]


def refusal(heard: Heard) -> tuple[int, str]:
    """Return status and text of a refusal."""
    return heard.status, heard.sentence


# what is needed first


def test_a_subscription_needs_its_table_and_the_role_to_write_to_it(ask: Asked) -> None:
    missing = subscription(config={"table": f"{PROJECT}.sensors.none"})
    assert refusal(ask("PUT", WRITER, missing)) == (404, f"Not found: Table {PROJECT}:sensors.none")
    assert refusal(ask("PUT", WRITER, subscription())) == (403, "The caller does not have permission")
    may_write(ask)
    made = ask("PUT", WRITER, subscription()).json
    assert (made["state"], made["bigqueryConfig"]["state"]) == ("ACTIVE", "ACTIVE")


@pytest.mark.parametrize(
    ("place", "body"),
    [
        (
            f"cloudresourcemanager.googleapis.com/v1/projects/{PROJECT}:setIamPolicy",
            granted("roles/bigquery.dataEditor"),
        ),
        (f"{DATASETS}/sensors", {"access": [{"role": "WRITER", "userByEmail": AGENT}]}),
        (f"{DATASETS}/sensors", {"access": [{"role": "roles/bigquery.dataOwner", "iamMember": MEMBER}]}),
    ],
    ids=["project", "dataset", "iamMember"],
)
def test_the_role_to_write_can_be_on_the_dataset_or_the_project(ask: Asked, place: str, body: dict[str, Any]) -> None:
    assert ask("PATCH" if place.startswith(DATASETS) else "POST", place, body).status == 200

    assert ask("PUT", WRITER, subscription()).status == 200


@pytest.mark.parametrize("role", ["roles/bigquery.dataViewer", "roles/bigquery.metadataViewer", "roles/viewer"])
def test_a_role_that_only_reads_is_not_enough(ask: Asked, role: str) -> None:
    assert ask("POST", f"{EVENTS}:setIamPolicy", granted(role)).status == 200
    entries = [{"role": "READER", "userByEmail": AGENT}]
    assert ask("PATCH", f"{DATASETS}/sensors", {"access": entries}).status == 200

    assert ask("PUT", WRITER, subscription()).status == 403


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"useTableSchema": False}, "Incompatible schema: field 'data' is missing in the BigQuery table."),
        ({"writeMetadata": True}, "Incompatible schema: field 'subscription_name' is missing in the BigQuery table."),
    ],
    ids=["data", "metadata"],
)
def test_the_table_has_to_have_the_columns_that_pubsub_fills(ask: Asked, config: dict[str, Any], why: str) -> None:
    may_write(ask)

    assert refusal(ask("PUT", WRITER, subscription(config=config))) == (400, why)


def test_the_service_agent_exists_only_after_its_api_is_on_or_it_was_asked_for(embedded: EmbeddedPubSub) -> None:
    ask = Asked(embedded.host, Estate(account_lag_s=0, agent_lag_s=None))
    ask("PUT", f"{PUBSUB}/topics/dt-dead", {})
    url = f"{PUBSUB}/topics/dt-dead:setIamPolicy"

    refused = ask("POST", url, granted("roles/pubsub.publisher"))
    assert refusal(refused) == (400, f"Service account {AGENT} does not exist.")
    made = ask("POST", IDENTITY).json
    assert (made["done"], made["response"]["email"]) == (True, AGENT)
    assert ask("POST", url, granted("roles/pubsub.publisher")).status == 200
    ask.close()


def test_the_service_agent_comes_a_while_after_its_api_is_on() -> None:
    estate = Estate(agent_lag_s=3600.0)
    estate.enable(["pubsub.googleapis.com"])
    assert not estate.agent_exists(AGENT)

    estate.agent_lag_s = 0.0
    assert estate.agent_exists(AGENT)


def test_a_new_role_has_an_effect_only_after_a_while(ask: Asked) -> None:
    ask.estate.iam_lag_s = 3600.0
    may_write(ask)
    assert ask("PATCH", f"{DATASETS}/sensors", {"access": [{"role": "WRITER", "userByEmail": AGENT}]}).status == 200

    assert ask("PUT", WRITER, subscription()).status == 403
    ask.estate.iam_lag_s = 0.0
    may_write(ask)
    assert ask("PUT", WRITER, subscription()).status == 200


# transforms


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        (
            "upper",
            "function upper(message { }",
            "SyntaxError: Unexpected token",
        ),
        ("lower", UPPER, "Invalid JavaScript UDF: The code does not have the function lower."),
        ("1", UPPER, "Invalid JavaScript UDF: '1' cannot be the name of a function."),
        ("", UPPER, "A JavaScript UDF needs a function name."),
        ("upper", "x" * 20_481, "The value for javascript_udf_code_size is too large"),
    ],
    ids=["syntax", "other", "no name", "empty name", "long"],
)
def test_a_transform_that_cannot_run_is_refused(ask: Asked, name: str, code: str, why: str) -> None:
    may_write(ask)
    udf = {"javascriptUdf": {"functionName": name, "code": code}}

    refused = ask("PUT", WRITER, subscription(messageTransforms=[udf]))

    assert (refused.status, why in refused.sentence) == (400, True), refused.sentence
    assert ask("POST", f"{PUBSUB}:validateMessageTransform", {"messageTransform": udf}).status == 400


def test_transforms_can_be_tried_on_a_message(ask: Asked) -> None:
    def one(code: str) -> dict[str, Any]:
        return {"javascriptUdf": {"functionName": "upper", "code": code}}

    assert ask("POST", f"{PUBSUB}:validateMessageTransform", {"messageTransform": one(UPPER)}).json == {}
    tried = (UPPER, "function upper(m) { throw new Error('no') }", UPPER)
    body = {
        "message": {"data": base64.b64encode(b"abc").decode(), "attributes": {"a": "b"}},
        "messageTransforms": {"messageTransforms": [one(code) for code in tried]},
    }
    done = ask("POST", f"{PUBSUB}:testMessageTransforms", body).json["transformedMessages"]

    assert base64.b64decode(done[0]["transformedMessage"]["data"]) == b"ABC"
    assert done[1:] == [
        {"failedMessage": {"error": {"code": 3, "message": done[1]["failedMessage"]["error"]["message"]}}}
    ]


@pytest.mark.parametrize(
    "code",
    [
        "function f(m) { while (true) {} }",
        "function f(m) { return {data: 1}; }",
        "function f(m) { return {data: '', attributes: {a: 1}}; }",
        "function f(m) { return m.nope.nope; }",
        "function f(m) { return fetch('https://example.com'); }",
    ],
)
def test_a_function_that_fails_or_takes_too_long_fails_only_its_message(
    ask: Asked, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.emulators.clouds.google.transforms.LONGEST_RUN_S", 0.3)
    transforms = {"messageTransforms": [{"javascriptUdf": {"functionName": "f", "code": code}}]}
    message = {"data": base64.b64encode(b"abc").decode()}

    done = ask("POST", f"{PUBSUB}:testMessageTransforms", {"message": message, "messageTransforms": transforms})

    assert list(done.json["transformedMessages"][0]) == ["failedMessage"]


def test_a_function_can_filter_a_message_out(ask: Asked) -> None:
    code = "function f(m, metadata) { return m.attributes.keep ? {data: metadata.message_id || m.data} : null; }"
    transforms = {"messageTransforms": [{"javascriptUdf": {"functionName": "f", "code": code}}] * 2}
    body: dict[str, Any] = {"message": {"data": base64.b64encode(b"abc").decode()}, "messageTransforms": transforms}

    done = ask("POST", f"{PUBSUB}:testMessageTransforms", body).json["transformedMessages"]
    assert done == [{"filteredMessage": {}}]
    body["message"]["attributes"] = {"keep": "1"}
    done = ask("POST", f"{PUBSUB}:testMessageTransforms", body).json["transformedMessages"]
    assert done[1:] == [{"filteredMessage": {}}], "the first one returned no attributes, which removes them"


# rows


@pytest.fixture
def writing(ask: Asked) -> Asked:
    """Google with a subscription that writes into the table."""
    may_write(ask)
    made = ask("PUT", WRITER, subscription())
    assert made.status == 200, made.sentence
    return ask


def test_a_message_becomes_a_row_of_the_columns_that_it_names(writing: Asked) -> None:
    publish(writing, {"device_id": "d1", "celsius": 21.5, "at": "2026-11-02T08:13:15.123456Z", "unknown": [1]})

    assert eventually(lambda: rows(writing) == [["d1", "21.5"]], WAIT_S)
    micros = run(writing, "SELECT at FROM sensors.events", formatOptions={"useInt64Timestamp": True})
    assert values(micros) == [["1793607195123456"]]


def test_messages_wait_while_the_table_is_closed_or_missing_and_are_written_later(writing: Asked) -> None:
    writing("POST", f"{EVENTS}:setIamPolicy", {"policy": {"bindings": []}})
    publish(writing, {"device_id": "d1"})
    writing.google.pubsub.exporter.round()
    assert states(writing) == ("RESOURCE_ERROR", "PERMISSION_DENIED")
    writing("DELETE", EVENTS)
    assert states(writing) == ("RESOURCE_ERROR", "NOT_FOUND")
    publish(writing, {"device_id": "d2"})

    writing("POST", TABLES, table())
    may_write(writing)

    assert eventually(lambda: rows(writing) == [["d1", None], ["d2", None]], WAIT_S)
    assert states(writing) == ("ACTIVE", "ACTIVE")


def test_a_pull_from_a_subscription_that_writes_is_refused(writing: Asked) -> None:
    assert writing("POST", f"{WRITER}:pull", {"maxMessages": 1}).status == 400


# dead letters


def with_dead_letters(ask: Asked, *, publisher: bool = True, subscriber: bool = True) -> None:
    """Give the subscription a dead-letter topic with a reader, and Pub/Sub the roles that it needs to use it."""
    asked = {
        "subscription": {"name": "", "deadLetterPolicy": {"deadLetterTopic": DEAD, "maxDeliveryAttempts": 7}},
        "updateMask": "deadLetterPolicy",
    }
    assert ask("PATCH", WRITER, asked).status == 200
    assert ask("PUT", f"{PUBSUB}/subscriptions/dead", {"topic": DEAD}).status == 200
    if publisher:
        ask("POST", f"{PUBSUB}/topics/dt-dead:setIamPolicy", granted("roles/pubsub.publisher"))
    if subscriber:
        ask("POST", f"{WRITER}:setIamPolicy", granted("roles/pubsub.subscriber"))


def dead(ask: Asked) -> list[dict[str, Any]]:
    """Return the dead letters that have come by now."""
    pulled = ask("POST", f"{PUBSUB}/subscriptions/dead:pull", {"maxMessages": 10, "returnImmediately": True})
    return [delivery["message"] for delivery in pulled.json.get("receivedMessages", [])]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no JSON", "The message is not a JSON object."),
        ({"device_id": 7}, "The field device_id cannot be a STRING: it is no string"),
        ({"device_id": "d1", "at": "2026-11-02T08:13:15.123456789Z"}, "more than 6 digits"),
        ({"celsius": 1}, "Missing required field: device_id"),
    ],
    ids=["no JSON", "type", "nanoseconds", "required"],
)
def test_a_message_that_does_not_fit_becomes_a_dead_letter_that_says_why(writing: Asked, data: Any, why: str) -> None:
    with_dead_letters(writing)
    publish(writing, data, a="b")

    (found,) = eventually(lambda: dead(writing), WAIT_S)
    attributes = found["attributes"]
    assert why in attributes.pop("CloudPubSubDeadLetterSourceDeliveryErrorMessage")
    assert attributes.pop("CloudPubSubDeadLetterSourceTopicPublishTime").endswith("Z")
    assert attributes == {
        "a": "b",
        "CloudPubSubDeadLetterSourceDeliveryCount": "7",
        "CloudPubSubDeadLetterSourceSubscription": "writer",
        "CloudPubSubDeadLetterSourceSubscriptionProject": PROJECT,
    }
    assert rows(writing) == []


@pytest.mark.parametrize("role", ["publisher", "subscriber"])
def test_without_both_roles_no_message_is_moved(writing: Asked, role: str) -> None:
    with_dead_letters(writing, **{role: False})
    publish(writing, b"no JSON")
    publish(writing, {"device_id": "d1"})

    assert eventually(lambda: rows(writing) == [["d1", None]], WAIT_S)
    assert dead(writing) == []
    waiting = writing.google.pubsub.measured(made_before=float("inf"))["writer"]
    assert waiting.messages == 1


@pytest.mark.parametrize("has_roles", [True, False])
def test_a_pull_subscription_moves_messages_only_with_both_roles(ask: Asked, has_roles: bool) -> None:  # noqa: FBT001
    policy = {"deadLetterTopic": DEAD, "maxDeliveryAttempts": 5}
    assert ask("PUT", WRITER, {"topic": TOPIC, "deadLetterPolicy": policy}).status == 200
    ask("PUT", f"{PUBSUB}/subscriptions/dead", {"topic": DEAD})
    ask("POST", f"{PUBSUB}/topics/dt-dead:setIamPolicy", granted("roles/pubsub.publisher"))
    if has_roles:
        ask("POST", f"{WRITER}:setIamPolicy", granted("roles/pubsub.subscriber"))
    publish(ask, {})

    for _ in range(6):
        pulled = ask("POST", f"{WRITER}:pull", {"maxMessages": 1, "returnImmediately": True}).json
        for delivery in pulled.get("receivedMessages", []):
            assert ("deliveryAttempt" in delivery) is has_roles
            nack = {"ackIds": [delivery["ackId"]], "ackDeadlineSeconds": 0}
            ask("POST", f"{WRITER}:modifyAckDeadline", nack)

    if has_roles:
        assert eventually(lambda: bool(dead(ask)), WAIT_S)
    else:
        assert dead(ask) == []


# the whole deployment's BigQuery


def test_an_event_can_be_read_in_the_views_of_the_deployment(embedded: EmbeddedPubSub) -> None:
    ask = Asked(embedded.host)
    for name in ("dt-events", "dt-dead"):
        ask("PUT", f"{PUBSUB}/topics/{name}", {})
    made = blueprint(Place(PROJECT, "sensors", "europe-west1"), Writer(TOPIC, DEAD), {"dt-pubsub": "x"})
    assert ask("POST", DATASETS, made.dataset).status == 200
    assert ask("POST", TABLES, made.table).status == 200
    for statement in made.statements:
        done = run(ask, statement)
        assert done.status == 200, done.sentence
    may_write(ask)
    assert ask("PUT", WRITER, made.subscription).status == 200
    event = {
        "eventId": "e1",
        "targetName": "projects/p/devices/d1",
        "eventType": "temperature",
        "data": {"temperature": {"value": 4.5, "updateTime": "2026-11-02T08:13:15.123456789Z"}},
        "timestamp": "2026-11-02T08:13:15.123456789Z",
    }

    publish(ask, {"event": event, "labels": {"name": "Fridge"}}, eventType="temperature")
    publish(ask, b"no event")

    sql = "SELECT device_id, device_name, celsius FROM sensors.temperature"
    assert eventually(lambda: rows(ask, sql) == [["d1", "Fridge", "4.5"]], WAIT_S)
    rest = "SELECT body, JSON_VALUE(attributes, '$.eventType') FROM sensors.events ORDER BY event_id NULLS FIRST"
    assert eventually(lambda: rows(ask, rest)[0] == ["no event", None], WAIT_S)
    assert [row[1] for row in rows(ask, rest)] == [None, "temperature"]
    ask.close()


# other accounts, other regions


def test_another_account_can_write_if_the_caller_may_act_as_it(ask: Asked) -> None:
    account = f"writer@{PROJECT}.iam.gserviceaccount.com"
    asked = subscription(config={"serviceAccountEmail": account})
    may_write(ask)
    assert refusal(ask("PUT", WRITER, asked))[0] == 403, "Pub/Sub's own role is not that account's"
    accounts = f"iam.googleapis.com/v1/projects/{PROJECT}/serviceAccounts"
    assert ask("POST", accounts, {"accountId": "writer"}).status == 200
    ask("POST", f"{EVENTS}:setIamPolicy", granted("roles/bigquery.dataEditor", f"serviceAccount:{account}"))
    ask.estate.denied = {"iam.serviceAccounts.actAs"}
    assert "iam.serviceAccounts.actAs" in refusal(ask("PUT", WRITER, asked))[1]
    ask.estate.denied = set()

    assert ask("PUT", WRITER, asked).json["bigqueryConfig"]["state"] == "ACTIVE"


def test_a_topic_whose_messages_may_not_leave_a_region_writes_nothing_elsewhere(ask: Asked) -> None:
    kept = {"allowedPersistenceRegions": ["europe-north1"], "enforceInTransit": True}
    asked = {"topic": {"name": TOPIC, "messageStoragePolicy": kept}, "updateMask": "messageStoragePolicy"}
    assert ask("PATCH", f"{PUBSUB}/topics/dt-events", asked).status == 200
    may_write(ask)
    assert ask("PUT", WRITER, subscription()).status == 200
    assert states(ask) == ("RESOURCE_ERROR", "IN_TRANSIT_LOCATION_RESTRICTION")

    kept["allowedPersistenceRegions"] = ["europe-west1"]
    assert ask("PATCH", f"{PUBSUB}/topics/dt-events", asked).status == 200
    assert states(ask) == ("ACTIVE", "ACTIVE")


def test_an_update_replaces_the_whole_export(writing: Asked) -> None:
    asked = {
        "subscription": {"name": "", "bigqueryConfig": {"table": f"{PROJECT}.sensors.events", "useTableSchema": True}},
        "updateMask": "bigqueryConfig",
    }

    changed = writing("PATCH", WRITER, asked).json["bigqueryConfig"]

    assert changed == {"table": f"{PROJECT}.sensors.events", "useTableSchema": True, "state": "ACTIVE"}
