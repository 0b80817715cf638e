"""Google's REST APIs: one token, pages, errors with gcloud's codes and remedies, and what passes by itself."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from deploy.errors import Code, GcloudFailed
from deploy.google import api
from deploy.google.api import GoogleApi, refusal
from deploy.secret import Secret
from deploy.steps import Get, RestCall

URL = "https://monitoring.googleapis.com/v3/projects/cold-chain-prod/alertPolicies"
Answer = tuple[int, str]


class Scripted:
    """Answers requests one after the other, and remembers them."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, str, Any, Mapping[str, str]]] = []
        self.tokens = iter(f"token-{number}" for number in range(1, 9))
        self.slept: list[float] = []
        self.noted: list[str] = []

    def __call__(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> Answer:
        """Return the next answer."""
        self.sent.append((method, url, body, headers))
        return self.answers.pop(0)

    def api(self) -> GoogleApi:
        """Return the APIs behind these answers."""
        return GoogleApi(lambda: Secret(next(self.tokens)), self, self.slept.append, self.noted.append)


def refused(code: int, status: str, message: str) -> Answer:
    return code, json.dumps({"error": {"code": code, "status": status, "message": message}})


def test_all_pages_of_a_list_are_read() -> None:
    pages = Scripted(
        (200, json.dumps({"alertPolicies": [{"name": "1"}], "nextPageToken": "a b"})),
        (200, json.dumps({"alertPolicies": [{"name": "2"}], "nextPageToken": ""})),
    )
    assert pages.api().read(Get(URL, "alertPolicies")) == [{"name": "1"}, {"name": "2"}]
    assert [url for _, url, _, _ in pages.sent] == [URL, f"{URL}?pageToken=a+b"]
    assert {headers["Authorization"] for *_, headers in pages.sent} == {"Bearer token-1"}
    assert Scripted((200, "{}")).api().read(Get(URL, "alertPolicies")) == []


def test_one_resource_that_does_not_exist_is_none() -> None:
    assert Scripted(refused(404, "NOT_FOUND", "Alert policy 1 not found.")).api().read(Get(f"{URL}/1")) is None
    assert Scripted((200, '{"name": "x"}')).api().read(Get(f"{URL}/1")) == {"name": "x"}


@pytest.mark.parametrize("text", ["hello", "[]", '{"alertPolicies": {}}', '{"alertPolicies": [1]}'])
def test_an_answer_of_another_structure_is_an_error(text: str) -> None:
    with pytest.raises(GcloudFailed, match=f"GET {URL}: "):
        Scripted((200, text)).api().read(Get(URL, "alertPolicies"))


def test_a_read_request_is_repeated_after_what_passes_by_itself() -> None:
    busy = refused(503, "UNAVAILABLE", "Try again.")
    script = Scripted(busy, (0, "ConnectionError"), refused(429, "RESOURCE_EXHAUSTED", "Slow down."), (502, "<html>"))
    script.answers.append((200, "{}"))
    assert script.api().read(Get(URL, "alertPolicies")) == []
    assert script.slept == [1.0, 2.0, 4.0, 8.0]
    assert script.noted[0] == "Try again.; again in 1 s"
    with pytest.raises(GcloudFailed, match="Try again"):
        Scripted(*[busy] * 5).api().read(Get(URL, "alertPolicies"))


def test_an_api_that_was_just_enabled_is_waited_for_and_one_that_is_off_is_not() -> None:
    off = refused(
        403, "PERMISSION_DENIED", "Cloud Monitoring API has not been used in project 1 before or it is disabled."
    )
    assert Scripted(off, (200, "{}")).api().read(Get(URL, "alertPolicies"), is_on=True) == []
    with pytest.raises(GcloudFailed) as failed:
        Scripted(off).api().read(Get(URL, "alertPolicies"))
    assert failed.value.code == "SERVICE_DISABLED"


def test_a_token_that_is_no_longer_accepted_is_replaced_once() -> None:
    late = refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    script = Scripted((200, "{}"), late, (200, "{}"))
    there = script.api()
    there.read(Get(URL, "alertPolicies"))
    there.read(Get(URL, "alertPolicies"))
    assert [headers["Authorization"] for *_, headers in script.sent][1:] == ["Bearer token-1", "Bearer token-2"]
    with pytest.raises(GcloudFailed) as failed:
        Scripted(late, late).api().read(Get(URL, "alertPolicies"))
    assert (failed.value.code, failed.value.fix) == ("UNAUTHENTICATED", ("gcloud auth login",))


def test_the_users_project_is_named_if_google_counts_the_request_for_gclouds_own() -> None:
    counted = refused(
        403, "PERMISSION_DENIED", "API has not been used in project 32555940559 before or it is disabled."
    )
    script = Scripted(counted, (200, "{}"), (200, "{}"))
    there = script.api()
    there.read(Get(URL, "alertPolicies"))
    there.read(Get(URL, "alertPolicies"))
    assert [headers.get("X-Goog-User-Project") for *_, headers in script.sent] == [None, *["cold-chain-prod"] * 2]


def test_a_change_is_sent_once_whatever_the_answer_is() -> None:
    script = Scripted((200, '{"name": "x"}'), (0, "ReadTimeout"), (200, "{}"))
    there = script.api()
    call = RestCall("POST", URL, {"displayName": "a"})
    assert there.change(call) == {"name": "x"}
    with pytest.raises(GcloudFailed, match=r"there was no answer \(ReadTimeout\)") as failed:
        there.change(call)
    assert failed.value.code == "NETWORK"
    assert there.change(RestCall("DELETE", f"{URL}/1")) == {}
    assert [body for _, _, body, _ in script.sent] == [{"displayName": "a"}, {"displayName": "a"}, None]


@pytest.mark.parametrize(
    ("status", "name", "message", "code", "fix"),
    [
        (404, "NOT_FOUND", "Alert policy not found.", "NOT_FOUND", "gcloud config list"),
        (404, "NOT_FOUND", 'Cannot find metric(s) that match type = "x".', "METRIC_LAG", "in ten minutes"),
        (409, "ALREADY_EXISTS", "Dashboard already exists.", "ALREADY_EXISTS", "python -m deploy up --name"),
        (409, "ABORTED", "Too many changes.", "ABORTED", "wait until"),
        (
            403,
            "PERMISSION_DENIED",
            "Permission denied.",
            "PERMISSION_DENIED",
            "gcloud projects add-iam-policy-binding cold",
        ),
        (500, "INTERNAL", "Internal error.", "UNAVAILABLE", "https://status.cloud.google.com/"),
        (400, "INVALID_ARGUMENT", "Field x is wrong.", "OTHER", "https://status.cloud.google.com/"),
    ],
)
def test_a_refusal_has_gclouds_code_and_remedy(status: int, name: str, message: str, code: Code, fix: str) -> None:
    error = refusal("POST", URL, *refused(status, name, message))
    assert (error.code, error.what, error.where) == (code, message, f"POST {URL}")
    assert error.fix[0].startswith(fix)


def test_a_refusal_that_is_not_googles_has_its_status() -> None:
    assert refusal("GET", URL, 502, "<html>").what == "HTTP status 502"
    assert refusal("GET", URL, 418, '{"error": "tea"}').what == "HTTP status 418"


def test_a_request_that_gets_no_answer_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise requests.exceptions.SSLError("certificate")

    monkeypatch.setattr(requests, "request", fail)
    assert api.send("GET", URL, None, {}) == (0, "SSLError")
