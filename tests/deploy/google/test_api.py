"""Google's REST APIs: one token, pages, errors with gcloud's codes and remedies, and what passes by itself."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.errors import Code, GcloudFailed
from deploy.google.access_token import AccessTokens
from deploy.google.api import GoogleApi, refusal
from deploy.google.authorized import project_of
from deploy.google.calls import Answer, Call
from deploy.steps import Argv, Get, RestCall

URL = "https://monitoring.googleapis.com/v3/projects/cold-chain-prod/alertPolicies"
PLEASE = "please look at your network"
CUT = Answer(0, why="there was no answer", fix=PLEASE)


class Scripted:
    """Answers requests one after the other, and remembers them. Each renewal of the token gives another one."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.sent: list[Call] = []
        self.tokens = iter(f"token-{number}" for number in range(1, 9))
        self.slept: list[float] = []
        self.noted: list[str] = []

    def __call__(self, call: Call) -> Answer:
        """Return the next answer."""
        self.sent.append(call)
        return self.answers.pop(0)

    def api(self) -> GoogleApi:
        """Return the APIs behind these answers."""
        tokens = AccessTokens(self._renewed, lambda: 0.0)
        return GoogleApi(tokens, self, self.slept.append, self.noted.append)

    def headers(self, name: str) -> list[str | None]:
        """Return a header of all requests."""
        return [call.headers.get(name) for call in self.sent]

    def _renewed(self, argv: Argv) -> str:
        del argv
        return json.dumps({"credential": {"access_token": next(self.tokens), "token_expiry": None}})


def ok(body: Mapping[str, Any]) -> Answer:
    return Answer(200, body)


def refused(code: int, status: str, message: str) -> Answer:
    return Answer(code, {"error": {"code": code, "status": status, "message": message}})


def test_all_pages_of_a_list_are_read_with_one_token() -> None:
    first = ok({"alertPolicies": [{"name": "1"}], "nextPageToken": "a b"})
    pages = Scripted(first, ok({"alertPolicies": [{"name": "2"}], "nextPageToken": ""}))
    assert pages.api().read(Get(URL, "alertPolicies")) == [{"name": "1"}, {"name": "2"}]
    assert [call.url for call in pages.sent] == [URL, f"{URL}?pageToken=a+b"]
    assert pages.headers("Authorization") == ["Bearer token-1"] * 2
    assert Scripted(ok({})).api().read(Get(URL, "alertPolicies")) == []


def test_one_resource_that_does_not_exist_is_none() -> None:
    assert Scripted(refused(404, "NOT_FOUND", "Alert policy 1 not found.")).api().read(Get(f"{URL}/1")) is None
    assert Scripted(ok({"name": "x"})).api().read(Get(f"{URL}/1")) == {"name": "x"}


@pytest.mark.parametrize("body", [None, [], {"alertPolicies": {}}, {"alertPolicies": [1]}])
def test_an_answer_of_another_structure_is_an_error(body: Any) -> None:
    with pytest.raises(GcloudFailed, match=f"GET {URL}: "):
        Scripted(Answer(200, body)).api().read(Get(URL, "alertPolicies"))


@pytest.mark.parametrize("token", [["x"], {"a": "b"}, 7, True])
def test_a_page_token_that_is_no_text_is_an_error(token: Any) -> None:
    with pytest.raises(GcloudFailed, match="unexpected structure"):
        Scripted(ok({"alertPolicies": [], "nextPageToken": token}), ok({})).api().read(Get(URL, "alertPolicies"))


def test_page_tokens_that_lead_back_are_an_error() -> None:
    pages = Scripted(*(ok({"alertPolicies": [], "nextPageToken": token}) for token in ("a", "b", "a")))
    with pytest.raises(GcloudFailed, match="unexpected structure"):
        pages.api().read(Get(URL, "alertPolicies"))


def test_a_read_request_is_repeated_after_what_passes_by_itself() -> None:
    busy = refused(503, "UNAVAILABLE", "Try again.")
    slow = refused(429, "RESOURCE_EXHAUSTED", "Slow down.")
    script = Scripted(busy, CUT, slow, Answer(502), ok({}))
    assert script.api().read(Get(URL, "alertPolicies")) == []
    assert script.slept == [1.0, 2.0, 4.0, 8.0]
    assert script.noted[0] == "Try again; again in 1 s"
    with pytest.raises(GcloudFailed, match="Try again"):
        Scripted(*[busy] * 5).api().read(Get(URL, "alertPolicies"))


def test_an_api_that_was_just_enabled_is_waited_for_and_one_that_is_off_is_not() -> None:
    message = "Cloud Monitoring API has not been used in project 1 before or it is disabled."
    off = refused(403, "PERMISSION_DENIED", message)
    assert Scripted(off, ok({})).api().read(Get(URL, "alertPolicies"), is_on=True) == []
    with pytest.raises(GcloudFailed) as failed:
        Scripted(off).api().read(Get(URL, "alertPolicies"))
    assert failed.value.code == "SERVICE_DISABLED"


def test_a_token_that_is_no_longer_accepted_is_replaced_once() -> None:
    late = refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    script = Scripted(ok({}), late, ok({}))
    there = script.api()
    there.read(Get(URL, "alertPolicies"))
    there.read(Get(URL, "alertPolicies"))
    assert script.headers("Authorization") == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    with pytest.raises(GcloudFailed) as failed:
        Scripted(late, late).api().read(Get(URL, "alertPolicies"))
    assert (failed.value.code, failed.value.fix) == ("UNAUTHENTICATED", ("gcloud auth login",))


@pytest.mark.parametrize(
    ("path", "project"),
    [
        ("v1/projects/p/topics/t", "p"),
        ("apis/x/v1/namespaces/p/services/s", "p"),
        ("v1/projects/-/x", ""),
        ("v2/x", ""),
    ],
)
def test_the_project_of_a_call_is_that_of_its_url(path: str, project: str) -> None:
    assert project_of(f"https://x.googleapis.com/{path}?y=/projects/z") == project


def test_the_quota_of_the_users_project_is_charged_unless_google_denies_that() -> None:
    denied = Answer(403, {"error": {"status": "PERMISSION_DENIED", "details": [{"reason": "USER_PROJECT_DENIED"}]}})
    script = Scripted(denied, ok({}), ok({}))
    there = script.api()
    there.read(Get(URL, "alertPolicies"))
    there.read(Get(URL, "alertPolicies"))
    assert script.headers("X-Goog-User-Project") == ["cold-chain-prod", None, None]


def test_a_change_is_sent_once_whatever_the_answer_is() -> None:
    script = Scripted(ok({"name": "x"}), CUT, ok({}))
    there = script.api()
    call = RestCall("POST", URL, {"displayName": "a"})
    assert there.change(call) == {"name": "x"}
    with pytest.raises(GcloudFailed, match="there was no answer") as failed:
        there.change(call)
    assert (failed.value.code, failed.value.fix) == ("NETWORK", (PLEASE,))
    assert there.change(RestCall("DELETE", f"{URL}/1")) == {}
    assert [call.body for call in script.sent] == [{"displayName": "a"}, {"displayName": "a"}, None]


@pytest.mark.parametrize(
    ("status", "name", "message", "code", "fix"),
    [
        (404, "NOT_FOUND", "Alert policy not found.", "NOT_FOUND", "gcloud config list"),
        (404, "NOT_FOUND", 'Cannot find metric(s) that match type = "x".', "METRIC_LAG", "in ten minutes"),
        (409, "ALREADY_EXISTS", "Dashboard already exists.", "ALREADY_EXISTS", "python -m deploy up --name"),
        (409, "ABORTED", "Too many changes.", "ABORTED", "wait until"),
        (403, "PERMISSION_DENIED", "Permission denied.", "PERMISSION_DENIED", "gcloud projects add-iam-policy-binding"),
        (500, "INTERNAL", "Internal error.", "UNAVAILABLE", "https://status.cloud.google.com/"),
        (400, "INVALID_ARGUMENT", "Field x is wrong.", "OTHER", "https://status.cloud.google.com/"),
    ],
)
def test_a_refusal_has_gclouds_code_and_remedy(status: int, name: str, message: str, code: Code, fix: str) -> None:
    error = refusal("POST", URL, refused(status, name, message))
    assert (error.code, error.what, error.where) == (code, message, f"POST {URL}")
    assert error.fix[0].startswith(fix)


def test_a_refusal_that_is_not_googles_has_its_status() -> None:
    assert refusal("GET", URL, Answer(502)).what == "HTTP status 502"
    assert refusal("GET", URL, Answer(418, {"error": "tea"})).what == "HTTP status 418"


def test_the_end_of_a_query_of_bigquery_is_waited_for_where_it_runs() -> None:
    job = {"projectId": "p", "jobId": "job_1", "location": "EU"}
    running = ok({"jobComplete": False, "jobReference": job})
    asked = Scripted(running, running, ok({"jobComplete": True, "jobReference": job}))
    jobs = "https://bigquery.googleapis.com/bigquery/v2/projects/p/queries"
    assert asked.api().change(RestCall("POST", jobs, {"query": "SELECT 1"}))["jobComplete"] is True
    result = f"{jobs}/job_1?location=EU&maxResults=0&timeoutMs=20000"
    assert [(call.method, call.url) for call in asked.sent] == [("POST", jobs), ("GET", result), ("GET", result)]


def test_a_deletion_without_an_answer_is_done() -> None:
    asked = Scripted(Answer(204))
    assert (
        asked.api().change(RestCall("DELETE", "https://bigquery.googleapis.com/bigquery/v2/projects/p/datasets/d"))
        == {}
    )


def test_a_read_request_that_has_to_be_a_post_has_a_body() -> None:
    asked = Scripted(ok({"bindings": []}))
    wanted = Get(
        "https://bigquery.googleapis.com/bigquery/v2/projects/p/datasets/d/tables/t:getIamPolicy", body={"options": {}}
    )
    assert asked.api().read(wanted) == {"bindings": []}
    assert (asked.sent[0].method, asked.sent[0].body) == ("POST", {"options": {}})
    assert wanted.line().startswith("POST https://")
