"""DT's side of the offline clouds, with the real ``disruptive`` package and over plain HTTPS."""

import hashlib
import itertools
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

from tests.emulators.clients import Heard, ask
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.dt import tenant
from tests.emulators.clouds.dt.connectors import METRICS_WINDOW_S, Counts
from tests.emulators.clouds.dt.deliveries import EXPIRED_S, Flaw
from tests.emulators.clouds.dt.identity import GRANT_TYPE, ISSUER, TOKEN_ENDPOINT
from tests.emulators.clouds.dt.tenant import RATE, USER, Tenant
from tests.emulators.clouds.exchange import Answer, Request, Unanswered
from tests.pace import in_time

pytestmark = pytest.mark.tools

URL = "https://receiver-1-ew.a.run.app/"
API = "https://api.disruptive-technologies.com/v2"
SECRET = "0123456789abcdef" * 4
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONCE: dict[str, Any] = {"request_attempts": 1}


class Receiver:
    """Takes the function's place at every URL of the clouds; answers with the next status, at last with 200."""

    def __init__(self) -> None:
        self.received: list[Request] = []
        self.statuses: list[int] = []
        self.delay_s = 0.0

    def serve(self, request: Request) -> Answer:
        """Take a delivery, and answer it."""
        self.received.append(request)
        time.sleep(self.delay_s)
        status = self.statuses.pop(0) if self.statuses else 200
        if not status:
            raise Unanswered
        return Answer(status)


@pytest.fixture
def both_clouds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clouds]:
    """Both clouds, with the settings by which this process finds them."""
    with clouds("embedded") as both:
        for name in ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY", "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(name, both.environ[name])
        for name in ("no_proxy", "NO_PROXY", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        both.dt.deliveries.first_pause_s = 0.02
        yield both


@pytest.fixture
def receiver(both_clouds: Clouds) -> Receiver:
    """The server at the URL of the connectors."""
    there = Receiver()
    both_clouds.proxy.lead(".run.app", there.serve)
    return there


@pytest.fixture
def auth(both_clouds: Clouds) -> ServiceAccountAuth:
    tenant = both_clouds.dt.tenant
    return ServiceAccountAuth(tenant.key_id, tenant.secret, tenant.email)


def connector(both_clouds: Clouds, auth: ServiceAccountAuth, **settings: Any) -> disruptive.DataConnector:
    config = disruptive.DataConnector.HttpPushConfig(
        url=settings.pop("url", URL), signature_secret=settings.pop("secret", SECRET), headers={"X-Custom": "c"}
    )
    return disruptive.DataConnector.create_data_connector(
        both_clouds.dt.tenant.project, config, auth=auth, **ONCE, **settings
    )


def device(both_clouds: Clouds, auth: ServiceAccountAuth, device_type: str = "temperature") -> disruptive.Device:
    project = both_clouds.dt.tenant.project
    return disruptive.Emulator.create_device(project, device_type, display_name="Fridge", labels={}, auth=auth)


def publish(both_clouds: Clouds, auth: ServiceAccountAuth, sensor: disruptive.Device, celsius: float = 21.5) -> None:
    event = disruptive.events.Temperature(celsius=celsius)
    disruptive.Emulator.publish_event(sensor.device_id, both_clouds.dt.tenant.project, event, auth=auth)


@contextmanager
def another_customer(**settings: Any) -> Iterator[Clouds]:
    with clouds("embedded", tenant=Tenant(**settings)) as both:
        yield both


# authentication


def assertion(both_clouds: Clouds, *, secret: str = "", kid: str = "", **claims: Any) -> str:
    tenant, now = both_clouds.dt.tenant, int(time.time())
    whole = {"iat": now, "exp": now + 3600, "aud": TOKEN_ENDPOINT, "iss": tenant.email, **claims}
    return jwt.encode(whole, secret or tenant.secret, headers={"kid": kid or tenant.key_id})


def exchange(both_clouds: Clouds, token: str, grant_type: str = GRANT_TYPE) -> Heard:
    form = urlencode({"assertion": token, "grant_type": grant_type})
    return ask(both_clouds, "POST", TOKEN_ENDPOINT, form.encode(), FORM)


def test_a_valid_assertion_is_exchanged_for_an_access_token(both_clouds: Clouds) -> None:
    given = exchange(both_clouds, assertion(both_clouds)).json

    assert (given["token_type"], given["expires_in"]) == ("bearer", 3600)
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    assert ask(both_clouds, "GET", f"{API}/projects", headers=headers).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "x" * 32},
        {"kid": "unknown"},
        {"aud": "https://identity.example.com/oauth2/token"},
        {"iss": "another@x.serviceaccount.d21s.com"},
        {"exp": None},
    ],
)
def test_an_assertion_that_is_not_as_documented_is_refused(both_clouds: Clouds, wrong: dict[str, Any]) -> None:
    assert exchange(both_clouds, assertion(both_clouds, **wrong)).status == 400


@pytest.mark.parametrize(("claim", "ahead_s"), [("iat", 300), ("exp", -10), ("exp", 7200)])
def test_an_assertion_of_another_time_is_refused(both_clouds: Clouds, claim: str, ahead_s: int) -> None:
    wrong: dict[str, Any] = {claim: int(time.time()) + ahead_s}
    assert exchange(both_clouds, assertion(both_clouds, **wrong)).status == 400


def test_the_token_exchange_requires_a_form_and_the_grant_type(both_clouds: Clouds) -> None:
    assert exchange(both_clouds, assertion(both_clouds), "password").status == 400
    assert exchange(both_clouds, "garbage").status == 400
    assert (
        ask(both_clouds, "POST", TOKEN_ENDPOINT, {"assertion": assertion(both_clouds), "grant_type": GRANT_TYPE}).status
        == 400
    )


def test_the_package_reports_a_wrong_key(both_clouds: Clouds) -> None:
    tenant = both_clouds.dt.tenant

    with pytest.raises(Unauthorized):
        disruptive.Project.list_projects(auth=ServiceAccountAuth(tenant.key_id, "x" * 32, tenant.email))


def test_a_request_without_a_valid_token_is_refused(both_clouds: Clouds) -> None:
    assert ask(both_clouds, "GET", f"{API}/projects", headers={"Authorization": ""}).status == 401
    assert ask(both_clouds, "GET", f"{API}/projects", headers={"Authorization": "Bearer unknown"}).status == 401


def test_the_list_of_projects_has_pages_and_only_projects_in_which_the_account_has_a_role(
    both_clouds: Clouds, auth: ServiceAccountAuth
) -> None:
    tenant = both_clouds.dt.tenant
    tenant.other_projects = ("b0000000000000000001", "b0000000000000000002")
    tenant.roles["b0000000000000000002"] = USER
    headers = {"Authorization": auth.get_token()}
    page = ask(both_clouds, "GET", f"{API}/projects?pageSize=1", headers=headers).json
    assert [project["name"] for project in page["projects"]] == [f"projects/{tenant.project}"]
    rest = ask(both_clouds, "GET", f"{API}/projects?pageToken={page['nextPageToken']}", headers=headers).json
    assert [project["name"] for project in rest["projects"]] == ["projects/b0000000000000000002"]
    assert rest["nextPageToken"] == ""
    assert rest["projects"][0].keys() >= {"displayName", "organization", "organizationDisplayName"}


def test_a_read_only_role_can_create_nothing(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    both_clouds.dt.tenant.roles[both_clouds.dt.tenant.project] = USER

    assert disruptive.DataConnector.list_data_connectors(both_clouds.dt.tenant.project, params={}, auth=auth) == []
    with pytest.raises(Forbidden):
        connector(both_clouds, auth)
    with pytest.raises(Forbidden):
        device(both_clouds, auth)


def test_a_project_shows_its_organization_and_the_permissions(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    project = disruptive.Project.get_project(both_clouds.dt.tenant.project, auth=auth)

    assert project.organization_id == both_clouds.dt.tenant.organization
    assert "dataconnector.create" in disruptive.Project.list_permissions(project.project_id, params={}, auth=auth)
    with pytest.raises(NotFound):
        disruptive.Project.get_project("unknown", auth=auth)


def test_the_short_host_name_is_the_same_api(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    made = connector(both_clouds, auth)

    headers = {"Authorization": auth.get_token()}
    path = f"projects/{both_clouds.dt.tenant.project}/dataconnectors/{made.data_connector_id}"
    assert ask(both_clouds, "GET", f"https://api.d21s.com/v2/{path}", headers=headers).json == made.raw


# connectors


def test_a_connector_is_made_changed_and_removed(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    made = connector(both_clouds, auth, display_name="mine", event_types=["touch"], labels=["name"])
    changed = disruptive.DataConnector.update_data_connector(
        made.data_connector_id, made.project_id, status="USER_DISABLED", auth=auth
    )

    assert (changed.display_name, changed.status, changed.event_types) == ("mine", "USER_DISABLED", ["touch"])
    assert changed.raw["httpConfig"] == {"url": URL, "signatureSecret": SECRET, "headers": {"X-Custom": "c"}}
    disruptive.DataConnector.delete_data_connector(made.data_connector_id, made.project_id, auth=auth)
    assert both_clouds.left() == []


@pytest.mark.parametrize(
    "wrong", [{"url": "http://receiver.example.com/"}, {"event_types": ["unknown"]}, {"status": "SYSTEM_DISABLED"}]
)
def test_an_invalid_connector_is_refused(both_clouds: Clouds, auth: ServiceAccountAuth, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        connector(both_clouds, auth, **wrong)


def test_a_project_has_at_most_ten_connectors(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    for _ in range(10):
        connector(both_clouds, auth)

    with pytest.raises(BadRequest, match="at most 10"):
        connector(both_clouds, auth)


def test_repeating_a_post_whose_answer_was_lost_makes_a_second_connector(
    both_clouds: Clouds, auth: ServiceAccountAuth
) -> None:
    both_clouds.faults.drop(method="POST", path="*/dataconnectors")
    config = disruptive.DataConnector.HttpPushConfig(url=URL)

    disruptive.DataConnector.create_data_connector(both_clouds.dt.tenant.project, config, auth=auth)

    assert len(both_clouds.dt.connectors.names()) == 2


def test_too_many_calls_are_answered_429_with_a_retry_time(
    both_clouds: Clouds, auth: ServiceAccountAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tenant.RATE_WINDOW_S == 5
    monkeypatch.setattr(tenant, "RATE_WINDOW_S", 300.0)  # on a busy machine the calls take longer than five seconds
    headers = {"Authorization": auth.get_token()}

    answers = [ask(both_clouds, "GET", f"{API}/projects", headers=headers) for _ in range(RATE + 1)]

    assert {answer.status for answer in answers[:-1]} == {200}
    assert answers[-1].status == 429
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 301


def test_the_package_reports_the_rate_limit(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    both_clouds.faults.fail(429, host="api.disruptive*")

    with pytest.raises(TooManyRequests):
        disruptive.Project.list_projects(auth=auth)


def test_long_lists_are_returned_in_pages(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    for _ in range(150):
        both_clouds.dt.devices.create(both_clouds.dt.tenant.project, "touch", {})

    found = disruptive.Device.list_devices(both_clouds.dt.tenant.project, auth=auth)

    assert len({event.device_id for event in found}) == 150
    assert len(both_clouds.log.entries(path="*/devices")) == 2


# devices and deliveries


def test_an_event_is_delivered_with_both_signatures(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(both_clouds, auth, labels=["name"])
    publish(both_clouds, auth, device(both_clouds, auth))
    assert both_clouds.dt.deliveries.wait()

    (request,) = receiver.received
    checksum = hashlib.sha256(request.body).hexdigest()
    claims = jwt.decode(request.headers["x-dt-signature"], SECRET, algorithms=["HS256"])
    assert (claims["checksum_sha256"], claims["exp"] - claims["iat"]) == (checksum, 3600)
    discovered = ask(both_clouds, "GET", f"{ISSUER}/.well-known/openid-configuration").json
    keys = jwt.PyJWKSet.from_dict(ask(both_clouds, "GET", discovered["jwks_uri"]).json)
    token = request.headers["dt-asymmetric-signature"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["ES256"], issuer=discovered["issuer"])
    assert (claims["checksum_sha256"], claims["sub"]) == (checksum, both_clouds.dt.tenant.organization)
    assert request.headers["x-custom"] == "c"


def test_an_event_has_the_form_that_dt_documents(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(both_clouds, auth, labels=["name"])
    sensor = device(both_clouds, auth)
    publish(both_clouds, auth, sensor, 19.5)
    assert both_clouds.dt.deliveries.wait()

    body = receiver.received[0].json()
    event = disruptive.events.Event(body["event"])
    assert isinstance(event.data, disruptive.events.Temperature)
    assert (event.event_type, event.device_id, event.data.celsius) == ("temperature", sensor.device_id, 19.5)
    assert body["labels"] == {"name": "Fridge"}
    assert body["metadata"]["deviceType"] == "temperature"


def test_a_connector_without_a_secret_sends_only_dts_own_signature(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(both_clouds, auth, secret="")
    publish(both_clouds, auth, device(both_clouds, auth))
    assert both_clouds.dt.deliveries.wait()

    assert "x-dt-signature" not in receiver.received[0].headers
    assert "dt-asymmetric-signature" in receiver.received[0].headers


def test_an_event_is_repeated_until_it_is_answered_2xx_and_counted_in_the_metrics(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    receiver.statuses = [500, 401, 0, 302, 204]
    made = connector(both_clouds, auth)
    publish(both_clouds, auth, device(both_clouds, auth))
    assert both_clouds.dt.deliveries.wait()

    assert [attempt.status for attempt in both_clouds.dt.deliveries.attempts] == [500, 401, 0, 302, 204]
    metric = disruptive.DataConnector.get_metrics(made.data_connector_id, made.project_id, auth=auth)
    assert (metric.success_count, metric.error_count) == (1, 4)
    assert len({request.body for request in receiver.received}) == 1


@pytest.mark.parametrize("signs_anew", [True, False])
def test_a_repetition_is_signed_anew_or_sent_with_the_first_signature(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver, *, signs_anew: bool
) -> None:
    receiver.statuses = [503, 503]
    both_clouds.dt.deliveries.signs_anew = signs_anew
    connector(both_clouds, auth)
    publish(both_clouds, auth, device(both_clouds, auth))
    assert both_clouds.dt.deliveries.wait()
    tokens = [request.headers["x-dt-signature"] for request in receiver.received]
    assert (len(tokens), len(set(tokens))) == (3, 3 if signs_anew else 1)


def test_an_event_can_have_an_expired_signature_or_no_id(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(both_clouds, auth)
    sensor = device(both_clouds, auth)
    flaws: Iterator[Flaw] = iter(("expired", "no id"))
    both_clouds.dt.deliveries.flaw = lambda: next(flaws)
    for _ in range(2):
        publish(both_clouds, auth, sensor)
        assert both_clouds.dt.deliveries.wait()
    expired, without_id = receiver.received
    tokens = (expired.headers["x-dt-signature"], expired.headers["dt-asymmetric-signature"])
    assert all(
        jwt.decode(token, options={"verify_signature": False})["exp"] < time.time() - EXPIRED_S / 2 + 1
        for token in tokens
    )
    assert "eventId" in expired.json()["event"]
    assert "eventId" not in without_id.json()["event"]
    assert without_id.json()["event"]["targetName"] == sensor.raw["name"]


def test_events_do_not_wait_for_each_other(both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver) -> None:
    receiver.delay_s = 0.3
    connector(both_clouds, auth)
    sensor = device(both_clouds, auth)
    for celsius in range(4):
        publish(both_clouds, auth, sensor, celsius)
    began_at = time.monotonic()
    assert both_clouds.dt.deliveries.wait()

    assert len(receiver.received) == 4
    in_time(time.monotonic() - began_at, 1.0)


def test_only_active_connectors_get_events_and_only_of_their_types(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(both_clouds, auth, event_types=["touch"])
    connector(both_clouds, auth, status="USER_DISABLED")
    publish(both_clouds, auth, device(both_clouds, auth))

    assert both_clouds.dt.deliveries.wait()
    assert receiver.received == []


def test_a_connector_that_dt_switched_off_gets_nothing_until_it_is_switched_on(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    made, sensor = connector(both_clouds, auth), device(both_clouds, auth)
    both_clouds.dt.connectors.switch_off(made.raw["name"])
    publish(both_clouds, auth, sensor, 1)
    disruptive.DataConnector.update_data_connector(made.data_connector_id, made.project_id, status="ACTIVE", auth=auth)
    publish(both_clouds, auth, sensor, 2)

    assert both_clouds.dt.deliveries.wait()
    assert [post.json()["event"]["data"]["temperature"]["value"] for post in receiver.received] == [2]


def test_a_sync_sends_the_latest_event_of_each_type_again(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    sensor = device(both_clouds, auth)
    for celsius in (1, 2):
        publish(both_clouds, auth, sensor, celsius)
    made = connector(both_clouds, auth)
    disruptive.DataConnector.sync_data_connector(made.data_connector_id, made.project_id, auth=auth)

    assert both_clouds.dt.deliveries.wait()
    assert [post.json()["event"]["data"]["temperature"]["value"] for post in receiver.received] == [2]


def test_the_history_can_be_read_by_time_and_type(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    sensor, now = device(both_clouds, auth), datetime.now(UTC)
    name = f"projects/{both_clouds.dt.tenant.project}/devices/{sensor.device_id}"
    for hours in range(120):
        at = (now - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
        both_clouds.dt.devices.publish(name, "temperature", {"value": hours, "updateTime": at})
    both_clouds.dt.devices.publish(name, "touch", {})

    def history(*event_types: str) -> list[Any]:
        found = disruptive.EventHistory.list_events(
            sensor.device_id,
            both_clouds.dt.tenant.project,
            event_types=list(event_types),
            start_time=now - timedelta(days=40),
            auth=auth,
        )
        return [event.raw for event in found]

    assert [event["data"]["temperature"]["value"] for event in history("temperature")] == list(range(120))
    assert len(history()) == 121


@pytest.mark.parametrize(
    "body", [{}, {"unknown": {}}, {"labelsChanged": {}}, {"touch": {}, "humidity": {}}, {"co2": {}}]
)
def test_an_emulated_device_emits_only_events_of_its_type(
    both_clouds: Clouds, auth: ServiceAccountAuth, body: dict[str, Any]
) -> None:
    name = both_clouds.dt.devices.create(both_clouds.dt.tenant.project, "temperature", {})["name"]

    url = f"https://emulator.disruptive-technologies.com/v2/{name}:publish"
    assert ask(both_clouds, "POST", url, body, {"Authorization": auth.get_token()}).status == 400


def test_basic_auth_is_off_until_it_is_switched_on() -> None:
    for is_on, status in ((False, 401), (True, 200)):
        with another_customer(is_basic_enabled=is_on, key_id="key", secret="secret") as both:
            headers = {"Authorization": "Basic a2V5OnNlY3JldA=="}
            assert ask(both, "GET", f"{API}/projects", headers=headers).status == status


# requests as Terraform's provider, the official package and plain REST send them


def ask_dt(
    both_clouds: Clouds, auth: ServiceAccountAuth, method: str, path: str, body: Any = None, host: str = "api"
) -> Heard:
    url = f"https://{host}.disruptive-technologies.com/v2/{path}"
    return ask(both_clouds, method, url, body, {"Authorization": auth.get_token()})


def as_terraform_sends_it(**settings: Any) -> dict[str, Any]:
    siblings = ("azureServiceBusConfig", "azureEventHubConfig", "pubsubConfig", "awsSqsConfig")
    return {
        "displayName": "by terraform",
        "type": "HTTP_PUSH",
        "status": "ACTIVE",
        "events": None,
        "labels": ["name"],
        "httpConfig": {"url": URL, "signatureSecret": SECRET, "headers": None},
        **dict.fromkeys(siblings),
        **settings,
    }


def test_a_connector_is_made_and_changed_by_requests_of_terraforms_provider(
    both_clouds: Clouds, auth: ServiceAccountAuth
) -> None:
    path = f"projects/{both_clouds.dt.tenant.project}/dataconnectors"
    made = ask_dt(both_clouds, auth, "POST", path, as_terraform_sends_it()).json

    assert (made["events"], made["labels"], made["httpConfig"]["headers"]) == ([], ["name"], {})
    assert not [name for name in made if name.endswith("Config") and name != "httpConfig"]
    body = as_terraform_sends_it(name=made["name"], status="USER_DISABLED", events=["touch"])
    changed = ask_dt(both_clouds, auth, "PATCH", made["name"], body).json
    assert (changed["status"], changed["events"]) == ("USER_DISABLED", ["touch"])
    assert ask_dt(both_clouds, auth, "GET", made["name"]).json == changed


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (
            "GOOGLE_CLOUD_PUBSUB",
            {"pubsubConfig": {"topic": "projects/p/topics/t", "audience": "//iam.googleapis.com/x"}},
        ),
        ("AWS_SQS", {"awsSqsConfig": {"queueUrl": "https://q", "awsRoleArn": "arn:x", "audience": "a"}}),
    ],
)
def test_a_connector_of_another_type_is_kept_and_gets_no_post(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver, kind: str, config: dict[str, Any]
) -> None:
    path = f"projects/{both_clouds.dt.tenant.project}/dataconnectors"
    body = as_terraform_sends_it(type=kind, **{"httpConfig": None, **config})

    assert config.items() <= ask_dt(both_clouds, auth, "POST", path, body).json.items()
    publish(both_clouds, auth, device(both_clouds, auth))
    assert both_clouds.dt.deliveries.wait()
    assert receiver.received == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": None},
        {"type": "MQTT"},
        {"httpConfig": None},
        {"httpConfig": {"url": None}},
        {"httpConfig": {"url": 5}},
        {"httpConfig": [URL]},
        {"httpConfig": {"url": URL, "unknown": 1}},
        {"httpConfig": {"url": URL, "headers": {"a": 1}}},
        {"pubsubConfig": {"topic": "projects/p/topics/t"}},
        {"unknown": 1},
        {"events": "touch"},
        {"labels": [1]},
        {"displayName": 5},
    ],
    ids=str,
)
def test_a_connector_that_is_not_as_documented_is_refused(
    both_clouds: Clouds, auth: ServiceAccountAuth, wrong: dict[str, Any]
) -> None:
    path = f"projects/{both_clouds.dt.tenant.project}/dataconnectors"

    assert ask_dt(both_clouds, auth, "POST", path, as_terraform_sends_it(**wrong)).status == 400
    assert both_clouds.dt.connectors.names() == []


def test_an_update_changes_only_what_its_mask_names(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    name = connector(both_clouds, auth, display_name="mine", labels=["name"]).raw["name"]
    body: dict[str, Any] = {
        "displayName": "yours",
        "httpConfig": {"url": "https://other.example.com/", "signatureSecret": "other"},
    }

    changed = ask_dt(both_clouds, auth, "PATCH", f"{name}?update_mask=httpConfig.url,labels", body).json

    assert (changed["displayName"], changed["labels"]) == ("mine", [])
    assert (changed["httpConfig"]["url"], changed["httpConfig"]["signatureSecret"]) == (
        body["httpConfig"]["url"],
        SECRET,
    )
    assert ask_dt(both_clouds, auth, "PATCH", f"{name}?updateMask=httpConfig.nope", body).status == 400
    assert ask_dt(both_clouds, auth, "PATCH", name, {"type": "AWS_SQS"}).status == 400


def test_metrics_are_of_the_last_three_hours() -> None:
    now = 0.0
    counts = Counts(clock=lambda: now)
    for number in range(100):
        counts.add(0.1 + number / 1000)
    counts.add(None)
    now = METRICS_WINDOW_S
    counts.add(None)

    assert counts.metrics() == {"metrics": {"successCount": 100, "errorCount": 2, "latency99p": "0.199s"}}
    now = METRICS_WINDOW_S + 1
    assert counts.metrics() == {"metrics": {"successCount": 0, "errorCount": 1, "latency99p": "0.000s"}}


def test_the_pause_between_attempts_grows(both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver) -> None:
    receiver.statuses = [500, 500, 500]
    arrivals: list[float] = []
    serve = receiver.serve

    def timed(request: Request) -> Answer:
        arrivals.append(time.monotonic())
        return serve(request)

    both_clouds.proxy.lead(".run.app", timed)
    both_clouds.dt.deliveries.first_pause_s = 0.2
    connector(both_clouds, auth)
    publish(both_clouds, auth, device(both_clouds, auth))
    assert both_clouds.dt.deliveries.wait()

    pauses = [after - before for before, after in itertools.pairwise(arrivals)]
    for pause, least in zip(pauses, (0.2, 0.4, 0.8), strict=True):
        assert pause >= least


# lists and labels of devices


@pytest.fixture
def building(both_clouds: Clouds) -> dict[str, str]:
    """Four devices, by short names of this test."""
    devices, project = both_clouds.dt.devices, both_clouds.dt.tenant.project
    made = {
        "fridge": devices.create(project, "temperature", {"name": "Fridge 2", "room.no": "ninth"}, "102081"),
        "freezer": devices.create(project, "temperature", {"name": "Freezer", "room.no": "10"}, "102082"),
        "air": devices.create(project, "co2", {"name": "Air"}),
        "door": devices.create(project, "proximity", {"external-id": "ninth"}),
    }
    for name, celsius in (("fridge", 4.5), ("freezer", -18)):
        devices.publish(made[name]["name"], "temperature", {"value": celsius})
    return {name: device["name"].rpartition("/")[2] for name, device in made.items()}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "fridge freezer air door"),
        ({"device_types": ["temperature", "co2"]}, "fridge freezer air"),
        ({"label_filters": {"room.no": "ninth"}}, "fridge"),
        ({"label_filters": {"room.no": ""}}, "fridge freezer"),
        ({"label_filters": {"room.no": "ninth", "name": "Air"}}, ""),
        ({"query": "fRIdge"}, "fridge"),
        ({"query": "ninth"}, "fridge door"),
        ({"order_by": "reported.temperature.value"}, "freezer fridge air door"),
        ({"order_by": "-reported.temperature.value"}, "fridge freezer air door"),
        ({"order_by": "labels.name"}, "air freezer fridge door"),
        ({"device_types": ["temperature"], "order_by": "-labels.room.no"}, "fridge freezer"),
    ],
    ids=str,
)
def test_devices_are_listed_with_the_filters_of_the_package(
    both_clouds: Clouds, auth: ServiceAccountAuth, building: dict[str, str], asked: dict[str, Any], found: str
) -> None:
    listed = disruptive.Device.list_devices(both_clouds.dt.tenant.project, auth=auth, **asked)

    ids = [device.device_id for device in listed]
    expected = [building[name] for name in found.split()]
    assert (ids if "order_by" in asked else sorted(ids)) == (expected if "order_by" in asked else sorted(expected))


def test_devices_are_listed_by_id_and_product_number(
    both_clouds: Clouds, auth: ServiceAccountAuth, building: dict[str, str]
) -> None:
    project = both_clouds.dt.tenant.project
    found = disruptive.Device.list_devices(project, device_ids=[building["air"], "none"], auth=auth)
    assert [device.device_id for device in found] == [building["air"]]

    path = f"projects/{project}/devices?product_numbers=102081&product_numbers=1"
    listed = ask_dt(both_clouds, auth, "GET", path).json["devices"]
    assert [device["productNumber"] for device in listed] == ["102081"]


def test_a_filtered_list_is_returned_in_pages(
    both_clouds: Clouds, auth: ServiceAccountAuth, building: dict[str, str]
) -> None:
    path = f"projects/{both_clouds.dt.tenant.project}/devices?page_size=1&device_types=temperature"
    first = ask_dt(both_clouds, auth, "GET", path).json
    second = ask_dt(both_clouds, auth, "GET", f"{path}&page_token={first['nextPageToken']}").json

    names = [page["devices"][0]["name"].rpartition("/")[2] for page in (first, second)]
    assert (sorted(names), second["nextPageToken"]) == (sorted([building["fridge"], building["freezer"]]), "")


def test_a_dash_stands_for_every_readable_project() -> None:
    with another_customer(other_projects=("other", "closed")) as both:
        tenant = both.dt.tenant
        tenant.roles["closed"] = ""
        made = {project: both.dt.devices.create(project, "touch", {})["name"] for project in tenant.projects}
        both.dt.devices.publish(made["other"], "touch", {})
        token = f"Bearer {exchange(both, assertion(both)).json['access_token']}"

        def get(path: str) -> Heard:
            return ask(both, "GET", f"{API}/projects/-/{path}", headers={"Authorization": token})

        organization = f"organization=organizations/{tenant.organization}"
        listed = get(f"devices?{organization}").json["devices"]
        assert sorted(device["name"] for device in listed) == sorted([made[tenant.project], made["other"]])
        one = get(f"devices?{organization}&projects=projects/other").json["devices"]
        assert [device["name"] for device in one] == [made["other"]]
        assert get("devices").status == 400
        assert get("devices?organization=organizations/none").status == 404
        other_id, closed_id = (made[project].rpartition("/")[2] for project in ("other", "closed"))
        assert get(f"devices/{other_id}").json["name"] == made["other"]
        assert len(get(f"devices/{other_id}/events").json["events"]) == 1
        assert get(f"devices/{closed_id}").status == 404


def test_the_package_finds_a_device_without_its_project(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    made = device(both_clouds, auth)

    found = disruptive.Device.get_device(made.device_id, auth=auth)
    assert (found.project_id, found.is_emulated, found.product_number) == (both_clouds.dt.tenant.project, True, "")


def test_labels_are_set_and_removed_and_connectors_get_an_event_of_it(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(both_clouds, auth, labels=["room"])
    project, made = both_clouds.dt.tenant.project, device(both_clouds, auth)

    errors = disruptive.Device.batch_update_labels(
        [made.device_id, "none"], project, set_labels={"room": "9"}, remove_labels=["name", "unknown"], auth=auth
    )

    assert [(error.device_id, error.status_code) for error in errors] == [("none", "NOT_FOUND")]
    assert disruptive.Device.get_device(made.device_id, auth=auth).labels == {"room": "9", "virtual-sensor": ""}
    assert both_clouds.dt.deliveries.wait()
    (body,) = [request.json() for request in receiver.received]
    assert body["event"]["eventType"] == "labelsChanged"
    assert body["event"]["data"] == {"added": {"room": "9"}, "modified": {}, "removed": ["name"]}
    assert body["labels"] == {"room": "9"}
    assert disruptive.EventHistory.list_events(made.device_id, project, auth=auth) == []
    disruptive.Device.set_label(made.device_id, project, "room", "10", auth=auth)
    disruptive.Device.remove_label(made.device_id, project, "room", auth=auth)
    with pytest.raises(BadRequest):
        disruptive.Device.batch_update_labels([made.device_id], project, auth=auth)


def test_a_read_only_role_cannot_change_labels(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    made, project = device(both_clouds, auth), both_clouds.dt.tenant.project
    both_clouds.dt.tenant.roles[project] = USER

    with pytest.raises(Forbidden):
        disruptive.Device.set_label(made.device_id, project, "room", "9", auth=auth)


def test_a_put_changes_the_labels_of_an_emulated_device_and_not_its_type(
    both_clouds: Clouds, auth: ServiceAccountAuth
) -> None:
    made = device(both_clouds, auth)
    name = made.raw["name"]

    put = ask_dt(
        both_clouds, auth, "PUT", name, {"name": name, "type": "temperature", "labels": {"a": "b"}}, "emulator"
    )

    assert put.json == {"name": name, "type": "temperature", "labels": {"a": "b", "virtual-sensor": ""}}
    assert ask_dt(both_clouds, auth, "GET", name).json["labels"] == put.json["labels"]
    for wrong in ({"type": "co2"}, {"name": "projects/p/devices/d"}, {"labels": {"a": 1}}):
        assert ask_dt(both_clouds, auth, "PUT", name, wrong, "emulator").status == 400
    assert ask_dt(both_clouds, auth, "PUT", f"{name}x", {}, "emulator").status == 404


def test_the_emulator_does_not_change_a_real_device(
    both_clouds: Clouds, auth: ServiceAccountAuth, building: dict[str, str]
) -> None:
    name = f"projects/{both_clouds.dt.tenant.project}/devices/{building['fridge']}"

    assert ask_dt(both_clouds, auth, "DELETE", name, host="emulator").status == 404
    assert ask_dt(both_clouds, auth, "POST", f"{name}:publish", {"touch": {}}, "emulator").status == 404


def test_every_event_has_the_product_number(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver, building: dict[str, str]
) -> None:
    connector(both_clouds, auth)
    both_clouds.dt.devices.publish(
        f"projects/{both_clouds.dt.tenant.project}/devices/{building['fridge']}", "touch", {}
    )

    assert both_clouds.dt.deliveries.wait()
    assert receiver.received[0].json()["metadata"]["productNumber"] == "102081"


# events that the package publishes and reads back

PUBLISHED: dict[str, tuple[str, Any]] = {
    "touch": ("touch", disruptive.events.Touch()),
    "temperature": ("temperature", disruptive.events.Temperature(celsius=4.5)),
    "objectPresent": ("proximity", disruptive.events.ObjectPresent(state="PRESENT")),
    "humidity": ("humidity", disruptive.events.Humidity(celsius=22, relative_humidity=17)),
    "humidity of a co2 device": ("co2", disruptive.events.Humidity(celsius=22, relative_humidity=17)),
    "objectPresentCount": ("proximityCounter", disruptive.events.ObjectPresentCount(total=4)),
    "touchCount": ("touchCounter", disruptive.events.TouchCount(total=4)),
    "waterPresent": ("waterDetector", disruptive.events.WaterPresent(state="PRESENT")),
    "networkStatus": (
        "touch",
        disruptive.events.NetworkStatus(
            signal_strength=80,
            rssi=-61,
            transmission_mode="HIGH_POWER_BOOST_MODE",
            cloud_connectors=[disruptive.events.NetworkStatusCloudConnector("c1", 80, -61)],
        ),
    ),
    "networkStatus alone": ("touch", disruptive.events.NetworkStatus(signal_strength=5)),
    "batteryStatus": ("touch", disruptive.events.BatteryStatus(percentage=90)),
    "connectionStatus": ("ccon", disruptive.events.ConnectionStatus(connection="OFFLINE", available=[])),
    "ethernetStatus": ("ccon", disruptive.events.EthernetStatus(mac_address="f0:b5", ip_address="10.0.0.1")),
    "cellularStatus": ("ccon", disruptive.events.CellularStatus(signal_strength=80)),
    "co2": ("co2", disruptive.events.Co2(ppm=526)),
    "pressure": ("co2", disruptive.events.Pressure(pascal=99301)),
    "motion": ("motion", disruptive.events.Motion(state="MOTION_DETECTED")),
    "deskOccupancy": ("deskOccupancy", disruptive.events.DeskOccupancy(state="OCCUPIED")),
    "contact": ("contact", disruptive.events.Contact(state="OPEN")),
    "probeWireStatus": ("temperature", disruptive.events.ProbeWireStatus(state="THREE_WIRE")),
}


@pytest.mark.parametrize(("device_type", "event"), PUBLISHED.values(), ids=PUBLISHED)
def test_the_package_can_read_the_events_that_it_published(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver, device_type: str, event: Any
) -> None:
    connector(both_clouds, auth)
    made, project = device(both_clouds, auth, device_type), both_clouds.dt.tenant.project
    disruptive.Emulator.publish_event(made.device_id, project, event, auth=auth)
    assert both_clouds.dt.deliveries.wait()

    (read,) = disruptive.EventHistory.list_events(made.device_id, project, auth=auth)
    delivered = disruptive.events.Event(receiver.received[0].json()["event"])
    reported = disruptive.Device.get_device(made.device_id, auth=auth).reported
    assert read.raw == delivered.raw
    assert type(read.data) is type(event)
    assert reported
    assert read.data.raw in [data for data in reported.raw.values() if data]
    published = {key: value for key, value in event.raw.items() if key != "cloud_connectors"}
    assert published.items() <= read.data.raw.items()


def test_a_device_reports_only_its_newest_event_of_every_type(both_clouds: Clouds, auth: ServiceAccountAuth) -> None:
    made = device(both_clouds, auth)
    for celsius, time_ in ((2, "2026-11-02T08:00:00Z"), (3, "2026-11-02T09:00:00Z"), (1, "2026-11-02T07:00:00Z")):
        both_clouds.dt.devices.publish(made.raw["name"], "temperature", {"value": celsius, "updateTime": time_})

    reported = disruptive.Device.get_device(made.device_id, auth=auth).reported
    assert reported
    assert reported.temperature
    assert reported.temperature.celsius == 3
    assert reported.touch is None
    assert "touch" in reported.raw
    assert "co2" not in reported.raw


def test_a_network_status_is_sent_for_every_cloud_connector_and_reported_once(
    both_clouds: Clouds, auth: ServiceAccountAuth, receiver: Receiver
) -> None:
    connector(both_clouds, auth)
    made, project = device(both_clouds, auth), both_clouds.dt.tenant.project
    connectors = [disruptive.events.NetworkStatusCloudConnector(f"c{number}", number, -80) for number in (30, 70, 50)]
    event = disruptive.events.NetworkStatus(signal_strength=70, rssi=-60, cloud_connectors=connectors)
    disruptive.Emulator.publish_event(made.device_id, project, event, auth=auth)
    assert both_clouds.dt.deliveries.wait()

    read = disruptive.EventHistory.list_events(made.device_id, project, auth=auth)
    assert sorted(len(event.data.cloud_connectors) for event in read) == [1, 1, 1]
    assert sorted(event.data.signal_strength for event in read) == [30, 50, 70]
    assert len({event.event_id for event in read}) == len(receiver.received) == 3
    reported = disruptive.Device.get_device(made.device_id, auth=auth).reported
    assert reported
    assert reported.network_status
    assert [cloud_connector.device_id for cloud_connector in reported.network_status.cloud_connectors or []] == [
        "c30",
        "c70",
        "c50",
    ]
    assert reported.network_status.signal_strength == 70


def test_the_history_is_returned_in_pages_newest_first_within_its_times(
    both_clouds: Clouds, auth: ServiceAccountAuth
) -> None:
    name = device(both_clouds, auth).raw["name"]
    now = datetime.now(UTC)
    for minutes in (30, 10, 20):
        at = (now - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        both_clouds.dt.devices.publish(name, "temperature", {"value": minutes, "updateTime": at})
    start = (now - timedelta(minutes=25)).strftime("%Y-%m-%dT%H:%M:%SZ")

    first = ask_dt(both_clouds, auth, "GET", f"{name}/events?start_time={start}&page_size=1").json
    second = ask_dt(
        both_clouds, auth, "GET", f"{name}/events?startTime={start}&pageSize=1&pageToken={first['nextPageToken']}"
    ).json
    values = [page["events"][0]["data"]["temperature"]["value"] for page in (first, second)]
    assert (values, second["nextPageToken"]) == ([10, 20], "")
    for wrong in ("start_time=yesterday", f"start_time={start}&end_time=2020-01-01T00:00:00Z"):
        assert ask_dt(both_clouds, auth, "GET", f"{name}/events?{wrong}").status == 400
