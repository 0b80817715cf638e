"""Filters of further subscriptions: what Pub/Sub would refuse, and what could never match, is found before."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.subscription_filter import ATTRIBUTES, check_filter
from tests.deploy.stage import spec

SCHEMAS = Path(__file__).parents[3] / "docs" / "schema"
CE_TYPE = "com.disruptive-technologies."
NESTED = '(attributes:deviceId OR NOT (attributes:origin AND attributes.eventType = "tuch"))'
LABELLED = {"settings": {"LABEL_ATTRIBUTES": "room, floor", "CLOUDEVENTS": "TRUE"}}


@pytest.mark.parametrize(("topic", "file"), [("main", "attributes"), ("rejected", "rejected-attributes")])
def test_the_known_attributes_of_a_topic_are_those_of_the_message_contract(topic: str, file: str) -> None:
    schema = json.loads((SCHEMAS / f"{file}.json").read_text("utf-8"))
    assert set(ATTRIBUTES[topic]) == set(schema["properties"])
    assert len(ATTRIBUTES[topic]) == len(set(ATTRIBUTES[topic]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        'attributes.eventType = "temperature"',
        'attributes.eventType = "touch" OR attributes.eventType = "motion"',
        "NOT attributes:origin",
        'hasPrefix(attributes.deviceId, "emu")',
        'attributes."label.room" != "kitchen" AND attributes:"label.room"',
        'attributes.ce-type = "com.disruptive-technologies.co2"',
    ],
)
def test_a_filter_that_can_match_is_right(text: str) -> None:
    checked = check_filter(text, "main", spec(**LABELLED))
    assert (checked.faults, checked.doubts) == ((), ())


@pytest.mark.parametrize(
    ("text", "topic", "settings", "fault"),
    [
        ('attributes.eventtype = "x"', "main", {}, "no message has the attribute 'eventtype'; did you mean eventType?"),
        ("attributes:temperature", "main", {}, "no message has the attribute 'temperature'"),
        ("attributes:reason", "main", {}, "only messages of the rejected topic have the attribute 'reason'"),
        ("attributes:origin", "rejected", {}, "only messages of the main topic have the attribute 'origin'"),
        (
            'attributes.eventType = "Temperature"',
            "main",
            {},
            "no message has the eventType 'Temperature'; did you mean temperature?",
        ),
        (
            f'attributes.ce-type = "{CE_TYPE}tuch"',
            "main",
            {"CLOUDEVENTS": "true"},
            f"no message has the ce-type '{CE_TYPE}tuch'; did you mean {CE_TYPE}touch?",
        ),
        *(
            (f"attributes:{key}", "main", {"CLOUDEVENTS": "false"}, f"messages have {key!r} only with CLOUDEVENTS=true")
            for key in ("ce-id", "content-type", "ce-dataschema")
        ),
        *(
            (text, "main", {}, "no message has the eventType 'tuch'; did you mean touch?")
            for text in (
                'NOT attributes.eventType = "tuch"',
                'attributes.eventType != "tuch"',
                f"{NESTED} AND {NESTED}",
            )
        ),
        (
            'attributes:"label.rom"',
            "main",
            {"LABEL_ATTRIBUTES": "room,floor"},
            "the label 'rom' is not in LABEL_ATTRIBUTES, so no message has it; did you mean room?",
        ),
    ],
)
def test_a_filter_that_nothing_can_match_is_refused(
    text: str, topic: str, settings: dict[str, Any], fault: str
) -> None:
    (found,) = check_filter(text, topic, spec(settings=settings)).faults
    assert found.partition("\n")[0] == fault


@pytest.mark.parametrize("settings", [{}, {"LABEL_ATTRIBUTES": "room"}], ids=["kept", "named"])
def test_a_label_that_the_connector_does_not_send_is_refused_whatever_the_function_copies(
    settings: dict[str, str],
) -> None:
    sends_another = spec(settings=settings, connector_labels=("rom",))
    (fault,) = check_filter('attributes:"label.room"', "main", sends_another).faults
    why = "the Data Connector does not send the label 'room': connector.labels has not got it; did you mean rom?"
    assert fault.partition("\n")[0] == why


BOTH = 'attributes.eventType = "touch" AND attributes.eventType = "motion"'


@pytest.mark.parametrize("text", [BOTH, f"attributes:deviceId AND ({BOTH})"])
def test_a_filter_that_asks_for_two_values_at_once_is_refused_with_the_advice_to_use_or(text: str) -> None:
    (fault,) = check_filter(text, "main", spec()).faults
    assert fault == "no message has two values of eventType, so nothing can match: OR lets either of them through"


@pytest.mark.parametrize(
    "text",
    [
        'attributes.eventType = "touch" AND attributes.eventType = "touch"',
        'attributes.eventType = "touch" AND attributes.eventType != "motion"',
        f"NOT ({BOTH})",
        f'({BOTH}) OR attributes.eventType = "co2"',
    ],
)
def test_a_filter_that_asks_for_one_value_or_for_alternatives_is_right(text: str) -> None:
    assert check_filter(text, "main", spec()).faults == ()


def test_an_error_points_at_the_character() -> None:
    (fault,) = check_filter('attributes.eventType == "touch"', "main", spec()).faults
    what, shown, mark = fault.split("\n")
    assert what == "expected a value in double quotes, not =, at character 23"
    assert shown[mark.index("^")] == "="
    assert shown[: mark.index("^")].strip() == "attributes.eventType ="
    (fault,) = check_filter("=", "main", spec()).faults
    _, shown, mark = fault.split("\n")
    assert (shown.strip(), mark.index("^")) == ("=", shown.index("="))
    (fault,) = check_filter('attributes:eventId\nAND attributes.evenType = "touch"', "main", spec()).faults
    _, shown, mark = fault.split("\n")
    assert shown[mark.index("^") :].startswith("evenType")


@pytest.mark.parametrize("wrong", ["attributes:evenType", 'attributes.eventType = "tuch"'])
def test_an_error_that_is_there_twice_is_shown_once_where_it_is_first(wrong: str) -> None:
    (fault,) = check_filter(f"{wrong} OR {wrong}", "main", spec()).faults
    _, shown, mark = fault.split("\n")
    assert mark.index("^") < shown.index(" OR ")


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (
            'attributes."label.room" = "kitchen"',
            "messages have 'label.room' only if LABEL_ATTRIBUTES of the function has 'room'",
        ),
        *(
            (f"attributes:{key}", f"messages have {key!r} only if the function has CLOUDEVENTS=true")
            for key in ("ce-subject", "content-type", "ce-dataschema")
        ),
        ('attributes.eventType = "radiation"', "'radiation' is no eventType that this version knows"),
    ],
)
def test_what_depends_on_the_deployed_function_or_on_dt_is_only_doubted(text: str, doubt: str) -> None:
    checked = check_filter(text, "main", spec())
    assert checked.faults == ()
    assert checked.doubts == (doubt,)
