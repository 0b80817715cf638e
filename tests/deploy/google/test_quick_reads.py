"""Read commands that are answered by REST: the same request and the same answer, or else gcloud itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from deploy.google.calls import Answer, Call
from deploy.google.gcloud import Gcloud
from deploy.google.gcloud_config import is_usual
from deploy.google.read_requests import request_of
from tests.deploy.fakes.gcloud import FakeGcloud

NOW = 1_795_410_000.0
TOPIC = ("pubsub", "topics", "describe", "dt-events", "--project=p")
SERVICES = ("services", "list", "--enabled", "--project=p")
FUNCTIONS = ("functions", "list", "--v2", "--filter=labels.dt-pubsub=mine", "--project=p")
LOG = ("logging", "read", 'severity>="INFO" AND a:*', "--freshness=1d", "--limit=2", "--project=p")


@dataclass
class Google:
    """Answers each call by the next of these answers."""

    answers: list[Answer]
    asked: list[Call] = field(default_factory=list)
    gcloud: FakeGcloud = field(default_factory=FakeGcloud)

    def read(self, *commands: tuple[str, ...], is_usual: Callable[[], bool] = lambda: True) -> list[Any]:
        """Return the answers to these commands."""
        google = Gcloud(self.gcloud, send=self, now=lambda: NOW, sleep=lambda _: None).quick(is_usual)
        return [google.read(command) for command in commands]

    def __call__(self, call: Call) -> Answer:
        """Answer a call."""
        self.asked.append(call)
        return self.answers.pop(0)

    @property
    def commands(self) -> list[str]:
        """The commands that gcloud ran, besides the one for the token."""
        return [" ".join(argv[:3]) for argv in self.gcloud.asked if argv[0] != "config"]


@pytest.mark.parametrize(
    ("argv", "url"),
    [
        (TOPIC, "https://pubsub.googleapis.com/v1/projects/p/topics/dt-events"),
        (
            ("iam", "service-accounts", "describe", "a@p.iam.gserviceaccount.com", "--project=p"),
            "https://iam.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com",
        ),
        (
            ("secrets", "versions", "access", "7", "--secret=s", "--project=p"),
            "https://secretmanager.googleapis.com/v1/projects/p/secrets/s/versions/7:access",
        ),
        (
            ("run", "services", "describe", "f", "--region=r", "--project=p"),
            "https://r-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/p/services/f",
        ),
        (
            ("pubsub", "subscriptions", "list", "--filter=labels.dt-pubsub=x", "--project=p"),
            "https://pubsub.googleapis.com/v1/projects/p/subscriptions?pageSize=1000",
        ),
        (
            ("pubsub", "subscriptions", "get-iam-policy", "s", "--project=p"),
            "https://pubsub.googleapis.com/v1/projects/p/subscriptions/s:getIamPolicy",
        ),
        (("projects", "describe", "p"), "https://cloudresourcemanager.googleapis.com/v1/projects/p"),
        (
            ("secrets", "describe", "../x?y", "--project=p"),
            "https://secretmanager.googleapis.com/v1/projects/p/secrets/..%2Fx%3Fy",
        ),
    ],
)
def test_a_command_has_the_request_that_gcloud_sends(argv: tuple[str, ...], url: str) -> None:
    request = request_of(argv, NOW)
    assert request
    assert request.url == url


@pytest.mark.parametrize(
    "argv",
    [
        (*TOPIC, "--format=text"),
        ("pubsub", "topics", "delete", "dt-events", "--project=p"),
        ("pubsub", "topics", "describe", "dt-events", "--project="),
        ("functions", "list", "--project=p"),
        (*LOG[:3], "--freshness=2h", *LOG[4:]),
    ],
)
def test_another_command_is_left_to_gcloud(argv: tuple[str, ...]) -> None:
    assert request_of(argv, NOW) is None


def test_a_resource_is_read_by_one_call_with_the_token_of_gclouds_login() -> None:
    google = Google([Answer(200, {"name": "t"}), Answer(200, {"name": "t"})])
    assert google.read(TOPIC, TOPIC) == [{"name": "t"}] * 2
    assert [call.headers["Authorization"] for call in google.asked] == ["Bearer an-access-token"] * 2
    assert len(google.gcloud.asked) == 1


def test_all_pages_of_a_list_are_read_and_gclouds_filter_is_applied() -> None:
    mine, other = {"name": "a", "labels": {"dt-pubsub": "mine"}}, {"name": "b", "labels": {"dt-pubsub": "other"}}
    google = Google([Answer(200, {"functions": [mine], "nextPageToken": "2&"}), Answer(200, {"functions": [other]})])
    assert google.read(FUNCTIONS) == [[mine]]
    assert google.asked[1].url.endswith("/locations/-/functions?pageSize=100&pageToken=2%26")


@pytest.mark.parametrize("labels", [["x"], "x", 7, None])
def test_a_resource_whose_labels_are_of_unexpected_form_does_not_have_the_label(labels: Any) -> None:
    google = Google([Answer(200, {"functions": [{"name": "a", "labels": labels}]})])
    assert google.read(FUNCTIONS) == [[]]


@pytest.mark.parametrize("token", [["x"], {"a": "b"}, 7])
def test_a_list_whose_page_token_is_no_text_is_left_to_gcloud(token: Any) -> None:
    page = Answer(200, {"functions": [], "nextPageToken": token})
    google = Google([page, page])
    google.read(FUNCTIONS)
    assert google.commands == ["functions list --v2"]


def test_the_log_is_read_to_the_limit_over_pages_without_an_entry() -> None:
    google = Google([Answer(200, {"nextPageToken": "2"}), Answer(200, {"entries": [{}] * 3, "nextPageToken": "3"})])
    assert google.read(LOG) == [[{}, {}]]
    assert [call.method for call in google.asked] == ["POST", "POST"]
    assert google.asked[1].body == {
        "resourceNames": ["projects/p"],
        "filter": 'timestamp>="2026-11-22T05:00:00Z" AND severity>="INFO" AND a:*',
        "orderBy": "timestamp desc",
        "pageSize": 2,
        "pageToken": "2",
    }


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, {"error": {"status": "NOT_FOUND"}}),
        Answer(403),
        Answer(503),
        Answer(200, []),
        Answer(200),
        Answer(200, {}),
        Answer(200, {"error": "login"}),
    ],
)
def test_whatever_is_no_complete_answer_is_left_to_gcloud(answer: Answer) -> None:
    google = Google([answer])
    google.gcloud.has_everything_on()
    assert google.read(TOPIC) == [None], "only gcloud's NOT_FOUND means absent"
    assert google.commands == ["pubsub topics describe"]


def test_only_an_iam_policy_may_be_empty() -> None:
    google = Google([Answer(200, {})])
    assert google.read(("pubsub", "topics", "get-iam-policy", "dt-events", "--project=p")) == [{}]
    assert google.commands == []


def test_a_list_whose_pages_go_round_in_a_circle_is_left_to_gcloud() -> None:
    google = Google([Answer(200, {"services": [{}], "nextPageToken": token}) for token in "abaa"])
    google.read(SERVICES)
    assert len(google.asked) == 3
    assert google.commands == ["services list --enabled"]


def test_an_empty_answer_is_an_empty_list() -> None:
    google = Google([Answer(200, {})])
    assert google.read(SERVICES) == [[]]
    assert google.commands == []


@pytest.mark.parametrize(
    "page",
    [
        {"services": {}},
        {"services": ["x"]},
        {"error": "login"},
        {"message": "welcome"},
        {"services": [], "unreachable": ["europe-west1"]},
    ],
)
def test_a_list_of_another_structure_is_left_to_gcloud(page: dict[str, Any]) -> None:
    google = Google([Answer(200, page)])
    google.read(SERVICES)
    assert google.commands == ["services list --enabled"]


def test_if_only_gcloud_can_reach_google_nothing_more_is_tried() -> None:
    google = Google([Answer(0, why="connection refused")])
    google.read(SERVICES, SERVICES)
    assert len(google.asked) == 1
    assert google.commands == ["services list --enabled"] * 2


@pytest.mark.parametrize(
    ("configuration", "usual"),
    [
        ({}, True),
        ({"api_endpoint_overrides": {"pubsub": None}, "core": {"universe_domain": "googleapis.com"}}, True),
        ({"api_endpoint_overrides": {"pubsub": "https://pubsub-x.p.googleapis.com/"}}, False),
        ({"core": {"universe_domain": "example.com"}}, False),
    ],
)
def test_servers_that_gclouds_configuration_names_are_left_to_gcloud(
    configuration: dict[str, dict[str, str]], *, usual: bool
) -> None:
    google = Google([Answer(200, {"services": []})])
    google.read(SERVICES, is_usual=lambda: is_usual(configuration))
    assert len(google.asked) == usual
    assert google.commands == [] if usual else ["services list --enabled"]
