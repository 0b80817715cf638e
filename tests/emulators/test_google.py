"""Google's side of the offline clouds: the real gcloud works with it unchanged, and it is as strict as Google."""

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.blackbox.serving import eventually
from tests.emulators.clients import (
    ANSWERS,
    FUNCTIONS,
    ROOT,
    Heard,
    all_on,
    ask,
    deploy,
    done,
    function_settings,
    gcloud,
    zipped,
)
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.dt.tenant import Tenant
from tests.emulators.clouds.google.estate import ALLOWED_MEMBERS, INVOKER_IAM_REQUIRED, Estate
from tests.emulators.clouds.google.payload import crc32c
from tests.emulators.clouds.google.service import Service
from tests.emulators.events import encode, sample_event
from tests.emulators.signing import ORGANIZATION_HEADER, SECRET_HEADER, secret_claims, sign_with_secret

PROJECT = "demo-proj"
ACCOUNT = f"dt-pubsub@{PROJECT}.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{ACCOUNT}"
SECRET = "0123456789abcdef" * 4
PUBSUB = f"https://pubsub.googleapis.com/v1/projects/{PROJECT}"
IAM = f"https://iam.googleapis.com/v1/projects/{PROJECT}"
SECRETS = f"https://secretmanager.googleapis.com/v1/projects/{PROJECT}"
RUN_IAM = f"https://run.googleapis.com/v1/projects/{PROJECT}/locations/europe-west1/services/f"
ACCESSOR, PUBLISHER = "roles/secretmanager.secretAccessor", "roles/pubsub.publisher"

# ten gcloud commands run before the first test, on a busy machine
pytestmark = [pytest.mark.tools, pytest.mark.timeout(300)]

needs_gcloud = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")


@pytest.fixture
def both_clouds() -> Iterator[Clouds]:
    """Both clouds, with every API enabled."""
    with clouds("embedded", estate=all_on(Estate(account_lag_s=0))) as both:
        yield both


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    """Deploy the project's own function with the real gcloud; ``make rehearse`` makes all resources with it."""
    if not shutil.which("gcloud"):
        pytest.skip("gcloud is not installed")
    source = tmp_path_factory.mktemp("source")
    for name in ("main.py", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "function", source / "function", ignore=shutil.ignore_patterns("__pycache__"))
    with clouds("embedded", estate=all_on(Estate(account_lag_s=0))) as both:
        for method, url, body in _resources():
            made = ask(both, method, url, body)
            assert made.status == 200, made.sentence
        done = gcloud(both, f"{_deploy(source)} --allow-unauthenticated")
        assert done.returncode == 0, done.stderr
        yield both


def _resources() -> Iterator[tuple[str, str, Any]]:
    """Return the requests that make what the function needs."""
    yield "POST", f"{IAM}/serviceAccounts", {"accountId": "dt-pubsub", "serviceAccount": {"displayName": "x"}}
    for topic in ("dt-events", "dt-rejected"):
        yield "PUT", f"{PUBSUB}/topics/{topic}", {"labels": {"dt-pubsub": "x"}}
        yield "POST", f"{PUBSUB}/topics/{topic}:setIamPolicy", _granted(PUBLISHER)
    subscription = {"topic": f"projects/{PROJECT}/topics/dt-events", "expirationPolicy": {}}
    yield "PUT", f"{PUBSUB}/subscriptions/dt-events", subscription
    yield "POST", f"{SECRETS}/secrets?secretId=dt-signature", {"replication": {"automatic": {}}}
    version = {"payload": {"data": base64.b64encode(SECRET.encode()).decode()}}
    yield "POST", f"{SECRETS}/secrets/dt-signature:addVersion", version
    yield "POST", f"{SECRETS}/secrets/dt-signature:setIamPolicy", _granted(ACCESSOR)


def _granted(role: str) -> dict[str, Any]:
    return {"policy": {"bindings": [{"role": role, "members": [MEMBER]}]}}


def _deploy(source: Path) -> str:
    topics = "projects/demo-proj/topics/"
    variables = (
        f"PUBSUB_TOPIC={topics}dt-events,PUBSUB_REJECTED_TOPIC={topics}dt-rejected,"
        f"DT_SIGNATURE_SECRET_FILE=/secrets/dt-signature,DT_ORGANIZATION_ID={Tenant().organization}"
    )
    return (
        f"functions deploy dt-pubsub --gen2 --region=europe-west1 --source={source} --entry-point=ingest "
        f"--runtime=python313 --trigger-http --service-account={ACCOUNT} --memory=512Mi --cpu=1 --concurrency=80 "
        f"--timeout=15s --set-secrets=/secrets/dt-signature=dt-signature:latest --set-env-vars={variables}"
    )


def function_of(both_clouds: Clouds) -> Any:
    return ask(both_clouds, "GET", f"{FUNCTIONS}/functions/dt-pubsub").json


def signed(both_clouds: Clouds, body: bytes) -> tuple[int, Any]:
    headers = {SECRET_HEADER: sign_with_secret(secret_claims(body, now=time.time()), SECRET)}
    answer = ask(both_clouds, "POST", function_of(both_clouds)["serviceConfig"]["uri"], body, headers)
    return answer.status, answer.json


def an_event() -> bytes:
    return encode(sample_event("temperature", number=1, at=datetime.now(UTC)))


# with the real gcloud


def test_the_real_gcloud_calls_no_unknown_api(deployed: Clouds) -> None:
    assert deployed.log.not_played() == []


def test_the_last_build_of_a_function_can_be_read(deployed: Clouds) -> None:
    name = function_of(deployed)["buildConfig"]["build"]
    region, build = name.split("/")[3], name.split("/")[5]
    shown = gcloud(deployed, f"builds describe {build} --region={region} --format=json")
    assert shown.returncode == 0, shown.stderr
    times = json.loads(shown.stdout)
    assert times["startTime"] < times["finishTime"]
    assert gcloud(deployed, f"builds describe {build[::-1]} --region={region}").returncode == 1


def test_both_urls_of_a_deployed_function_lead_to_it(deployed: Clouds) -> None:
    function = function_of(deployed)

    for url in (function["url"], function["serviceConfig"]["uri"]):
        answer = ask(deployed, "POST", url, b"{}")
        assert (answer.status, answer.json) == (401, {"error": "unsigned"})


def test_a_signed_event_comes_out_of_the_subscription(deployed: Clouds) -> None:
    body = an_event()

    assert signed(deployed, body)[0] == 200
    pulled = gcloud(deployed, "pubsub subscriptions pull dt-events --auto-ack --limit=100 --format=json")
    assert body in [base64.b64decode(received["message"]["data"]) for received in json.loads(pulled.stdout)]


def test_a_function_fetches_dts_keys_and_accepts_dts_own_signature(deployed: Clouds) -> None:
    body = an_event()
    headers = {ORGANIZATION_HEADER: deployed.dt.identity.sign(body, now=time.time())}

    answer = ask(deployed, "POST", function_of(deployed)["serviceConfig"]["uri"], body, headers)

    assert answer.status == 200
    assert deployed.log.entries(host="identity.disruptive-technologies.com", method="GET")


def test_a_function_can_publish_only_with_its_iam_role(deployed: Clouds) -> None:
    policy = ask(deployed, "GET", f"{PUBSUB}/topics/dt-events:getIamPolicy").json
    ask(deployed, "POST", f"{PUBSUB}/topics/dt-events:setIamPolicy", {"policy": {"bindings": []}})

    assert signed(deployed, an_event()) == (503, {"error": "publish_config"})
    ask(deployed, "POST", f"{PUBSUB}/topics/dt-events:setIamPolicy", {"policy": {"bindings": policy["bindings"]}})
    assert signed(deployed, an_event())[0] == 200


def test_a_mounted_secret_follows_its_newest_version(deployed: Clouds) -> None:
    revision = deployed.google.run.services["dt-pubsub"].revision
    assert revision
    file = revision.root / "mounts/secrets/dt-signature"
    assert file.read_text("ascii").endswith(SECRET)

    newer = base64.b64encode(f"{'m' * 64}\n{SECRET}".encode()).decode()
    ask(deployed, "POST", f"{SECRETS}/secrets/dt-signature:addVersion", {"payload": {"data": newer}})
    assert file.read_text("ascii").startswith("mmm")


def test_a_mounted_secret_follows_late_if_latest_lags(deployed: Clouds) -> None:
    revision = deployed.google.run.services["dt-pubsub"].revision
    assert revision
    file, deployed.google.estate.secret_lag_s = revision.root / "mounts/secrets/dt-signature", 3600.0
    newer = base64.b64encode(f"{'n' * 64}\n{SECRET}".encode()).decode()
    ask(deployed, "POST", f"{SECRETS}/secrets/dt-signature:addVersion", {"payload": {"data": newer}})
    assert signed(deployed, an_event())[0] == 200
    assert not file.read_text("ascii").startswith("nnn")

    deployed.google.estate.secret_lag_s = 0.0
    assert signed(deployed, an_event())[0] == 200
    assert file.read_text("ascii").startswith("nnn")


def test_a_function_works_only_while_its_service_account_is_enabled(deployed: Clouds) -> None:
    ask(deployed, "POST", f"{IAM}/serviceAccounts/{ACCOUNT}:disable", {})

    assert signed(deployed, an_event())[0] == 503
    ask(deployed, "POST", f"{IAM}/serviceAccounts/{ACCOUNT}:enable", {})
    assert signed(deployed, an_event())[0] == 200


def test_gcloud_reads_the_functions_log(deployed: Clouds) -> None:
    signed(deployed, an_event())

    assert deployed.google.requests.until(time.time())[-1].status == 200, "the front end has counted it"
    read = gcloud(deployed, "logging read severity>=INFO --format=value(jsonPayload.eventType)")

    assert "temperature" in read.stdout.splitlines()


def test_a_broken_source_fails_the_deploy_and_leaves_the_old_revision_serving(deployed: Clouds, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("raise RuntimeError('broken')\n")
    (tmp_path / "requirements.txt").write_text("functions-framework\n")
    before = function_of(deployed)["serviceConfig"]["revision"]

    failed = gcloud(deployed, _deploy(tmp_path))

    assert failed.returncode == 1
    assert "Container Healthcheck failed" in failed.stderr
    logged = gcloud(deployed, "logging read resource.labels.service_name=dt-pubsub --limit=50 --format=json")
    assert "RuntimeError: broken" in logged.stdout
    assert function_of(deployed)["serviceConfig"]["revision"] == before
    assert ask(deployed, "POST", function_of(deployed)["url"], b"{}").status == 401


def test_the_invoker_check_can_be_turned_off_instead_of_admitting_all_users(deployed: Clouds) -> None:
    iam = RUN_IAM.replace("services/f", "services/dt-pubsub")
    url = function_of(deployed)["url"]
    ask(deployed, "POST", f"{iam}:setIamPolicy", {"policy": {"bindings": []}})
    assert ask(deployed, "POST", url, b"{}").status == 403

    update = "run services update dt-pubsub --region=europe-west1 --no-invoker-iam-check"
    deployed.google.estate.organization_policies.add(INVOKER_IAM_REQUIRED)
    assert "org policy" in gcloud(deployed, update).stderr
    deployed.google.estate.organization_policies.clear()
    assert gcloud(deployed, update).returncode == 0
    assert ask(deployed, "POST", url, b"{}").status == 401


@needs_gcloud
def test_gcloud_names_the_api_that_is_not_enabled(both_clouds: Clouds) -> None:
    both_clouds.google.estate.enabled.discard("pubsub.googleapis.com")

    refused = gcloud(both_clouds, "pubsub topics create dt-events")

    assert refused.returncode == 1
    assert "Cloud Pub/Sub API has not been used in project 123456789012 before or it is disabled" in refused.stderr


@needs_gcloud
def test_a_request_whose_answer_is_lost_was_carried_out(both_clouds: Clouds) -> None:
    both_clouds.faults.drop(method="POST", path="*/serviceAccounts")

    gcloud(both_clouds, "iam service-accounts create dt-pubsub")

    assert both_clouds.google.left() == [f"projects/{PROJECT}/serviceAccounts/{ACCOUNT}"]


# strictness, over plain HTTPS


def binding(member: str = MEMBER, role: str = PUBLISHER, etag: str = "") -> dict[str, Any]:
    return {"policy": {"bindings": [{"role": role, "members": [member]}], **({"etag": etag} if etag else {})}}


def test_a_new_service_account_is_visible_to_other_apis_only_after_a_while(both_clouds: Clouds) -> None:
    both_clouds.google.estate.account_lag_s = 1.5
    ask(both_clouds, "PUT", f"{PUBSUB}/topics/dt-events", {})
    ask(both_clouds, "POST", f"{IAM}/serviceAccounts", {"accountId": "dt-pubsub"})

    early = ask(both_clouds, "POST", f"{PUBSUB}/topics/dt-events:setIamPolicy", binding())
    assert (early.status, early.sentence) == (400, f"Service account {ACCOUNT} does not exist.")
    assert eventually(
        lambda: ask(both_clouds, "POST", f"{PUBSUB}/topics/dt-events:setIamPolicy", binding()).status == 200
    )


def test_an_unknown_service_account_gets_no_role(both_clouds: Clouds) -> None:
    ask(both_clouds, "PUT", f"{PUBSUB}/topics/dt-events", {})

    answer = ask(both_clouds, "POST", f"{PUBSUB}/topics/dt-events:setIamPolicy", binding())

    assert (answer.status, answer.sentence) == (400, f"Service account {ACCOUNT} does not exist.")


def test_the_second_of_two_concurrent_policy_changes_is_refused(both_clouds: Clouds) -> None:
    ask(both_clouds, "PUT", f"{PUBSUB}/topics/dt-events", {})
    etag = ask(both_clouds, "GET", f"{PUBSUB}/topics/dt-events:getIamPolicy").json["etag"]
    change = binding("user:a@example.com", etag=etag)

    assert ask(both_clouds, "POST", f"{PUBSUB}/topics/dt-events:setIamPolicy", change).status == 200
    late = ask(both_clouds, "POST", f"{PUBSUB}/topics/dt-events:setIamPolicy", change)
    assert (late.status, late.json["error"]["status"]) == (409, "ABORTED")


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("PUT", f"{PUBSUB}/topics/goog-events", {}),
        ("PUT", f"{PUBSUB}/topics/1", {}),
        ("PUT", f"{PUBSUB}/topics/dt-events", {"labels": {"Upper": "x"}}),
        ("PUT", f"{PUBSUB}/subscriptions/s", {"topic": f"projects/{PROJECT}/topics/dt-events"}),
        ("POST", f"{IAM}/serviceAccounts", {"accountId": "short"}),
        ("POST", f"{SECRETS}/secrets?secretId=a.b", {"replication": {"automatic": {}}}),
        ("POST", f"{SECRETS}/secrets?secretId=ab", {}),
        ("POST", f"{FUNCTIONS}/functions?functionId=Upper", {}),
        ("POST", f"{PUBSUB}/topics/dt-events:publish", b"not JSON"),
    ],
)
def test_requests_that_google_would_refuse_are_refused(both_clouds: Clouds, method: str, url: str, body: Any) -> None:
    assert ask(both_clouds, method, url, body).status in {400, 404}
    assert both_clouds.left() == []


def test_creating_an_existing_resource_is_refused(both_clouds: Clouds) -> None:
    calls: list[tuple[str, str, Any]] = [
        ("PUT", f"{PUBSUB}/topics/dt-events", {}),
        ("PUT", f"{PUBSUB}/subscriptions/dt-events", {"topic": f"projects/{PROJECT}/topics/dt-events"}),
        ("POST", f"{IAM}/serviceAccounts", {"accountId": "dt-pubsub"}),
        ("POST", f"{SECRETS}/secrets?secretId=dt-signature", {"replication": {"automatic": {}}}),
    ]
    for method, url, body in calls:
        assert ask(both_clouds, method, url, body).status == 200
        assert ask(both_clouds, method, url, body).json["error"]["status"] == "ALREADY_EXISTS"


def test_every_call_needs_a_token_a_project_and_a_permission(both_clouds: Clouds) -> None:
    topic = f"{PUBSUB}/topics/dt-events"
    both_clouds.google.estate.denied.add("pubsub.topics.create")

    assert ask(both_clouds, "PUT", topic, {}, {"Authorization": "Bearer other"}).status == 401
    assert ask(both_clouds, "PUT", topic.replace(PROJECT, "another"), {}).status == 403
    assert "Permission 'pubsub.topics.create' denied" in ask(both_clouds, "PUT", topic, {}).sentence
    asked = {"permissions": ["pubsub.topics.create", "pubsub.topics.get"]}
    url = f"https://cloudresourcemanager.googleapis.com/v1/projects/{PROJECT}:testIamPermissions"
    assert ask(both_clouds, "POST", url, asked).json == {"permissions": ["pubsub.topics.get"]}


def test_the_list_of_projects_has_those_that_the_caller_may_get_and_is_as_strict_as_the_other_lists(
    both_clouds: Clouds,
) -> None:
    url = "https://cloudresourcemanager.googleapis.com/v1/projects"
    listed = ask(both_clouds, "GET", f"{url}?filter=lifecycleState%3AACTIVE&pageSize=500")
    assert [project["projectId"] for project in listed.json["projects"]] == [PROJECT]
    assert ask(both_clouds, "GET", f"{url}?pagesize=5").status == 400
    assert ask(both_clouds, "GET", f"{url}?filter=owner%3Ame").status == 400
    assert ask(both_clouds, "GET", url, headers={"Authorization": "Bearer other"}).status == 401
    both_clouds.google.estate.denied.add("resourcemanager.projects.get")
    assert ask(both_clouds, "GET", url).json == {}


def test_apis_that_need_billing_are_not_enabled_without_it(both_clouds: Clouds) -> None:
    both_clouds.google.estate.is_billed = False

    url = f"https://serviceusage.googleapis.com/v1/projects/{PROJECT}/services:batchEnable"
    answer = ask(both_clouds, "POST", url, {"serviceIds": ["run.googleapis.com"]})

    assert (answer.status, answer.json["error"]["status"]) == (400, "FAILED_PRECONDITION")


def test_a_deployment_fails_if_its_secret_is_unreadable_or_has_no_version(both_clouds: Clouds) -> None:
    ask(both_clouds, "POST", f"{IAM}/serviceAccounts", {"accountId": "dt-pubsub"})
    ask(both_clouds, "POST", f"{SECRETS}/secrets?secretId=s", {"replication": {"automatic": {}}})
    volume = {"mountPath": "/secrets", "secret": "s", "versions": [{"version": "latest", "path": "s"}]}
    config: dict[str, Any] = {"serviceAccountEmail": ACCOUNT, "secretVolumes": [volume]}

    assert "Secret Version" in deploy(both_clouds, **config)["error"]["message"]
    ask(both_clouds, "DELETE", f"{FUNCTIONS}/functions/f")
    ask(both_clouds, "POST", f"{SECRETS}/secrets/s:addVersion", {"payload": {"data": "eHg="}})
    assert "Permission denied on secret" in deploy(both_clouds, **config)["error"]["message"]


def test_a_source_that_does_not_compile_fails_the_build(both_clouds: Clouds) -> None:
    operation = deploy(both_clouds, "def broken(:\n")

    assert operation["error"]["message"].startswith("Build failed")
    assert ask(both_clouds, "GET", f"{FUNCTIONS}/functions/f").json["state"] == "FAILED"


def test_a_function_accepts_one_operation_at_a_time(both_clouds: Clouds) -> None:
    place = ask(both_clouds, "POST", f"{FUNCTIONS}/functions:generateUploadUrl", {}).json
    ask(both_clouds, "PUT", place["uploadUrl"], zipped(ANSWERS))
    settings = function_settings(place["storageSource"])
    assert ask(both_clouds, "POST", f"{FUNCTIONS}/functions?functionId=f", settings).status == 200

    second = ask(both_clouds, "PATCH", f"{FUNCTIONS}/functions/f?updateMask=labels", {**settings, "labels": {"a": "b"}})

    assert (second.status, second.json["error"]["status"]) == (409, "ABORTED")


def test_organization_policy_forbids_all_users_and_the_function_stays_private(both_clouds: Clouds) -> None:
    operation = deploy(both_clouds)
    both_clouds.google.estate.organization_policies.add(ALLOWED_MEMBERS)

    refused = ask(both_clouds, "POST", f"{RUN_IAM}:setIamPolicy", binding("allUsers", "roles/run.invoker"))

    assert "do not belong to a permitted customer" in refused.sentence
    assert ask(both_clouds, "GET", operation["response"]["url"]).status == 403


def test_deleting_a_function_deletes_its_service_and_its_invokers(both_clouds: Clouds) -> None:
    url = deploy(both_clouds)["response"]["url"]
    ask(both_clouds, "POST", f"{RUN_IAM}:setIamPolicy", binding("allUsers", "roles/run.invoker"))
    assert ask(both_clouds, "GET", url).body == b"hello"

    ask(both_clouds, "DELETE", f"{FUNCTIONS}/functions/f")
    while both_clouds.left():
        time.sleep(0.05)
    assert ask(both_clouds, "GET", url).status == 404


def test_a_function_cannot_take_the_name_of_a_service_in_its_region_but_can_in_another(both_clouds: Clouds) -> None:
    both_clouds.google.run.put(Service("f", "europe-west1", "x.cloudfunctions.net", {}, {"team": "payments"}))

    with pytest.raises(AssertionError, match="A Cloud Run service with this name already exists"):
        deploy(both_clouds)
    assert [name for name in both_clouds.left() if "/functions/" in name] == []

    elsewhere = FUNCTIONS.replace("europe-west1", "us-central1")
    place = ask(both_clouds, "POST", f"{elsewhere}/functions:generateUploadUrl", {}).json
    ask(both_clouds, "PUT", place["uploadUrl"], zipped(ANSWERS), {"Authorization": ""})
    started = ask(both_clouds, "POST", f"{elsewhere}/functions?functionId=f", function_settings(place["storageSource"]))
    assert "error" not in done(both_clouds, started.json["name"])
    found = {region: both_clouds.google.run.find(region, "f") for region in ("europe-west1", "us-central1")}
    assert [service.labels.get("team") for service in found.values() if service] == ["payments", None]


def test_a_function_that_is_detached_leaves_its_service_as_it_was(both_clouds: Clouds) -> None:
    url = deploy(both_clouds)["response"]["serviceConfig"]["uri"]
    ask(both_clouds, "POST", f"{RUN_IAM}:setIamPolicy", binding("allUsers", "roles/run.invoker"))

    assert "error" not in done(
        both_clouds, ask(both_clouds, "POST", f"{FUNCTIONS}/functions/f:detachFunction", {}).json["name"]
    )

    assert ask(both_clouds, "GET", f"{FUNCTIONS}/functions/f").status == 404
    assert ask(both_clouds, "GET", url).body == b"hello"


def test_an_upload_keeps_its_generation_until_the_next_upload(both_clouds: Clouds) -> None:
    function = f"{FUNCTIONS}/functions/f"
    deploy(both_clouds)
    first = ask(both_clouds, "GET", function).json["buildConfig"]["source"]["storageSource"]
    assert (first["bucket"], first["object"]) == ("gcf-v2-sources-123456789012-europe-west1", "f/function-source.zip")

    changed = ask(both_clouds, "PATCH", f"{function}?updateMask=labels", {"labels": {"a": "b"}})
    assert "error" not in done(both_clouds, changed.json["name"])
    assert ask(both_clouds, "GET", function).json["buildConfig"]["source"]["storageSource"] == first

    place = ask(both_clouds, "POST", f"{FUNCTIONS}/functions:generateUploadUrl", {}).json
    ask(both_clouds, "PUT", place["uploadUrl"], zipped(ANSWERS), {"Authorization": ""})
    source = {"buildConfig": {"source": {"storageSource": place["storageSource"]}}}
    changed = ask(both_clouds, "PATCH", f"{function}?updateMask=buildConfig.source", source)
    assert "error" not in done(both_clouds, changed.json["name"])
    second = ask(both_clouds, "GET", function).json["buildConfig"]["source"]["storageSource"]
    assert int(second["generation"]) > int(first["generation"])


def test_a_function_names_its_build_which_has_its_times_in_its_region(both_clouds: Clouds) -> None:
    deploy(both_clouds)
    name = ask(both_clouds, "GET", f"{FUNCTIONS}/functions/f").json["buildConfig"]["build"]
    build = ask(both_clouds, "GET", f"https://cloudbuild.googleapis.com/v1/{name}").json
    assert build["createTime"] <= build["startTime"] <= build["finishTime"]
    elsewhere = name.replace("europe-west1", "us-east1")
    assert ask(both_clouds, "GET", f"https://cloudbuild.googleapis.com/v1/{elsewhere}").status == 404


def test_a_list_of_functions_can_be_limited_to_one_generation(both_clouds: Clouds) -> None:
    deploy(both_clouds)
    many = FUNCTIONS.replace("europe-west1", "-") + "/functions?filter=environment%3D%22GEN_"

    assert [len(ask(both_clouds, "GET", f"{many}{number}%22").json["functions"]) for number in (1, 2)] == [0, 1]


def test_a_filter_is_read_and_applied(both_clouds: Clouds) -> None:
    ask(both_clouds, "PUT", f"{PUBSUB}/topics/dt-events", {})
    wanted = {"topic": f"projects/{PROJECT}/topics/dt-events", "filter": 'attributes.deviceId = "a"'}
    assert ask(both_clouds, "PUT", f"{PUBSUB}/subscriptions/bad", {**wanted, "filter": "deviceId is a"}).status == 400
    ask(both_clouds, "PUT", f"{PUBSUB}/subscriptions/one", wanted)

    messages = [{"data": "eA==", "attributes": {"deviceId": device}} for device in ("b", "a")]
    ask(both_clouds, "POST", f"{PUBSUB}/topics/dt-events:publish", {"messages": messages})
    pulled = ask(both_clouds, "POST", f"{PUBSUB}/subscriptions/one:pull", {"maxMessages": 10}).json["receivedMessages"]

    assert [delivery["message"]["attributes"]["deviceId"] for delivery in pulled] == ["a"]


def test_an_unknown_call_is_refused_and_recorded(both_clouds: Clouds) -> None:
    assert ask(both_clouds, "GET", "https://compute.googleapis.com/compute/v1/projects").status == 404
    with pytest.raises(OSError, match="403"):
        ask(both_clouds, "GET", "https://example.com/")

    assert [entry.host for entry in both_clouds.log.not_played()] == ["compute.googleapis.com", "example.com"]


def test_the_log_distinguishes_changing_from_reading_requests(both_clouds: Clouds) -> None:
    ask(both_clouds, "GET", f"{PUBSUB}/topics")
    ask(both_clouds, "POST", f"https://cloudresourcemanager.googleapis.com/v1/projects/{PROJECT}:getIamPolicy", {})
    assert both_clouds.log.changes() == []

    ask(both_clouds, "PUT", f"{PUBSUB}/topics/dt-events", {})
    assert [str(entry) for entry in both_clouds.log.changes()] == [f"200 PUT    {PUBSUB}/topics/dt-events (2 bytes)"]


def test_a_fault_occurs_the_requested_number_of_times(both_clouds: Clouds) -> None:
    both_clouds.faults.fail(429, host="pubsub.*", times=2, retry_after_s=7)
    both_clouds.faults.delay(0.2, host="iam.*")

    answers = [ask(both_clouds, "GET", f"{PUBSUB}/topics") for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"
    began_at = time.monotonic()
    ask(both_clouds, "GET", f"{IAM}/serviceAccounts")
    assert time.monotonic() - began_at >= 0.2


def test_an_uploaded_source_is_needed(both_clouds: Clouds) -> None:
    place = ask(both_clouds, "POST", f"{FUNCTIONS}/functions:generateUploadUrl", {}).json

    unsigned = place["uploadUrl"].partition("?")[0]
    assert ask(both_clouds, "PUT", unsigned, zipped(ANSWERS)).status == 403


# Secret Manager


@pytest.fixture
def secret(both_clouds: Clouds) -> str:
    """Return the URL of a secret with one version."""
    ask(both_clouds, "POST", f"{SECRETS}/secrets?secretId=s", {"replication": {"automatic": {}}})
    ask(both_clouds, "POST", f"{SECRETS}/secrets/s:addVersion", {"payload": {"data": "eHg="}})
    return f"{SECRETS}/secrets/s"


AWKWARD = bytes([0xFB, 0xFF, 0xBE, 0xFF])  # its base64 has + and /


@pytest.mark.parametrize("text", ["+/++/w==", "-_--_w==", "-_--_w", "+/--/w"])
def test_a_payload_is_read_in_either_alphabet_padded_or_not(both_clouds: Clouds, secret: str, text: str) -> None:
    assert ask(both_clouds, "POST", f"{secret}:addVersion", {"payload": {"data": text}}).status == 200

    payload = ask(both_clouds, "GET", f"{secret}/versions/2:access").json["payload"]
    assert payload == {"data": "+/++/w==", "dataCrc32c": str(crc32c(AWKWARD))}


@needs_gcloud
def test_gcloud_writes_and_reads_any_bytes(both_clouds: Clouds, secret: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(AWKWARD)
    assert gcloud(both_clouds, f"secrets versions add s --data-file={tmp_path / 'in'}").returncode == 0

    assert gcloud(both_clouds, f"secrets versions access 2 --secret=s --out-file={tmp_path / 'out'}").returncode == 0
    assert (tmp_path / "out").read_bytes() == AWKWARD


def test_the_checksum_is_crc32c() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of RFC 3720's polynomial
    assert crc32c(b"") == 0


@pytest.mark.parametrize(
    "payload",
    [{"data": "e"}, {"data": "e!Hg="}, {"data": ""}, {}, {"data": "eHg=", "dataCrc32c": "1"}, {"data": "eHg=", "x": 1}],
    ids=str,
)
def test_a_payload_that_does_not_fit_its_checksum_is_refused(
    both_clouds: Clouds, secret: str, payload: dict[str, str]
) -> None:
    assert ask(both_clouds, "POST", f"{secret}:addVersion", {"payload": payload}).status == 400
    assert len(ask(both_clouds, "GET", f"{secret}/versions").json["versions"]) == 1


def test_a_payload_with_its_checksum_is_accepted_and_confirmed(both_clouds: Clouds, secret: str) -> None:
    payload = {"data": "eHg=", "dataCrc32c": str(crc32c(b"xx"))}

    assert ask(both_clouds, "POST", f"{secret}:addVersion", {"payload": payload}).json["clientSpecifiedPayloadChecksum"]


def test_latest_is_the_newest_version_whatever_its_state(both_clouds: Clouds, secret: str) -> None:
    ask(both_clouds, "POST", f"{secret}:addVersion", {"payload": {"data": "eXk="}})
    ask(both_clouds, "POST", f"{secret}/versions/2:disable", {})

    assert ask(both_clouds, "GET", f"{secret}/versions/latest").json["name"].endswith("/versions/2")
    refused = ask(both_clouds, "GET", f"{secret}/versions/latest:access")
    assert (refused.status, refused.json["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert ask(both_clouds, "GET", f"{secret}/versions/1:access").status == 200
    listed = ask(both_clouds, "GET", f"{secret}/versions?filter=state:ENABLED").json["versions"]
    assert [version["name"].rpartition("/")[2] for version in listed] == ["1"]
    assert ask(both_clouds, "GET", f"{secret}/versions?filter=nonsense").status == 400


def test_latest_shows_a_new_version_late_and_its_number_at_once(both_clouds: Clouds, secret: str) -> None:
    both_clouds.google.estate.secret_lag_s = 3600.0
    ask(both_clouds, "POST", f"{secret}:addVersion", {"payload": {"data": "eXk="}})

    def shown(version: str) -> str:
        data: str = ask(both_clouds, "GET", f"{secret}/versions/{version}:access").json["payload"]["data"]
        return data

    assert (shown("latest"), shown("2")) == ("eHg=", "eXk=")
    assert ask(both_clouds, "GET", f"{secret}/versions/latest").json["name"].endswith("/versions/1")
    both_clouds.google.estate.secret_lag_s = 0.0
    assert shown("latest") == "eXk="


def test_a_destroyed_version_stays_destroyed_and_has_its_time(both_clouds: Clouds, secret: str) -> None:
    destroyed = ask(both_clouds, "POST", f"{secret}/versions/1:destroy", {}).json

    assert (destroyed["state"], destroyed["destroyTime"][:2]) == ("DESTROYED", "20")
    for verb in ("enable", "disable"):
        assert (
            ask(both_clouds, "POST", f"{secret}/versions/1:{verb}", {}).json["error"]["status"] == "FAILED_PRECONDITION"
        )
    assert ask(both_clouds, "POST", f"{secret}/versions/1:destroy", {}).status == 200


def test_an_etag_changes_only_with_its_resource_and_is_checked(both_clouds: Clouds, secret: str) -> None:
    before, version = (
        ask(both_clouds, "GET", secret).json["etag"],
        ask(both_clouds, "GET", f"{secret}/versions/1").json["etag"],
    )
    assert (
        ask(both_clouds, "GET", secret).json["etag"],
        ask(both_clouds, "GET", f"{secret}/versions/1").json["etag"],
    ) == (
        before,
        version,
    )
    assert ask(both_clouds, "POST", f"{secret}/versions/1:disable", {"etag": version}).status == 200

    late = ask(both_clouds, "POST", f"{secret}/versions/1:enable", {"etag": version})
    assert (late.status, late.json["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert ask(both_clouds, "GET", secret).json["etag"] == before
    labels = {"labels": {"a": "b"}, "etag": before}
    assert ask(both_clouds, "PATCH", f"{secret}?updateMask=labels", labels).status == 200
    assert (
        ask(both_clouds, "PATCH", f"{secret}?updateMask=labels", labels).json["error"]["status"]
        == "FAILED_PRECONDITION"
    )
    assert ask(both_clouds, "DELETE", f"{secret}?{urlencode({'etag': before})}").status == 400


@pytest.mark.parametrize(
    ("mask", "settings"),
    [
        ("", {"labels": {}}),
        ("nope", {"labels": {}}),
        ("name", {}),
        ("replication", {"replication": {"userManaged": {}}}),
        ("labels", {"labels": {"A": "b"}}),
        ("labels", {"labels": {"a": "B"}}),
        ("labels", {"labels": {"a" * 64: "b"}}),
        ("labels", {"labels": {f"k{number}": "" for number in range(65)}}),
        ("annotations", {"annotations": {"-a": "b"}}),
        ("annotations", {"annotations": {"a" * 64: "b"}}),
        ("annotations", {"annotations": {"a": "b" * 16_384}}),
        ("labels", {"labels": {}, "nope": 1}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_invalid_secret_is_refused(both_clouds: Clouds, secret: str, mask: str, settings: dict[str, Any]) -> None:
    before = ask(both_clouds, "GET", secret).json

    assert ask(both_clouds, "PATCH", f"{secret}?updateMask={mask}", settings).status == 400
    assert ask(both_clouds, "GET", secret).json == before


def test_a_secret_at_its_limits_is_accepted(both_clouds: Clouds, secret: str) -> None:
    settings = {
        "labels": {f"k{number}-_é": "v" * 63 for number in range(64)},
        "annotations": {"a.B-c_9": "b" * 16_000, "x" * 63: ""},
    }

    assert (
        ask(both_clouds, "PATCH", f"{secret}?updateMask=labels,annotations", settings).json.items() >= settings.items()
    )
    one = ask(both_clouds, "PATCH", f"{secret}?updateMask=annotations", {"annotations": {"only": "this"}}).json
    assert (one["annotations"], len(one["labels"])) == ({"only": "this"}, 64)


# Pub/Sub over REST

EVENTS = f"projects/{PROJECT}/topics/dt-events"
TABLE = f"{PROJECT}.data.events"


@pytest.fixture
def events(both_clouds: Clouds) -> str:
    """Return the URL of a subscription that does not exist yet, of an existing topic."""
    ask(both_clouds, "PUT", f"{PUBSUB}/topics/dt-events", {})
    return f"{PUBSUB}/subscriptions/one"


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"bigqueryConfig": {"table": "events"}}, 400),
        ({"bigqueryConfig": {"table": TABLE, "useTopicSchema": True, "useTableSchema": True}}, 400),
        ({"bigqueryConfig": {"table": TABLE}, "pushConfig": {"pushEndpoint": "https://a.example.com/"}}, 400),
        ({"bigqueryConfig": {"table": TABLE}, "enableExactlyOnceDelivery": True}, 400),
        ({"cloudStorageConfig": {"bucket": "no-such-bucket"}}, 404),
        ({"cloudStorageConfig": {"bucket": "B"}}, 400),
        ({"pushConfig": {"pushEndpoint": "http://a.example.com/"}}, 400),
        ({"pushConfig": {"pushEndpoint": "nonsense"}}, 400),
        ({"deadLetterPolicy": {"deadLetterTopic": f"projects/{PROJECT}/topics/none"}}, 404),
        ({"deadLetterPolicy": {"deadLetterTopic": EVENTS}}, 400),
        ({"retryPolicy": {"minimumBackoff": "601s"}}, 400),
        ({"ackDeadlineSeconds": 9}, 400),
        ({"messageRetentionDuration": "599s"}, 400),
        ({"filter": "deviceId is a"}, 400),
        ({"labels": {"A": ""}}, 400),
        ({"nope": 1}, 400),
        ({"bigqueryConfig": {"nope": 1}}, 400),
        ({"ackDeadlineSeconds": "ten"}, 400),
    ],
    ids=str,
)
def test_a_subscription_that_pubsub_would_not_make_is_refused(
    both_clouds: Clouds, events: str, settings: dict[str, Any], status: int
) -> None:
    assert ask(both_clouds, "PUT", events, {"topic": EVENTS, **settings}).status == status
    assert ask(both_clouds, "GET", events).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("PUT", "topics/abc", {"nope": 1}, 'Invalid JSON payload received. Unknown name "nope": Cannot find field.'),
        (
            "PUT",
            "topics/abc",
            {"schemaSettings": {"nope": 1}},
            """Invalid JSON payload received. Unknown name "nope" at 'schemaSettings': Cannot find field.""",
        ),
        (
            "GET",
            "topics?pagesize=1",
            None,
            (
                'Invalid JSON payload received. Unknown name "pagesize": Cannot bind query parameter. '
                "Field 'pagesize' could not be found in request message."
            ),
        ),
        (
            "POST",
            "topics/dt-events:setIamPolicy",
            {"policy": {"binding": []}},
            """Invalid JSON payload received. Unknown name "binding" at 'policy': Cannot find field.""",
        ),
        (
            "POST",
            "topics/dt-events:publish",
            {"messages": [{"body": "eA=="}]},
            """Invalid JSON payload received. Unknown name "body" at 'messages[0]': Cannot find field.""",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_unknown_field_is_refused_with_googles_message(
    both_clouds: Clouds, events: str, method: str, path: str, body: Any, sentence: str
) -> None:
    answer = ask(both_clouds, method, f"{PUBSUB}/{path}", body)

    assert (answer.status, answer.sentence) == (400, sentence)


@pytest.mark.parametrize("verb", ["pull", "acknowledge", "modifyAckDeadline", "seek", "detach"])
def test_a_query_parameter_that_a_call_on_a_subscription_does_not_have_is_refused(
    both_clouds: Clouds, events: str, verb: str
) -> None:
    ask(both_clouds, "PUT", events, {"topic": EVENTS})
    answer = ask(both_clouds, "POST", f"{events}:{verb}?nope=1", {})
    assert (answer.status, 'Unknown name "nope": Cannot bind query parameter' in answer.sentence) == (400, True)


def patch(both_clouds: Clouds, url: str, mask: str, **settings: Any) -> Heard:
    return ask(both_clouds, "PATCH", url, {"subscription": settings, "updateMask": mask})


def test_an_update_changes_only_what_its_mask_names_and_affects_the_messages(both_clouds: Clouds, events: str) -> None:
    ask(both_clouds, "PUT", f"{PUBSUB}/topics/dead", {})
    ask(both_clouds, "PUT", events, {"topic": EVENTS, "labels": {"a": "b"}})
    policy = {"deadLetterTopic": f"projects/{PROJECT}/topics/dead", "maxDeliveryAttempts": 5}

    changed = patch(both_clouds, events, "deadLetterPolicy,labels", deadLetterPolicy=policy, labels={"c": "d"}).json
    assert (changed["deadLetterPolicy"], changed["labels"]) == (policy, {"c": "d"})
    agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    for url, role in ((f"{PUBSUB}/topics/dead", PUBLISHER), (events, "roles/pubsub.subscriber")):
        ask(both_clouds, "POST", f"{url}:setIamPolicy", {"policy": {"bindings": [{"role": role, "members": [agent]}]}})
    ask(both_clouds, "POST", f"{PUBSUB}/topics/dt-events:publish", {"messages": [{"data": "eA=="}]})
    pulled = ask(both_clouds, "POST", f"{events}:pull", {"maxMessages": 1}).json["receivedMessages"]
    assert pulled[0]["deliveryAttempt"] == 1
    assert "deadLetterPolicy" not in patch(both_clouds, events, "deadLetterPolicy").json


@pytest.mark.parametrize("mask", ["", "nope", "topic", "filter", "enableMessageOrdering", "name"])
def test_an_update_without_a_mask_or_of_an_immutable_field_is_refused(
    both_clouds: Clouds, events: str, mask: str
) -> None:
    before = ask(both_clouds, "PUT", events, {"topic": EVENTS}).json

    assert patch(both_clouds, events, mask, filter="attributes:a", ackDeadlineSeconds=60).status == 400
    assert ask(both_clouds, "GET", events).json == before


@needs_gcloud
def test_gcloud_updates_filters_snapshots_and_seeks(both_clouds: Clouds, events: str) -> None:
    ask(both_clouds, "PUT", f"{PUBSUB}/topics/dead", {})
    commands = [
        "subscriptions create one --topic=dt-events --message-filter=attributes:ce-type",
        "subscriptions update one --ack-deadline=60 --update-labels=a=b --dead-letter-topic=dead",
        "subscriptions update one --clear-dead-letter-policy --retain-acked-messages",
        "snapshots create before --subscription=one",
        "subscriptions seek one --snapshot=before",
        "snapshots delete before",
    ]
    for command in commands:
        done = gcloud(both_clouds, f"pubsub {command}")
        assert done.returncode == 0, f"{command}: {done.stderr}"

    settings = ask(both_clouds, "GET", events).json
    assert (settings["ackDeadlineSeconds"], settings["labels"]) == (60, {"a": "b"})
    assert ("deadLetterPolicy" in settings, settings["filter"]) == (False, "attributes:ce-type")
    assert both_clouds.log.not_played() == []


def test_the_subscriptions_of_a_deployment_are_made_and_changed_on_googles_emulator_too(emulator_host: str) -> None:
    """The emulator has limits that the service no longer has; these settings are within both."""
    environ = {**os.environ, "PUBSUB_EMULATOR_HOST": emulator_host}
    with clouds("emulator", environ=environ, estate=all_on(Estate(account_lag_s=0))) as both_clouds:
        for name in ("dt-rejected", "dt-dead"):
            assert ask(both_clouds, "PUT", f"{PUBSUB}/topics/{name}", {}).status == 200
        url, kept = f"{PUBSUB}/subscriptions/dt-rejected", {"messageRetentionDuration": "2678400s"}
        topic, dead = (f"projects/{PROJECT}/topics/{name}" for name in ("dt-rejected", "dt-dead"))
        made = ask(both_clouds, "PUT", url, {"topic": topic, **kept})
        assert (made.status, made.json["messageRetentionDuration"]) == (200, "2678400s"), made.body

        dying = {"deadLetterPolicy": {"deadLetterTopic": dead, "maxDeliveryAttempts": 5}, "ackDeadlineSeconds": 60}
        for changed in ({"messageRetentionDuration": "864000s"}, dying):
            asked = {"subscription": {"name": "", **changed}, "updateMask": ",".join(changed)}
            answer = ask(both_clouds, "PATCH", url, asked)
            assert (answer.status, answer.json.items() >= changed.items()) == (200, True), answer.body
        assert ask(both_clouds, "DELETE", url).status == 200


def test_the_quota_of_a_project_is_charged_only_with_the_permission_to_use_its_services(
    both_clouds: Clouds, events: str
) -> None:
    topics = f"{PUBSUB}/topics"
    assert ask(both_clouds, "GET", topics, headers={"X-Goog-User-Project": PROJECT}).status == 200
    assert ask(both_clouds, "GET", topics, headers={"X-Goog-User-Project": "another-project"}).status == 403
    both_clouds.google.estate.denied = {"serviceusage.services.use"}

    refused = ask(both_clouds, "GET", topics, headers={"X-Goog-User-Project": PROJECT})

    assert refused.json["error"]["details"][0]["reason"] == "USER_PROJECT_DENIED"
    assert ask(both_clouds, "GET", topics).status == 200


def test_a_pull_without_a_message_ends_with_an_empty_answer(
    both_clouds: Clouds, events: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(both_clouds, "PUT", events, {"topic": f"projects/{PROJECT}/topics/dt-events"})
    monkeypatch.setattr("tests.emulators.clouds.google.data_plane.CALL_S", 0.2)

    pulled = ask(both_clouds, "POST", f"{events}:pull", {"maxMessages": 10})

    assert (pulled.status, pulled.json) == (200, {})


def test_a_detached_subscription_delivers_nothing(both_clouds: Clouds, events: str) -> None:
    ask(both_clouds, "PUT", events, {"topic": EVENTS})
    assert ask(both_clouds, "POST", f"{events}:detach", {}).status == 200

    assert ask(both_clouds, "GET", events).json["detached"]
    assert (
        ask(both_clouds, "POST", f"{events}:pull", {"maxMessages": 1}).json["error"]["status"] == "FAILED_PRECONDITION"
    )


SERVICES = f"https://run.googleapis.com/v1/projects/{PROJECT}/locations/-/services"


def test_a_region_that_google_cannot_read_is_named_and_its_functions_are_not_listed(deployed: Clouds) -> None:
    everywhere = f"{FUNCTIONS.replace('europe-west1', '-')}/functions"
    assert len(ask(deployed, "GET", everywhere).json["functions"]) == 1
    assert len(ask(deployed, "GET", SERVICES).json["items"]) == 1
    deployed.google.estate.silent = {"europe-west1"}
    try:
        functions, services = ask(deployed, "GET", everywhere).json, ask(deployed, "GET", SERVICES).json
    finally:
        deployed.google.estate.silent = set()
    assert (functions["functions"], functions["unreachable"]) == ([], ["europe-west1"])
    assert (services["items"], services["unreachable"]) == ([], ["europe-west1"])


@pytest.mark.parametrize("url", [f"{FUNCTIONS}/functions", f"{IAM}/serviceAccounts", SERVICES])
def test_a_list_refuses_a_parameter_that_google_does_not_know(both_clouds: Clouds, url: str) -> None:
    assert ask(both_clouds, "GET", url).status == 200
    assert ask(both_clouds, "GET", f"{url}?labels=x").status == 400
