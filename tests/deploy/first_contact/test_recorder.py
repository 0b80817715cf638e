"""The recorder's own code: what it refuses, what it lets through, and what it prints."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.first_contact.recorder.main import LABEL, OTHER, REFUSES_FOR_S, answer, shown_name, shown_value
from deploy.spec import CONTACT_MARK

NOW = 1_795_000_000.0
NAME = "first-contact-0a1b2c3d"
ENVIRON = {"K_SERVICE": NAME, "K_REVISION": f"{NAME}-00001-abc"}
HOSTILE = (
    *(b"{}", b"[]", b"null", b"\xff\xfe", b"{" * 100_000, b'{"event": []}', b'{"event": {}}', b'"text"', b" "),
    *(b'{"event": {}, "labels": []}', b'{"event": {}, "labels": {"dt-pubsub-contact": 503}}'),
)


def event(label: str = f"{NAME}-503", at: float = NOW, **more: Any) -> bytes:
    timestamp = datetime.fromtimestamp(at, UTC).isoformat()
    return json.dumps({"event": {"eventId": "e1", "timestamp": timestamp, **more}, "labels": {LABEL: label}}).encode()


def test_the_label_of_the_devices_is_that_of_the_other_temporary_resources() -> None:
    assert LABEL == CONTACT_MARK


@pytest.mark.parametrize("status", [401, 410, 503])
def test_an_event_of_the_run_is_refused_with_the_status_of_its_device(status: int) -> None:
    answered, _, line = answer([], event(f"{NAME}-{status}"), ENVIRON, NOW + 1)
    assert answered == status
    assert line is not None
    assert (line["case"], line["status"], line["at"]) == (status, status, NOW + 1)


@pytest.mark.parametrize(
    "label", ["", "503", f"{NAME}-200", f"{NAME}-5030", f"{NAME}", f"x{NAME}-503", f"{NAME}x-503", f"{NAME}-503\n"]
)
def test_an_event_of_any_other_device_is_accepted_and_nothing_is_printed(label: str) -> None:
    assert answer([], event(label), ENVIRON, NOW) == (200, {}, None)


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_else_comes_is_accepted_and_nothing_is_printed(body: bytes) -> None:
    assert answer([("X-Dt-Signature", "a.b.c")], body, ENVIRON, NOW) == (200, {}, None)


@pytest.mark.parametrize("timestamp", [None, "", "yesterday", 17, "2026-11-18", "0001-01-01T00:00:00-23:59"])
def test_an_event_that_is_old_or_has_no_time_is_no_longer_refused(timestamp: object) -> None:
    assert answer([], event(), ENVIRON, NOW + REFUSES_FOR_S)[0] == 200
    assert answer([], event(timestamp=timestamp), ENVIRON, NOW)[0] == 200


def test_an_empty_body_asks_for_the_state_and_a_missing_mount_is_no_error() -> None:
    status, state, line = answer([], b"", ENVIRON, NOW)
    assert (status, line) == (200, None)
    assert state == {"recorder": NAME, "revision": f"{NAME}-00001-abc", "mounted": ""}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


TOKENS = [
    *("", "a", "a.b", "a.b.c", "ééé.ü.x", ".", f"{encoded([1])}.{encoded({})}.x", f"{encoded({})}.{encoded('x')}.x"),
    *(
        f"{encoded(value)}.{encoded(value)}.x"
        for value in ({"alg": ["x"], "iat": "x"}, {"iat": 10**400}, {"exp": True})
    ),
    f"{encoded({'alg': 'Fridge 2', 'kid': 'x'})}.{encoded({'Fridge 2': 1, 'sub': 'Oslo', 'jti': 'Fridge 2'})}.x",
]


@pytest.mark.parametrize("token", TOKENS, ids=range(len(TOKENS)))
def test_a_token_of_any_form_is_printed_without_a_value_of_its_own(token: str) -> None:
    status, _, line = answer([("X-Dt-Signature", token)], event(), ENVIRON, NOW)
    assert status == 503
    printed = json.dumps(line)
    for value in ("Fridge", "Oslo", "ééé", token if len(token) > 4 else "\0"):
        assert value not in printed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-type", "application/json"),
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", "Go-http-client/2.0"),
        ("user-agent", "DT-DataConnector/1.4 Go-http-client/1.1"),
        ("content-length", "518"),
    ],
)
def test_a_usual_value_is_shown(name: str, value: str) -> None:
    assert shown_value(name, value) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-type", "application/json; boundary=5b1f"),
        ("content-type", "application/json\r\nX-Y: z"),
        ("user-agent", "c0md3pm0p7bet3vico8g"),
        ("user-agent", "Mozilla (Fridge 2)"),
        ("user-agent", "a" * 64),
        ("cookie", "text/plain"),
        ("x-dt-signature", "application/json"),
        ("content-length", "5b1f"),
    ],
)
def test_of_every_other_value_only_the_length_is_shown(name: str, value: str) -> None:
    assert shown_value(name, value) == f"{len(value)} characters"


@pytest.mark.parametrize("name", ["", "a b", "x" * 41, "ü", "1x", "x\x1b[0m", "x:y"])
def test_a_name_of_another_form_is_not_shown(name: str) -> None:
    assert shown_name(name) == OTHER
