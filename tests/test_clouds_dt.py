"""DT's side of the offline clouds, with the real ``disruptive`` package and over plain HTTPS."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import disruptive
import jwt
import pytest
from disruptive.authentication import ServiceAccountAuth
from disruptive.errors import BadRequest, Forbidden, NotFound, TooManyRequests, Unauthorized

from deploy.offline.clouds import Clouds, clouds
from deploy.offline.clouds.dt.identity import GRANT_TYPE, ISSUER, TOKEN_ENDPOINT
from deploy.offline.clouds.dt.tenant import RATE, USER, Tenant
from deploy.offline.clouds.exchange import Answer, Request, Unanswered
from tests.skies import Heard, ask

URL = "https://receiver-1-ew.a.run.app/"
API = "https://api.disruptive-technologies.com/v2"
SECRET = "0123456789abcdef" * 4
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONCE: dict[str, Any] = {"request_attempts": 1}


class Receiver:
    """Stands at every URL of the clouds in the function's place; answers with the next status, in the end 200."""

    def __init__(self) -> None:
        self.received: list[Request] = []
        self.statuses: list[int] = []
        self.delay_s = 0.0

    def serve(self, request: Request) -> Answer:
        """Take a delivery."""
        self.received.append(request)
        time.sleep(self.delay_s)
        status = self.statuses.pop(0) if self.statuses else 200
        if not status:
            raise Unanswered
        return Answer(status)


@pytest.fixture
def sky(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clouds]:
    """Both clouds, where this process finds them."""
    with clouds("embedded") as both:
        for name in ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY", "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(name, both.environ[name])
        for name in ("no_proxy", "NO_PROXY", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        both.dt.deliveries.first_pause_s = 0.02
        yield both


@pytest.fixture
def receiver(sky: Clouds) -> Receiver:
    """What the connectors' URL leads to."""
    there = Receiver()
    sky.proxy.lead(".run.app", there.serve)
    return there


@pytest.fixture
def auth(sky: Clouds) -> ServiceAccountAuth:
    tenant = sky.dt.tenant
    return ServiceAccountAuth(tenant.key_id, tenant.secret, tenant.email)


def connector(sky: Clouds, auth: ServiceAccountAuth, **settings: Any) -> disruptive.DataConnector:
    config = disruptive.DataConnector.HttpPushConfig(
        url=settings.pop("url", URL), signature_secret=settings.pop("secret", SECRET), headers={"X-Custom": "c"}
    )
    return disruptive.DataConnector.create_data_connector(sky.dt.tenant.project, config, auth=auth, **ONCE, **settings)


def device(sky: Clouds, auth: ServiceAccountAuth, device_type: str = "temperature") -> disruptive.Device:
    project = sky.dt.tenant.project
    return disruptive.Emulator.create_device(project, device_type, display_name="Fridge", labels={}, auth=auth)


def publish(sky: Clouds, auth: ServiceAccountAuth, sensor: disruptive.Device, celsius: float = 21.5) -> None:
    event = disruptive.events.Temperature(celsius=celsius)
    disruptive.Emulator.publish_event(sensor.device_id, sky.dt.tenant.project, event, auth=auth)


@contextmanager
def another_tenant(**settings: Any) -> Iterator[Clouds]:
    with clouds("embedded", tenant=Tenant(**settings)) as both:
        yield both


# who is let in


def assertion(sky: Clouds, *, secret: str = "", kid: str = "", **claims: Any) -> str:
    tenant, now = sky.dt.tenant, int(time.time())
    whole = {"iat": now, "exp": now + 3600, "aud": TOKEN_ENDPOINT, "iss": tenant.email, **claims}
    return jwt.encode(whole, secret or tenant.secret, headers={"kid": kid or tenant.key_id})


def exchange(sky: Clouds, token: str, grant_type: str = GRANT_TYPE) -> Heard:
    form = urlencode({"assertion": token, "grant_type": grant_type})
    return ask(sky, "POST", TOKEN_ENDPOINT, form.encode(), FORM)


def test_a_good_assertion_is_exchanged_for_a_token_that_opens_the_api(sky: Clouds) -> None:
    given = exchange(sky, assertion(sky)).json

    assert (given["token_type"], given["expires_in"]) == ("bearer", 3600)
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    assert ask(sky, "GET", f"{API}/projects", headers=headers).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "x" * 32},
        {"kid": "unknown"},
        {"aud": "https://identity.example.com/oauth2/token"},
        {"iss": "another@x.serviceaccount.d21s.com"},
        {"iat": int(time.time()) + 300},
        {"exp": int(time.time()) - 10},
        {"exp": int(time.time()) + 7200},
        {"exp": None},
    ],
)
def test_an_assertion_that_is_not_as_documented_is_refused(sky: Clouds, wrong: dict[str, Any]) -> None:
    assert exchange(sky, assertion(sky, **wrong)).status == 400


def test_the_exchange_wants_the_form_and_the_grant_type(sky: Clouds) -> None:
    assert exchange(sky, assertion(sky), "password").status == 400
    assert exchange(sky, "garbage").status == 400
    assert ask(sky, "POST", TOKEN_ENDPOINT, {"assertion": assertion(sky), "grant_type": GRANT_TYPE}).status == 400


def test_the_package_is_told_of_a_wrong_key(sky: Clouds) -> None:
    tenant = sky.dt.tenant

    with pytest.raises(Unauthorized):
        disruptive.Project.list_projects(auth=ServiceAccountAuth(tenant.key_id, "x" * 32, tenant.email))


def test_without_a_good_token_nothing_is_told(sky: Clouds) -> None:
    assert ask(sky, "GET", f"{API}/projects", headers={"Authorization": ""}).status == 401
    assert ask(sky, "GET", f"{API}/projects", headers={"Authorization": "Bearer unknown"}).status == 401


def test_a_role_that_only_reads_makes_nothing(sky: Clouds, auth: ServiceAccountAuth) -> None:
    sky.dt.tenant.roles[sky.dt.tenant.project] = USER

    assert disruptive.DataConnector.list_data_connectors(sky.dt.tenant.project, params={}, auth=auth) == []
    with pytest.raises(Forbidden):
        connector(sky, auth)
    with pytest.raises(Forbidden):
        device(sky, auth)


def test_a_project_tells_its_organization_and_what_may_be_done(sky: Clouds, auth: ServiceAccountAuth) -> None:
    project = disruptive.Project.get_project(sky.dt.tenant.project, auth=auth)

    assert project.organization_id == sky.dt.tenant.organization
    assert "dataconnector.create" in disruptive.Project.list_permissions(project.project_id, params={}, auth=auth)
    with pytest.raises(NotFound):
        disruptive.Project.get_project("unknown", auth=auth)


def test_the_short_host_name_is_the_same_api(sky: Clouds, auth: ServiceAccountAuth) -> None:
    made = connector(sky, auth)

    headers = {"Authorization": auth.get_token()}
    path = f"projects/{sky.dt.tenant.project}/dataconnectors/{made.data_connector_id}"
    assert ask(sky, "GET", f"https://api.d21s.com/v2/{path}", headers=headers).json == made.raw


# connectors


def test_a_connector_is_made_changed_and_removed(sky: Clouds, auth: ServiceAccountAuth) -> None:
    made = connector(sky, auth, display_name="mine", event_types=["touch"], labels=["name"])
    changed = disruptive.DataConnector.update_data_connector(
        made.data_connector_id, made.project_id, status="USER_DISABLED", auth=auth
    )

    assert (changed.display_name, changed.status, changed.event_types) == ("mine", "USER_DISABLED", ["touch"])
    assert changed.raw["httpConfig"] == {"url": URL, "signatureSecret": SECRET, "headers": {"X-Custom": "c"}}
    disruptive.DataConnector.delete_data_connector(made.data_connector_id, made.project_id, auth=auth)
    assert sky.left() == []


@pytest.mark.parametrize(
    "wrong", [{"url": "http://receiver.example.com/"}, {"event_types": ["unknown"]}, {"status": "SYSTEM_DISABLED"}]
)
def test_an_unsound_connector_is_refused(sky: Clouds, auth: ServiceAccountAuth, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        connector(sky, auth, **wrong)


def test_a_project_has_ten_connectors_at_most(sky: Clouds, auth: ServiceAccountAuth) -> None:
    for _ in range(10):
        connector(sky, auth)

    with pytest.raises(BadRequest, match="at most 10"):
        connector(sky, auth)


def test_an_answer_that_is_lost_makes_a_second_connector(sky: Clouds, auth: ServiceAccountAuth) -> None:
    sky.faults.drop(method="POST", path="*/dataconnectors")
    config = disruptive.DataConnector.HttpPushConfig(url=URL)

    disruptive.DataConnector.create_data_connector(sky.dt.tenant.project, config, auth=auth)

    assert len(sky.dt.connectors.names()) == 2


def test_too_many_calls_are_told_when_to_come_again(sky: Clouds, auth: ServiceAccountAuth) -> None:
    headers = {"Authorization": auth.get_token()}

    answers = [ask(sky, "GET", f"{API}/projects", headers=headers) for _ in range(RATE + 1)]

    assert {answer.status for answer in answers[:-1]} == {200}
    assert answers[-1].status == 429
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 6


def test_the_package_is_told_of_the_rate(sky: Clouds, auth: ServiceAccountAuth) -> None:
    sky.faults.fail(429, host="api.disruptive*")

    with pytest.raises(TooManyRequests):
        disruptive.Project.list_projects(auth=auth)


def test_long_lists_come_in_pages(sky: Clouds, auth: ServiceAccountAuth) -> None:
    for _ in range(150):
        sky.dt.devices.create(sky.dt.tenant.project, "touch", {})

    found = disruptive.Device.list_devices(sky.dt.tenant.project, auth=auth)

    assert len({each.device_id for each in found}) == 150
    assert len(sky.log.entries(path="*/devices")) == 2


# devices and deliveries


def test_an_event_is_delivered_with_both_signatures(sky: Clouds, auth: ServiceAccountAuth, receiver: Receiver) -> None:
    connector(sky, auth, labels=["name"])
    publish(sky, auth, device(sky, auth))
    assert sky.dt.deliveries.wait()

    (request,) = receiver.received
    checksum = hashlib.sha256(request.body).hexdigest()
    claims = jwt.decode(request.headers["x-dt-signature"], SECRET, algorithms=["HS256"])
    assert (claims["checksum_sha256"], claims["exp"] - claims["iat"]) == (checksum, 3600)
    discovered = ask(sky, "GET", f"{ISSUER}/.well-known/openid-configuration").json
    keys = jwt.PyJWKSet.from_dict(ask(sky, "GET", discovered["jwks_uri"]).json)
    token = request.headers["dt-asymmetric-signature"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["ES256"], issuer=discovered["issuer"])
    assert (claims["checksum_sha256"], claims["sub"]) == (checksum, sky.dt.tenant.organization)
    assert request.headers["x-custom"] == "c"


def test_an_event_looks_as_dt_sends_it(sky: Clouds, auth: ServiceAccountAuth, receiver: Receiver) -> None:
    connector(sky, auth, labels=["name"])
    sensor = device(sky, auth)
    publish(sky, auth, sensor, 19.5)
    assert sky.dt.deliveries.wait()

    body = receiver.received[0].json()
    event = disruptive.events.Event(body["event"])
    assert isinstance(event.data, disruptive.events.Temperature)
    assert (event.event_type, event.device_id, event.data.celsius) == ("temperature", sensor.device_id, 19.5)
    assert body["labels"] == {"name": "Fridge"}
    assert body["metadata"]["deviceType"] == "temperature"


def test_without_a_secret_only_dts_own_signature_is_sent(
    sky: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(sky, auth, secret="")
    publish(sky, auth, device(sky, auth))
    assert sky.dt.deliveries.wait()

    assert "x-dt-signature" not in receiver.received[0].headers
    assert "dt-asymmetric-signature" in receiver.received[0].headers


def test_an_event_is_sent_until_it_is_acknowledged_and_counted(
    sky: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    receiver.statuses = [500, 401, 0, 302, 204]
    made = connector(sky, auth)
    publish(sky, auth, device(sky, auth))
    assert sky.dt.deliveries.wait()

    assert [each.status for each in sky.dt.deliveries.attempts] == [500, 401, 0, 302, 204]
    metric = disruptive.DataConnector.get_metrics(made.data_connector_id, made.project_id, auth=auth)
    assert (metric.success_count, metric.error_count) == (1, 4)
    assert len({request.body for request in receiver.received}) == 1


def test_events_do_not_wait_for_each_other(sky: Clouds, auth: ServiceAccountAuth, receiver: Receiver) -> None:
    receiver.delay_s = 0.3
    connector(sky, auth)
    sensor = device(sky, auth)
    for celsius in range(4):
        publish(sky, auth, sensor, celsius)
    began_at = time.monotonic()
    assert sky.dt.deliveries.wait()

    assert len(receiver.received) == 4
    assert time.monotonic() - began_at < 1.0


def test_only_active_connectors_get_the_types_they_want(
    sky: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(sky, auth, event_types=["touch"])
    connector(sky, auth, status="USER_DISABLED")
    publish(sky, auth, device(sky, auth))

    assert sky.dt.deliveries.wait()
    assert receiver.received == []


def test_a_connector_that_dt_switched_off_gets_nothing_until_it_is_switched_on(
    sky: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    made, sensor = connector(sky, auth), device(sky, auth)
    sky.dt.connectors.switch_off(made.raw["name"])
    publish(sky, auth, sensor, 1)
    disruptive.DataConnector.update_data_connector(made.data_connector_id, made.project_id, status="ACTIVE", auth=auth)
    publish(sky, auth, sensor, 2)

    assert sky.dt.deliveries.wait()
    assert [each.json()["event"]["data"]["temperature"]["value"] for each in receiver.received] == [2]


def test_a_sync_sends_the_latest_event_of_each_type_again(
    sky: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    sensor = device(sky, auth)
    for celsius in (1, 2):
        publish(sky, auth, sensor, celsius)
    made = connector(sky, auth)
    disruptive.DataConnector.sync_data_connector(made.data_connector_id, made.project_id, auth=auth)

    assert sky.dt.deliveries.wait()
    assert [each.json()["event"]["data"]["temperature"]["value"] for each in receiver.received] == [2]


def test_the_history_is_told_by_time_and_type(sky: Clouds, auth: ServiceAccountAuth) -> None:
    sensor, now = device(sky, auth), datetime.now(UTC)
    name = f"projects/{sky.dt.tenant.project}/devices/{sensor.device_id}"
    for hours in range(120):
        at = (now - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
        sky.dt.devices.publish(name, "temperature", {"value": hours, "updateTime": at})
    sky.dt.devices.publish(name, "touch", {})

    def history(*event_types: str) -> list[Any]:
        found = disruptive.EventHistory.list_events(
            sensor.device_id,
            sky.dt.tenant.project,
            event_types=list(event_types),
            start_time=now - timedelta(days=40),
            auth=auth,
        )
        return [each.raw for each in found]

    assert [each["data"]["temperature"]["value"] for each in history("temperature")] == list(range(120))
    assert len(history()) == 121


@pytest.mark.parametrize(
    "body", [{}, {"unknown": {}}, {"labelsChanged": {}}, {"touch": {}, "humidity": {}}, {"co2": {}}]
)
def test_an_emulated_device_emits_only_what_such_a_device_can(
    sky: Clouds, auth: ServiceAccountAuth, body: dict[str, Any]
) -> None:
    name = sky.dt.devices.create(sky.dt.tenant.project, "temperature", {})["name"]

    url = f"https://emulator.disruptive-technologies.com/v2/{name}:publish"
    assert ask(sky, "POST", url, body, {"Authorization": auth.get_token()}).status == 400


def test_basic_auth_is_off_until_it_is_switched_on() -> None:
    for is_on, status in ((False, 401), (True, 200)):
        with another_tenant(is_basic_enabled=is_on, key_id="key", secret="secret") as both:
            headers = {"Authorization": "Basic a2V5OnNlY3JldA=="}
            assert ask(both, "GET", f"{API}/projects", headers=headers).status == status
