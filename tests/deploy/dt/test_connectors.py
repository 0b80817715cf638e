"""Data Connectors at DT: listed completely and made once, even if answers are lost."""

import pytest

from deploy.dt.api import DtApi
from deploy.dt.calls import DtAnswer
from deploy.dt.connectors import Connectors
from deploy.errors import DtFailed, DtUnanswered
from deploy.secret import Secret
from deploy.steps import ConnectorCall
from tests.deploy.fakes.dt import DT_PROJECT, FakeDt
from tests.deploy.fakes.gcloud import URL
from tests.deploy.stage import spec
from tests.function.fakes import FakeClock

SECRET = Secret("s" * 64)
POST = ConnectorCall(
    "POST", DT_PROJECT, fields={"displayName": "x", "type": "HTTP_PUSH"}, sends_url=True, sends_secret=True
)
OUR_NAME = spec().default_connector_name
SILENCE = DtAnswer(0, {"error": "no usable answer (ReadTimeout)"})


@pytest.fixture
def dt() -> FakeDt:
    return FakeDt()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0)


@pytest.fixture
def connectors(dt: FakeDt, clock: FakeClock) -> Connectors:
    return Connectors(DtApi(dt, sleep=clock.advance), sleep=clock.advance)


def make(connectors: Connectors) -> None:
    connectors.carry_out(POST, spec(), url=URL, secret=SECRET)


def test_a_connector_is_made_with_url_and_secret(connectors: Connectors, dt: FakeDt) -> None:
    make(connectors)
    (made,) = dt.connectors[DT_PROJECT]
    assert made["httpConfig"] == {"headers": {}, "url": URL, "signatureSecret": SECRET.reveal()}


def test_after_a_post_without_an_answer_the_connector_is_looked_up_before_a_retry(
    connectors: Connectors, dt: FakeDt
) -> None:
    dt.swallows = 1
    make(connectors)
    assert len(dt.connectors[DT_PROJECT]) == 1
    assert len(dt.calls("POST")) == 1


def test_a_post_that_never_arrived_is_repeated(connectors: Connectors, dt: FakeDt) -> None:
    dt.stumbles = [DtAnswer(200, {"dataConnectors": []}), SILENCE]
    make(connectors)
    assert len(dt.connectors[DT_PROJECT]) == 1
    assert len(dt.calls("POST")) == 2


def test_the_connector_of_an_unanswered_post_is_looked_up_longer_than_lists_lag(
    connectors: Connectors, dt: FakeDt
) -> None:
    dt.swallows, dt.lists_behind = 1, 4
    make(connectors)
    assert len(dt.connectors[DT_PROJECT]) == 1


def test_a_post_that_never_arrives_fails_at_last(connectors: Connectors, dt: FakeDt) -> None:
    empty = DtAnswer(200, {"dataConnectors": []})
    dt.stumbles = [empty, SILENCE, *[empty] * 5, SILENCE, *[empty] * 5, SILENCE]
    with pytest.raises(DtUnanswered):
        make(connectors)


def test_a_connector_that_a_concurrent_run_has_just_made_is_used(connectors: Connectors, dt: FakeDt) -> None:
    push = {"url": URL, "signatureSecret": "another", "headers": {"x": "y"}}
    dt.has_connector(displayName=OUR_NAME, httpConfig=push)
    make(connectors)
    (only,) = dt.connectors[DT_PROJECT]
    assert only["httpConfig"] == {"url": URL, "signatureSecret": SECRET.reveal(), "headers": {"x": "y"}}


def test_of_two_connectors_made_at_the_same_time_the_older_one_stays(connectors: Connectors, dt: FakeDt) -> None:
    for _ in range(2):
        push = {"url": URL, "signatureSecret": SECRET.reveal(), "headers": {}}
        dt.has_connector(displayName=OUR_NAME, httpConfig=push)
    make(connectors)
    assert [connector["name"][-3:] for connector in dt.connectors[DT_PROJECT]] == ["001"]


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_any_number_of_connectors_is_listed_completely_every_time(
    connectors: Connectors, dt: FakeDt, count: int
) -> None:
    for _ in range(count):
        dt.has_connector()
    assert [len(connectors.list(DT_PROJECT)) for _ in range(2)] == [count, count]


def test_only_the_owner_of_a_secret_is_returned_and_not_the_secret(connectors: Connectors, dt: FakeDt) -> None:
    for secret in (SECRET.reveal(), "theirs", ""):
        dt.has_connector(httpConfig={"url": URL, "signatureSecret": secret})
    listed = connectors.list(DT_PROJECT, (SECRET,))
    assert [connector.signs_with for connector in listed] == ["ours", "another", "none"]
    assert SECRET.reveal() not in repr(listed)


@pytest.mark.parametrize("status", [400, 504])
def test_a_secret_that_dt_quotes_when_it_refuses_is_not_shown(connectors: Connectors, dt: FakeDt, status: int) -> None:
    patch = ConnectorCall("PATCH", DT_PROJECT, "dc1", sends_url=True, sends_secret=True)
    notices: list[str] = []
    connectors.api.notice = notices.append
    quoted = '{"httpConfig":{"signatureSecret":"' + SECRET.reveal()
    dt.stumbles = [DtAnswer(status, {"error": f"invalid body: {quoted}"})] * 9
    with pytest.raises(DtFailed, match="invalid body") as failed:
        connectors.carry_out(patch, spec(), url=URL, secret=SECRET)
    assert "ssssssss" not in f"{failed.value} {notices}"


@pytest.mark.parametrize(
    "shown", [{}, {"signatureSecret": ""}, {"signatureSecret": "********"}, {"signatureSecret": None}]
)
def test_a_secret_that_dt_does_not_show_is_not_known(
    connectors: Connectors, dt: FakeDt, shown: dict[str, object]
) -> None:
    dt.has_connector(httpConfig={"url": URL, **shown})
    assert [connector.signs_with for connector in connectors.list(DT_PROJECT, (SECRET,))] == ["unknown"]


def test_a_connector_of_another_type_is_listed_too(connectors: Connectors, dt: FakeDt) -> None:
    dt.connectors[DT_PROJECT].append({"name": "projects/p/dataconnectors/d", "type": "GOOGLE_CLOUD_PUBSUB"})
    assert connectors.list(DT_PROJECT)[0].type == "GOOGLE_CLOUD_PUBSUB"


def test_a_full_project_is_named_as_the_reason(connectors: Connectors, dt: FakeDt) -> None:
    for _ in range(10):
        dt.has_connector()
    listed = DtAnswer(200, {"dataConnectors": list(dt.connectors[DT_PROJECT])})
    dt.stumbles = [listed, DtAnswer(400, {"error": "limit reached"})]
    with pytest.raises(DtFailed, match="has 10 Data Connectors, and DT allows 10"):
        make(connectors)


def test_a_new_connector_that_is_not_visible_yet_is_requested_again(connectors: Connectors, dt: FakeDt) -> None:
    made = dt.has_connector()
    patch = ConnectorCall("PATCH", DT_PROJECT, made["name"].rpartition("/")[2], {"status": "ACTIVE"})
    dt.stumbles = [DtAnswer(404, {"error": "not found"})] * 2
    connectors.carry_out(patch, spec(), url="", secret=Secret(""))
    assert len(dt.calls("PATCH")) == 3


def test_deleting_a_missing_connector_succeeds(connectors: Connectors, dt: FakeDt) -> None:
    connectors.carry_out(ConnectorCall("DELETE", DT_PROJECT, "gone"), spec(), url="", secret=Secret(""))
    assert dt.connectors[DT_PROJECT] == []


@pytest.mark.parametrize(
    ("said", "waited"), [("12", 12), ("0", 1), (None, 1), ("Mon, 23 Nov 2026 06:00:00 GMT", 1), ("9999", 60)]
)
def test_after_429_the_retry_waits_as_long_as_dt_says(
    connectors: Connectors, dt: FakeDt, clock: FakeClock, said: str | None, waited: int
) -> None:
    dt.stumbles = [DtAnswer(429, {"error": "slow down"}, said)]
    connectors.list(DT_PROJECT)
    assert clock.seconds == waited


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504])
def test_idempotent_calls_are_repeated(connectors: Connectors, dt: FakeDt, status: int) -> None:
    dt.stumbles = [DtAnswer(status, {})] * 5
    assert connectors.list(DT_PROJECT) == ()


def test_a_change_with_a_conflict_is_repeated(connectors: Connectors, dt: FakeDt) -> None:
    made = dt.has_connector(status="USER_DISABLED")
    dt.stumbles = [DtAnswer(409, {"error": "conflict"})] * 2
    connectors.carry_out(
        ConnectorCall("PATCH", DT_PROJECT, made["name"][-20:], {"status": "ACTIVE"}), spec(), url="", secret=Secret("")
    )
    assert made["status"] == "ACTIVE"


def test_a_post_with_a_conflict_is_not_repeated(connectors: Connectors, dt: FakeDt) -> None:
    dt.stumbles = [DtAnswer(200, {"dataConnectors": []}), DtAnswer(409, {"error": "conflict"})]
    with pytest.raises(DtFailed, match="409 conflict"):
        make(connectors)
    assert len(dt.calls("POST")) == 1


def test_pages_that_repeat_endlessly_are_an_error(connectors: Connectors, dt: FakeDt) -> None:
    dt.stumbles = [DtAnswer(200, {"dataConnectors": [], "nextPageToken": token}) for token in ("a", "b", "a")]
    with pytest.raises(DtUnanswered, match="its page tokens repeat without end"):
        connectors.list(DT_PROJECT)


@pytest.mark.parametrize(
    "answer",
    [
        {"dataConnectors": [{}]},
        {"dataConnectors": "x"},
        {"dataConnectors": [None]},
        {"dataConnectors": [{"name": "dc", "httpConfig": "x"}]},
        {"dataConnectors": [{"name": 7, "httpConfig": {"url": 8}}]},
        {"dataConnectors": [{"name": "dc", "labels": 8}]},
        {"dataConnectors": [{"name": "dc", "httpConfig": {"signatureSecret": 7}}]},
    ],
)
def test_a_list_of_unexpected_form_is_an_error_of_dt(
    connectors: Connectors, dt: FakeDt, answer: dict[str, object]
) -> None:
    dt.stumbles = [DtAnswer(200, answer)]
    with pytest.raises(DtUnanswered, match="its answer has an unexpected structure"):
        connectors.list(DT_PROJECT, (SECRET,))


def test_an_empty_list_is_sent_with_a_mask_so_that_dt_applies_it(connectors: Connectors, dt: FakeDt) -> None:
    made = dt.has_connector(events=["touch"])
    call = ConnectorCall("PATCH", DT_PROJECT, made["name"][-20:], {"events": []}, sends_url=True, sends_secret=True)
    assert "?updateMask=events,httpConfig.signatureSecret,httpConfig.url {" in call.line()
    connectors.carry_out(call, spec(), url=URL, secret=SECRET)
    assert dt.calls("PATCH")[-1].params == {"updateMask": "events,httpConfig.signatureSecret,httpConfig.url"}
    call = ConnectorCall("PATCH", DT_PROJECT, made["name"][-20:], {"events": ["touch"]})
    assert "updateMask" not in call.line()
    connectors.carry_out(call, spec(), url=URL, secret=SECRET)
    assert dt.calls("PATCH")[-1].params == {}


@pytest.mark.parametrize(
    ("status", "fix"), [(401, "DT_SERVICE_ACCOUNT_KEY_ID"), (403, "Project Developer"), (404, "--dt-project")]
)
def test_a_refusal_is_reported_with_its_fix(connectors: Connectors, dt: FakeDt, status: int, fix: str) -> None:
    dt.stumbles = [DtAnswer(status, {"error": "no"})]
    with pytest.raises(DtFailed, match=fix):
        connectors.list(DT_PROJECT)
