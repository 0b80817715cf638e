"""The callers that a Cloud Run service allows."""

from typing import Any

import pytest

from deploy.resources.invokers import is_public, is_unchecked, run_service
from tests.deploy.stage import spec

GRANT = {"role": "roles/run.invoker", "members": ["user:a@example.com", "allUsers"]}


@pytest.mark.parametrize(
    "binding",
    [
        {**GRANT, "members": ["allAuthenticatedUsers"]},
        {**GRANT, "role": "roles/run.viewer"},
        {"role": "roles/run.invoker"},
        {**GRANT, "condition": {"expression": "false"}},
    ],
)
def test_only_a_grant_to_all_users_without_a_condition_is_public(binding: dict[str, Any]) -> None:
    assert not is_public({"policy": {"bindings": [binding]}})
    assert is_public({"policy": {"bindings": [binding, GRANT]}})
    assert not is_public({"policy": None})


@pytest.mark.parametrize(("written", "is_off"), [("true", True), ("True", True), ("false", False), ("", False)])
def test_the_check_is_off_if_the_service_says_so(
    written: str,
    is_off: bool,  # noqa: FBT001  # a column of the table
) -> None:
    service = {"metadata": {"annotations": {"run.googleapis.com/invoker-iam-disabled": written}}}
    assert is_unchecked({"service": service}) is is_off
    assert not is_unchecked({"service": None})


def test_a_command_names_the_service_its_region_and_the_project() -> None:
    argv = run_service(spec(region="us-east1"), "describe", "--x")
    assert argv[:4] == ("run", "services", "describe", "dt-pubsub")
    assert argv[4:] == ("--x", "--region=us-east1", spec().project_flag)
