"""Data Connectors on DT's side: listed whole, made once, whatever becomes of an answer."""

import pytest

from deploy.dt.api import DtApi
from deploy.dt.connectors import Connectors
from deploy.dt.transport import DtAnswer
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


def test_a_post_without_an_answer_is_looked_for_before_it_is_sent_again(connectors: Connectors, dt: FakeDt) -> None:
    dt.swallows = 1
    make(connectors)
    assert len(dt.connectors[DT_PROJECT]) == 1
    assert len(dt.calls("POST")) == 1


def test_a_post_that_never_arrived_is_sent_again(connectors: Connectors, dt: FakeDt) -> None:
    dt.stumbles = [DtAnswer(200, {"dataConnectors": []}), SILENCE]
    make(connectors)
    assert len(dt.connectors[DT_PROJECT]) == 1
    assert len(dt.calls("POST")) == 2


def test_a_post_without_an_answer_is_looked_for_longer_than_lists_lag_behind(
    connectors: Connectors, dt: FakeDt
) -> None:
    dt.swallows, dt.lists_behind = 1, 4
    make(connectors)
    assert len(dt.connectors[DT_PROJECT]) == 1


def test_a_post_that_never_arrives_is_given_up(connectors: Connectors, dt: FakeDt) -> None:
    empty = DtAnswer(200, {"dataConnectors": []})
    dt.stumbles = [empty, SILENCE, *[empty] * 5, SILENCE, *[empty] * 5, SILENCE]
    with pytest.raises(DtUnanswered):
        make(connectors)


def test_a_connector_that_somebody_else_has_just_made_is_taken(connectors: Connectors, dt: FakeDt) -> None:
    push = {"url": URL, "signatureSecret": "another", "headers": {"x": "y"}}
    dt.has_connector(displayName=OUR_NAME, httpConfig=push)
    make(connectors)
    (only,) = dt.connectors[DT_PROJECT]
    assert only["httpConfig"] == {"url": URL, "signatureSecret": SECRET.reveal(), "headers": {"x": "y"}}


def test_of_two_made_at_once_the_older_one_stays(connectors: Connectors, dt: FakeDt) -> None:
    for _ in range(2):
        push = {"url": URL, "signatureSecret": SECRET.reveal(), "headers": {}}
        dt.has_connector(displayName=OUR_NAME, httpConfig=push)
    make(connectors)
    assert [each["name"][-3:] for each in dt.connectors[DT_PROJECT]] == ["001"]


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_any_number_is_listed_whole_twice(connectors: Connectors, dt: FakeDt, count: int) -> None:
    for _ in range(count):
        dt.has_connector()
    assert [len(connectors.list(DT_PROJECT)) for _ in range(2)] == [count, count]


def test_of_a_secret_only_whose_it_is_comes_out(connectors: Connectors, dt: FakeDt) -> None:
    for secret in (SECRET.reveal(), "theirs", ""):
        dt.has_connector(httpConfig={"url": URL, "signatureSecret": secret})
    listed = connectors.list(DT_PROJECT, (SECRET,))
    assert [each.signs_with for each in listed] == ["ours", "another", "none"]
    assert SECRET.reveal() not in repr(listed)


@pytest.mark.parametrize("status", [400, 504])
def test_a_secret_that_dt_quotes_when_it_refuses_is_not_shown(connectors: Connectors, dt: FakeDt, status: int) -> None:
    patch = ConnectorCall("PATCH", DT_PROJECT, "dc1", sends_url=True, sends_secret=True)
    told: list[str] = []
    connectors.api.notice = told.append
    quoted = '{"httpConfig":{"signatureSecret":"' + SECRET.reveal()
    dt.stumbles = [DtAnswer(status, {"error": f"invalid body: {quoted}"})] * 9
    with pytest.raises(DtFailed, match="invalid body") as failed:
        connectors.carry_out(patch, spec(), url=URL, secret=SECRET)
    assert "ssssssss" not in f"{failed.value} {told}"


@pytest.mark.parametrize(
    "shown", [{}, {"signatureSecret": ""}, {"signatureSecret": "********"}, {"signatureSecret": None}]
)
def test_a_secret_that_dt_does_not_show_is_not_known(
    connectors: Connectors, dt: FakeDt, shown: dict[str, object]
) -> None:
    dt.has_connector(httpConfig={"url": URL, **shown})
    assert [each.signs_with for each in connectors.list(DT_PROJECT, (SECRET,))] == ["unknown"]


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


def test_a_connector_not_known_everywhere_yet_is_asked_for_again(connectors: Connectors, dt: FakeDt) -> None:
    made = dt.has_connector()
    patch = ConnectorCall("PATCH", DT_PROJECT, made["name"].rpartition("/")[2], {"status": "ACTIVE"})
    dt.stumbles = [DtAnswer(404, {"error": "not found"})] * 2
    connectors.carry_out(patch, spec(), url="", secret=Secret(""))
    assert len(dt.calls("PATCH")) == 3


def test_a_connector_that_is_gone_is_as_good_as_deleted(connectors: Connectors, dt: FakeDt) -> None:
    connectors.carry_out(ConnectorCall("DELETE", DT_PROJECT, "gone"), spec(), url="", secret=Secret(""))
    assert dt.connectors[DT_PROJECT] == []


@pytest.mark.parametrize(
    ("said", "waited"), [("12", 12), ("0", 1), (None, 1), ("Mon, 23 Nov 2026 06:00:00 GMT", 1), ("9999", 60)]
)
def test_429_is_waited_for_as_long_as_dt_says(
    connectors: Connectors, dt: FakeDt, clock: FakeClock, said: str | None, waited: int
) -> None:
    dt.stumbles = [DtAnswer(429, {"error": "slow down"}, said)]
    connectors.list(DT_PROJECT)
    assert clock.seconds == waited


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504])
def test_what_may_be_repeated_is_repeated(connectors: Connectors, dt: FakeDt, status: int) -> None:
    dt.stumbles = [DtAnswer(status, {})] * 5
    assert connectors.list(DT_PROJECT) == ()


def test_a_change_that_meets_another_one_is_repeated(connectors: Connectors, dt: FakeDt) -> None:
    made = dt.has_connector(status="USER_DISABLED")
    dt.stumbles = [DtAnswer(409, {"error": "conflict"})] * 2
    connectors.carry_out(
        ConnectorCall("PATCH", DT_PROJECT, made["name"][-20:], {"status": "ACTIVE"}), spec(), url="", secret=Secret("")
    )
    assert made["status"] == "ACTIVE"


def test_a_post_that_meets_a_conflict_is_not_repeated(connectors: Connectors, dt: FakeDt) -> None:
    dt.stumbles = [DtAnswer(200, {"dataConnectors": []}), DtAnswer(409, {"error": "conflict"})]
    with pytest.raises(DtFailed, match="409 conflict"):
        make(connectors)
    assert len(dt.calls("POST")) == 1


def test_pages_that_go_in_a_circle_are_an_error(connectors: Connectors, dt: FakeDt) -> None:
    dt.stumbles = [DtAnswer(200, {"dataConnectors": [], "nextPageToken": token}) for token in ("a", "b", "a")]
    with pytest.raises(DtUnanswered, match="pages go in a circle"):
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
def test_a_list_of_another_shape_is_an_error_of_dts(
    connectors: Connectors, dt: FakeDt, answer: dict[str, object]
) -> None:
    dt.stumbles = [DtAnswer(200, answer)]
    with pytest.raises(DtUnanswered, match="in another shape"):
        connectors.list(DT_PROJECT, (SECRET,))


def test_an_empty_list_is_sent_with_a_mask_so_that_it_is_not_taken_for_nothing(
    connectors: Connectors, dt: FakeDt
) -> None:
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
    ("status", "mend"), [(401, "DT_SERVICE_ACCOUNT_KEY_ID"), (403, "Project Developer"), (404, "--dt-project")]
)
def test_a_refusal_comes_with_what_mends_it(connectors: Connectors, dt: FakeDt, status: int, mend: str) -> None:
    dt.stumbles = [DtAnswer(status, {"error": "no"})]
    with pytest.raises(DtFailed, match=mend):
        connectors.list(DT_PROJECT)
