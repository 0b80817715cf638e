"""The body of a connector's request, rebuilt from an event of DT's history."""

import json

import pytest

from deploy.dt.history import HistoryDevice, HistoryEvent
from deploy.repair.backfill.body import connector_body
from tests.emulators.events import SAMPLES

LABELS = {"name": 'Fridge "2" æ', "room": "B", "secret": "x"}
DEVICE = HistoryDevice("p", "d", "temperature", "100110", LABELS)


def body(raw: str, *keys: str, device: HistoryDevice = DEVICE) -> bytes:
    return connector_body(HistoryEvent("e", "touch", "2026-11-02T08:00:00Z", raw), device, keys)


@pytest.mark.parametrize("number", ["27", "27.0", "-0", "1E2", "12345678901234567890", "0.10000000000000000555"])
def test_the_event_is_sent_on_as_it_is_written(number: str) -> None:
    raw = f'{{"b":{number},"a":"\\u00e6æ"}}'
    assert body(raw).startswith(f'{{"event":{raw},"labels":'.encode())


def test_only_the_labels_of_the_connector_are_sent_in_its_order() -> None:
    sent = json.loads(body("{}", "room", "none", "name"))
    assert list(sent) == ["event", "labels", "metadata"]
    assert list(sent["labels"].items()) == [("room", "B"), ("name", 'Fridge "2" æ')]


def test_the_metadata_is_that_of_the_device() -> None:
    assert json.loads(body("{}"))["metadata"] == {
        "deviceId": "d",
        "projectId": "p",
        "deviceType": "temperature",
        "productNumber": "100110",
    }


def test_there_is_no_white_space_between_the_values() -> None:
    assert body("{}", device=HistoryDevice("p", "d", "", "")) == (
        b'{"event":{},"labels":{},"metadata":{"deviceId":"d","projectId":"p","deviceType":"","productNumber":""}}'
    )


@pytest.mark.parametrize("event_type", sorted(SAMPLES))
def test_an_event_of_each_type_has_the_members_that_dts_connector_sends(event_type: str) -> None:
    device_type, data = SAMPLES[event_type]
    event = {"eventId": "e", "eventType": event_type, "data": {event_type: data}}
    sent = json.loads(body(json.dumps(event), device=HistoryDevice("p", "d", device_type, "")))
    assert (sent["event"], sent["metadata"]["deviceType"]) == (event, device_type)


def test_half_a_character_in_a_label_is_escaped_as_dt_escaped_it() -> None:
    assert b'"name":"\\ud800"' in body("{}", "name", device=HistoryDevice("p", "d", "", "", {"name": "\ud800"}))
