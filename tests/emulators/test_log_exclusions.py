"""The stand-in for exclusions of the log: as strict as Google documents them."""

from typing import Any

import pytest

from deploy.google.calls import Call
from tests.deploy.fakes.google_api import TOKEN, FakeGoogleApi

URL = "https://logging.googleapis.com/v2/projects/cold-chain-prod/exclusions"
ONE = {"name": "noise", "filter": "severity=DEBUG", "description": "ours", "disabled": False}


@pytest.fixture
def api() -> FakeGoogleApi:
    return FakeGoogleApi(lambda: 1_800_000_000.0)


def ask(api: FakeGoogleApi, method: str, url: str = URL, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    answer = api(Call(method, url, body, {"Authorization": f"Bearer {TOKEN}"}))
    return answer.status, answer.body


def test_one_exclusion_is_made_changed_by_its_mask_and_deleted_without_touching_the_others(api: FakeGoogleApi) -> None:
    api.exclusions.items["theirs"] = {"name": "theirs", "filter": "x"}
    assert ask(api, "POST", body=ONE)[0] == 200
    status, changed = ask(api, "PATCH", f"{URL}/noise?updateMask=filter", {"filter": "severity=INFO", "disabled": True})
    assert (status, changed["filter"], changed["description"]) == (200, "severity=INFO", "ours")
    assert "disabled" not in changed
    assert ask(api, "DELETE", f"{URL}/noise")[0] == 200
    assert list(api.exclusions.items) == ["theirs"]


def test_the_sink_shows_the_exclusions_and_replaces_all_of_them(api: FakeGoogleApi) -> None:
    api.exclusions.items["theirs"] = {"name": "theirs", "filter": "x"}
    sink = "https://logging.googleapis.com/v2/projects/cold-chain-prod/sinks/_Default"
    status, found = ask(api, "GET", sink)
    assert (status, [item["name"] for item in found["exclusions"]]) == (200, ["theirs"])
    changed = {"exclusions": [*found["exclusions"], ONE]}
    assert ask(api, "PATCH", f"{sink}?updateMask=exclusions&uniqueWriterIdentity=true", changed)[0] == 200
    assert list(api.exclusions.items) == ["theirs", "noise"]
    assert ask(api, "PATCH", f"{sink}?updateMask=exclusions", {"exclusions": [{**ONE, "filter": ""}]})[0] == 400
    assert list(api.exclusions.items) == ["theirs", "noise"]
    assert ask(api, "GET", f"{sink}s")[0] == 404


@pytest.mark.parametrize(
    ("method", "url", "body", "status"),
    [
        ("POST", URL, {**ONE, "name": "-x"}, 400),
        ("POST", URL, {**ONE, "filter": ""}, 400),
        ("POST", URL, {**ONE, "sink": "_Default"}, 400),
        ("POST", URL, {**ONE, "name": "theirs"}, 409),
        ("PATCH", f"{URL}/theirs", {"filter": "y"}, 400),
        ("DELETE", f"{URL}/noise", None, 404),
    ],
)
def test_what_google_refuses_is_refused(
    api: FakeGoogleApi, method: str, url: str, body: dict[str, Any] | None, status: int
) -> None:
    api.exclusions.items["theirs"] = {"name": "theirs", "filter": "x"}
    assert ask(api, method, url, body)[0] == status
    assert list(api.exclusions.items) == ["theirs"]


def test_a_project_has_at_most_ten_exclusions(api: FakeGoogleApi) -> None:
    statuses = [ask(api, "POST", body={**ONE, "name": f"e{number}"})[0] for number in range(11)]
    assert statuses == [200] * 10 + [429]
