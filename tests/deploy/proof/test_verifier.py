"""The proof: which results count as proof, which do not, and that it leaves no resources."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest

from deploy.errors import DeployError, NotProven
from deploy.function_client import Answer
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT, URL
from tests.deploy.stage import Stage


@pytest.fixture
def stage() -> Stage:
    """Return a complete deployment whose emulated events arrive correctly."""
    stage = Stage()
    bring_up(stage)
    stage.dt.on_event = arriving(stage)
    stage.out.truncate(0)
    stage.out.seek(0)
    return stage


def envelope(device: str, body: Mapping[str, Any]) -> dict[str, Any]:
    ((event_type, data),) = body.items()
    return {
        "event": {
            "eventId": "cpbg96qngr7ai7ldarrg",
            "targetName": f"projects/{DT_PROJECT}/devices/{device}",
            "eventType": event_type,
            "data": {event_type: {**data, "updateTime": "2026-11-23T06:00:00.000000Z"}},
            "timestamp": "2026-11-23T06:00:00.000000Z",
        },
        "labels": {},
        "metadata": {"deviceId": device, "projectId": DT_PROJECT, "deviceType": "temperature", "productNumber": ""},
    }


def message(data: bytes, **attributes: str) -> dict[str, Any]:
    event = json.loads(data)["event"]
    all_attributes = {
        "eventId": event["eventId"],
        "eventType": event["eventType"],
        "deviceId": event["targetName"].rpartition("/")[2],
        "projectId": DT_PROJECT,
        "timestamp": event["timestamp"],
        **attributes,
    }
    encoded = base64.b64encode(data).decode()
    published = "2026-11-23T06:00:00.250Z"
    return {"message": {"data": encoded, "attributes": all_attributes, "messageId": "17", "publishTime": published}}


def arriving(
    stage: Stage, change: Callable[[dict[str, Any]], None] = lambda _: None, attributes: Mapping[str, str] | None = None
) -> Callable[[str, str, Mapping[str, Any]], None]:
    """Let emulated events arrive with these changes."""

    def on_event(project: str, device: str, body: Mapping[str, Any]) -> None:
        del project
        whole = envelope(device, body)
        change(whole)
        stage.google.messages.append(message(json.dumps(whole).encode(), **(attributes or {})))

    return on_event


def nothing_is_left(stage: Stage) -> bool:
    return stage.dt.devices == {} and not [name for _, name in stage.google.things if "verify" in name]


def test_an_emulated_event_that_arrives_is_proof_and_has_its_latency(stage: Stage) -> None:
    assert stage.deployment().verify() == 0
    assert "an unsigned request is refused: 401 unsigned" in stage.shown
    assert "came through DT's connector as message 17, 250 ms after it happened" in stage.shown
    assert nothing_is_left(stage)


def test_a_proof_in_json(stage: Stage) -> None:
    stage.deployment(in_json=True).verify()
    assert stage.in_json()["verified"] == [
        {
            "dtProject": DT_PROJECT,
            "eventId": "cpbg96qngr7ai7ldarrg",
            "messageId": "17",
            "latencySeconds": 0.25,
            "wholePath": True,
            "provenBy": "secret",
        }
    ]


def test_an_event_that_does_not_come_is_no_proof(stage: Stage) -> None:
    stage.dt.on_event = lambda *_: None
    with pytest.raises(NotProven, match="no event came within 90 s"):
        stage.deployment().verify()
    assert nothing_is_left(stage)


def test_if_dt_hides_the_secret_a_failed_proof_says_how_to_set_it_again(stage: Stage) -> None:
    stage.dt.shows_secrets, stage.dt.on_event = False, lambda *_: None
    with pytest.raises(NotProven, match=r"delete connector \w+ in DT Studio, then python -m deploy up"):
        stage.deployment().verify()


@pytest.fixture
def hidden(stage: Stage) -> Stage:
    """Return a deployment for which DT does not show the connector's secret."""
    stage.dt.shows_secrets = False
    return stage


EVENT_ID = "cpbg96qngr7ai7ldarrg"


def test_an_event_that_dts_own_key_alone_proves_is_no_proof_of_the_secret(hidden: Stage) -> None:
    hidden.google.log = [{"eventId": "another", "secretIndex": 0}, {"eventId": EVENT_ID, "message": "delivered"}]
    with pytest.raises(NotProven, match=r"another secret than the function(?s:.*)delete connector \w+ in DT Studio"):
        hidden.deployment().verify()
    assert nothing_is_left(hidden)


@pytest.mark.parametrize("index", [0, 1])
def test_an_event_that_the_secret_verified_according_to_the_log_is_proof_of_the_secret(
    hidden: Stage, index: int
) -> None:
    hidden.google.log = [{"eventId": EVENT_ID, "secretIndex": index}]
    assert hidden.deployment().verify() == 0
    assert "250 ms after it happened; proven by the secret" in hidden.shown


def test_without_a_log_line_the_proof_says_that_the_signature_is_not_known(hidden: Stage) -> None:
    began_at = hidden.clock()
    assert hidden.deployment().verify() == 0
    expected = "which signature proved it is not known: DT does not show the connector's secret, and the function's log"
    assert expected in hidden.shown
    assert hidden.clock() - began_at < 60


def test_an_unknown_signature_is_null_in_json(hidden: Stage) -> None:
    hidden.deployment(in_json=True).verify()
    assert [proof["provenBy"] for proof in hidden.in_json()["verified"]] == [None]


def test_without_access_to_the_log_the_proof_says_that_the_signature_is_not_known(hidden: Stage) -> None:
    hidden.google.stumbles = [("logging read", "PERMISSION_DENIED: Permission denied for all log views")]
    assert hidden.deployment().verify() == 0
    assert "the function's log could not be read (PERMISSION_DENIED)" in hidden.shown


def test_an_event_is_proof_of_the_secret_if_no_other_signature_is_accepted(hidden: Stage) -> None:
    del hidden.google.things["functions", "dt-pubsub"]["serviceConfig"]["environmentVariables"]["DT_ORGANIZATION_ID"]
    assert hidden.deployment().verify() == 0
    assert "proven by the secret" in hidden.shown


def answering_signed(stage: Stage, *answers: tuple[int, str]) -> None:
    """Let the function answer signed requests in this way; it repeats the last answer."""
    left = list(answers)

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        del url, body
        if "X-Dt-Signature" not in headers:
            return Answer(401, '{"error": "unsigned"}')
        return Answer(*(left.pop(0) if len(left) > 1 else left[0]))

    stage.post = post


def test_a_function_without_the_newest_secret_fails_the_proof(stage: Stage) -> None:
    answering_signed(stage, (401, '{"error": "signature"}'))
    with pytest.raises(NotProven, match=r'does not accept the newest secret: it answered 401 {"error": "signature"}'):
        stage.deployment().verify()
    assert nothing_is_left(stage)


def test_the_proof_waits_until_the_function_has_read_a_new_secret_version(stage: Stage) -> None:
    answering_signed(stage, (401, '{"error": "signature"}'), (503, '{"error": "keys"}'), (401, '{"error": "checksum"}'))
    assert stage.deployment().verify() == 0
    assert "does not accept the newest secret yet" in stage.noted


@pytest.mark.parametrize(
    ("settings", "fault", "fix"),
    [
        ({"status": "SYSTEM_DISABLED"}, "is SYSTEM_DISABLED: DT sends nothing", "python -m deploy up"),
        ({"status": "USER_DISABLED"}, r"is paused \(USER_DISABLED\)", "python -m deploy resume --all"),
        ({"httpConfig": {"url": "https://example.com/"}}, "points at https://example.com/", "python -m deploy up"),
        ({"httpConfig": {"url": URL, "signatureSecret": "x" * 64}}, "has another secret", "python -m deploy up"),
    ],
)
def test_a_connector_that_cannot_deliver_is_reported_at_once(
    stage: Stage, settings: dict[str, Any], fault: str, fix: str
) -> None:
    stage.dt.connectors[DT_PROJECT][0] |= settings
    began_at = stage.clock()
    with pytest.raises(NotProven, match=rf"{fault}(?s:.*){fix}"):
        stage.deployment().verify()
    assert stage.clock() == began_at
    assert stage.dt.devices == {}


def test_a_connector_without_a_secret_is_reported_at_once_if_dt_shows_secrets(stage: Stage) -> None:
    stage.dt.connectors[DT_PROJECT][0]["httpConfig"]["signatureSecret"] = ""
    stage.dt.has_connector(httpConfig={"url": "https://example.com/", "signatureSecret": "theirs"})
    with pytest.raises(NotProven, match="has no secret"):
        stage.deployment().verify()


def test_a_missing_connector_is_reported_at_once(stage: Stage) -> None:
    stage.dt.connectors[DT_PROJECT].clear()
    began_at = stage.clock()
    with pytest.raises(NotProven, match=r"no connector of this deployment(?s:.*)python -m deploy up"):
        stage.deployment().verify()
    assert stage.clock() == began_at


def test_an_unusable_secret_version_is_reported_at_once(stage: Stage) -> None:
    stage.google.versions["dt-signature"].append("short")
    expected = "secret dt-signature: the function cannot use version 2: line 1 has 5 bytes"
    with pytest.raises(DeployError, match=expected):
        stage.deployment().verify()


def another_value(whole: dict[str, Any]) -> None:
    whole["event"]["data"]["temperature"]["value"] = 99


def other_data(whole: dict[str, Any]) -> None:
    whole["event"]["data"] = {}


@pytest.mark.parametrize("change", [another_value, other_data])
def test_an_event_that_differs_from_the_one_sent_is_no_proof(
    stage: Stage, change: Callable[[dict[str, Any]], None]
) -> None:
    stage.dt.on_event = arriving(stage, change)
    with pytest.raises(NotProven, match="was sent"):
        stage.deployment().verify()
    assert nothing_is_left(stage)


@pytest.mark.parametrize("other", [{"networkStatus": {"rssi": -80}}, {"labelsChanged": {"added": {"name": "x"}}}])
def test_other_events_of_the_device_are_skipped(stage: Stage, other: dict[str, Any]) -> None:
    def on_event(project: str, device: str, body: Mapping[str, Any]) -> None:
        arriving(stage)(project, device, other)
        arriving(stage)(project, device, body)

    stage.dt.on_event = on_event
    assert stage.deployment().verify() == 0
    assert "came through DT's connector as message 17" in stage.shown


def test_only_an_event_of_another_type_is_no_proof(stage: Stage) -> None:
    stage.dt.on_event = arriving(stage, lambda whole: whole["event"].update(eventType="touch"))
    with pytest.raises(NotProven, match="no event came"):
        stage.deployment().verify()


@pytest.mark.parametrize("attribute", ["eventId", "eventType", "projectId", "timestamp"])
def test_an_attribute_that_differs_is_no_proof(stage: Stage, attribute: str) -> None:
    stage.dt.on_event = arriving(stage, attributes={attribute: "wrong"})
    with pytest.raises(NotProven, match=f"differ from the event: {attribute}"):
        stage.deployment().verify()


def test_an_event_that_differs_in_dts_history_is_no_proof(stage: Stage) -> None:
    stage.dt.history = [envelope("emu", {"temperature": {"value": 1}})["event"]]
    with pytest.raises(NotProven, match="DT keeps in its history"):
        stage.deployment().verify()
    assert nothing_is_left(stage)


def test_the_same_event_in_another_notation_in_dts_history_is_proof(stage: Stage) -> None:
    kept = envelope("emu", {"temperature": {"value": 21.37, "backfilled": False}})["event"]
    stage.dt.history = [{**kept, "timestamp": "2026-11-23T06:00:00Z"}]
    assert stage.deployment().verify() == 0


def test_ctrl_c_during_a_proof_leaves_nothing_behind(stage: Stage) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    stage.dt.on_event = interrupt
    with pytest.raises(KeyboardInterrupt):
        stage.deployment().verify()
    assert nothing_is_left(stage)


def test_a_connector_that_sends_only_touches_is_proven_with_a_touch(stage: Stage) -> None:
    stage.dt.connectors[DT_PROJECT][0]["events"] = ["networkStatus", "touch"]
    assert stage.deployment().verify() == 0
    assert stage.google.messages[0]["message"]["attributes"]["eventType"] == "touch"


@pytest.mark.parametrize("reason", ["emulator", "events"])
def test_without_an_emulated_device_a_signed_request_is_sent_and_reported_as_less_proof(
    stage: Stage, reason: str
) -> None:
    why = {
        "emulator": "DT did not create an emulated device",
        "events": "the connector sends only networkStatus, which no emulated device can send",
    }
    if reason == "emulator":
        stage.dt.emulator_is_allowed = False
    else:
        stage.dt.connectors[DT_PROJECT][0]["events"] = ["networkStatus"]
    stage.post = lambda url, body, headers: _received(stage, url, body, headers)
    assert stage.deployment().verify() == 0
    assert f"less than the whole path: {why[reason]}, so DT's own connector was not tried" in stage.shown
    assert nothing_is_left(stage)


def _received(stage: Stage, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Answer as the function does."""
    assert url == URL
    if "X-Dt-Signature" not in headers:
        return Answer(401, '{"error": "unsigned"}')
    claims = jwt.decode(
        headers["X-Dt-Signature"], stage.secret(), ["HS256"], options={"verify_iat": False, "verify_exp": False}
    )
    if claims["checksum_sha256"] != hashlib.sha256(body).hexdigest():
        return Answer(401, '{"error": "checksum"}')
    stage.google.messages.append(message(body))
    return Answer(200, '{"messageId": "17", "topic": "events"}')


def test_the_proof_waits_until_the_function_is_public(stage: Stage) -> None:
    stage.answers = [(403, "Forbidden"), (0, ""), (404, "")]
    assert stage.deployment().verify() == 0
    assert "still answers 403" in stage.noted


def test_a_function_that_stays_private_is_reported_with_the_command_that_opens_it(stage: Stage) -> None:
    stage.answers = [(403, "Forbidden")] * 100
    with pytest.raises(NotProven, match="fix: python -m deploy up\n  look at: gcloud functions logs read"):
        stage.deployment().verify()


@pytest.fixture
def left_over(stage: Stage) -> Stage:
    """Resources that a killed proof left behind, and devices of other owners."""
    stage.dt.removes_devices = False
    stage.google.stumbles = [("pubsub subscriptions delete", "PERMISSION_DENIED: User not authorized")]
    stage.deployment().verify()
    stage.dt.removes_devices = True
    assert (len(stage.dt.devices), nothing_is_left(stage)) == (1, False)
    marks = {"dt-pubsub": "dt-pubsub", "dt-pubsub-project": PROJECT}
    others = {
        "emuother1": {"name": "dt-pubsub verify"},
        "emuother2": {**marks, "dt-pubsub-project": "another"},
        "real1": marks,
    }
    for device, labels in others.items():
        stage.dt.devices[device] = {"name": f"projects/{DT_PROJECT}/devices/{device}", "labels": labels}
    return stage


def others_alone_are_left(stage: Stage) -> bool:
    subscriptions = [name for _, name in stage.google.things if "verify" in name]
    return subscriptions == [] and list(stage.dt.devices) == ["emuother1", "emuother2", "real1"]


def test_the_next_proof_removes_leftovers_of_a_killed_one(left_over: Stage) -> None:
    left_over.clock.advance(601)
    assert left_over.deployment().verify() == 0
    assert others_alone_are_left(left_over)


def test_resources_of_a_proof_that_may_still_run_are_kept(left_over: Stage) -> None:
    left_over.clock.advance(599)
    assert left_over.deployment().verify() == 0
    assert len(left_over.dt.devices) == 4
    assert [name for _, name in left_over.google.things if "verify" in name]


def test_down_removes_and_shows_leftovers_of_a_killed_proof_at_once(left_over: Stage) -> None:
    left_over.deployment().down()
    assert others_alone_are_left(left_over)
    assert left_over.google.things == {}
    assert "DELETE https://emulator.disruptive-technologies.com/v2/projects/" in left_over.shown


def test_down_continues_if_devices_may_not_be_listed(stage: Stage) -> None:
    stage.dt.emulator_is_allowed = False
    assert stage.deployment().down() == 0
    assert stage.google.things == {}


def test_a_device_whose_creation_was_not_answered_is_removed_by_a_later_proof(stage: Stage) -> None:
    stage.dt.swallows = 1
    stage.post = lambda url, body, headers: _received(stage, url, body, headers)
    assert stage.deployment().verify() == 0
    assert len(stage.dt.devices) == 1
    stage.clock.advance(601)
    assert stage.deployment().verify() == 0
    assert nothing_is_left(stage)


def test_a_proof_that_fails_in_up_says_what_exists_what_failed_and_which_commands_help() -> None:
    stage = Stage()
    with pytest.raises(NotProven) as failed:
        stage.deployment().up()
    message = str(failed.value)
    assert "nothing is left to do" in stage.shown
    assert "topic dt-events: no event came within 90 s" in message
    assert "both ends are deployed and stay as they are" in message
    assert "look at: python -m deploy status" in message
    assert "look at: gcloud functions logs read dt-pubsub --gen2 --region=europe-west1" in message
    assert message.endswith("look at: python -m deploy verify")
    assert stage.deployment().plan() == 0
    assert nothing_is_left(stage)


def test_a_proof_that_cannot_run_in_up_reports_the_same() -> None:
    stage = Stage()
    stage.google.stumbles = [("pubsub subscriptions create dt-events-verify", "PERMISSION_DENIED: not authorized")]
    with pytest.raises(NotProven, match=r"(?s)not authorized.*stay as they are.*deploy verify"):
        stage.deployment().up()
