"""The permission to call the function: anyone may call it, in one of two ways."""

from typing import Any

import pytest

from deploy.resources.invocation import Invocation
from deploy.resources.invokers import run_service
from deploy.resources.resource import answered
from deploy.steps import GcloudCall
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.stage import Stage, spec


def test_public_replaces_unchecked_and_grants_before_the_check_is_enabled(stage: Stage) -> None:
    stage.deployment(invocation="unchecked").up(verify=False)
    stage.google.asked.clear()
    assert stage.deployment(invocation="public").up(verify=False) == NOTHING_TO_DO
    assert [" ".join(line.split()[:3]) for line in stage.google.changes()] == [
        "run services add-iam-policy-binding",
        "run services update",
    ]
    assert not stage.google.unchecked
    assert stage.deployment(invocation="public").plan() == NOTHING_TO_DO


def test_auto_keeps_a_function_open_in_either_way(stage: Stage) -> None:
    stage.deployment(invocation="unchecked").up(verify=False)
    stage.google.asked.clear()
    assert stage.deployment().plan() == NOTHING_TO_DO
    assert stage.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert stage.google.unchecked
    changes = " ".join(stage.google.changes())
    assert "run services update dt-pubsub --no-invoker-iam-check" in changes
    assert "add-iam-policy-binding" not in changes


PUBLIC = {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}
CHECK_OFF = {"metadata": {"annotations": {"run.googleapis.com/invoker-iam-disabled": "true"}}}
GRANT, OFF, ON = "add-iam-policy-binding", "--no-invoker-iam-check", "--invoker-iam-check"


@pytest.mark.parametrize(
    ("invocation", "policy", "service", "does"),
    [
        ("auto", None, {}, [GRANT]),
        ("auto", PUBLIC, {}, []),
        ("auto", None, CHECK_OFF, []),
        ("public", None, {}, [GRANT]),
        ("public", None, CHECK_OFF, [GRANT, ON]),
        ("public", PUBLIC, CHECK_OFF, [ON]),
        ("public", PUBLIC, {}, []),
        ("unchecked", PUBLIC, {}, [OFF]),
        ("unchecked", None, CHECK_OFF, []),
    ],
)
def test_the_function_is_opened_as_the_spec_says(
    invocation: str, policy: object, service: object, does: list[str]
) -> None:
    steps = Invocation(spec(invocation=invocation)).plan({"policy": policy, "service": service})
    lines = [step.call.line() if step.call else "" for step in steps]
    assert len([line for line in lines if line]) == len(does)
    assert all(word in line.split() for word, line in zip(does, lines, strict=False))


@pytest.mark.parametrize(
    ("invocation", "policy", "service", "reasons"),
    [
        ("auto", None, {}, ["no public access"]),
        ("auto", PUBLIC, {}, ["allUsers may call"]),
        ("public", None, {}, ["no public access"]),
        ("public", PUBLIC, {}, ["allUsers may call"]),
        ("public", None, CHECK_OFF, ["requested instead of a switched-off check", "invoker check off -> on"]),
        ("unchecked", None, CHECK_OFF, ["the invoker check is off"]),
        ("unchecked", PUBLIC, {}, ["organization policy forbids allUsers: the check goes off"]),
    ],
)
def test_the_reason_says_who_may_call(invocation: str, policy: object, service: object, reasons: list[str]) -> None:
    steps = Invocation(spec(invocation=invocation)).plan({"policy": policy, "service": service})
    assert [step.reason for step in steps] == reasons
    assert all(step.id.whole == Invocation(spec()).id for step in steps)


def test_the_role_to_call_is_granted_to_all_users_without_a_condition() -> None:
    (step,) = Invocation(spec()).plan({"policy": None, "service": {}})
    granted = ("--member=allUsers", "--role=roles/run.invoker", "--condition=None")
    assert step.call == GcloudCall(run_service(spec(), "add-iam-policy-binding", *granted))


@pytest.mark.parametrize(
    ("invocation", "policy", "asked"),
    [("auto", PUBLIC, 1), ("auto", None, 2), ("public", PUBLIC, 2), ("unchecked", PUBLIC, 2)],
)
def test_the_service_is_described_only_if_the_policy_is_not_enough(invocation: str, policy: object, asked: int) -> None:
    answers: list[Any] = [policy, CHECK_OFF]
    assert len(answered(Invocation(spec(invocation=invocation)).reads(), lambda _: answers.pop(0))) == asked


def test_the_callers_are_read_from_the_policy_of_the_service() -> None:
    assert Invocation(spec()).describe == run_service(spec(), "get-iam-policy")
    assert Invocation(spec()).title == "public invocation"


def test_the_permission_to_call_is_deleted_with_the_function() -> None:
    invocation = Invocation(spec())
    assert str(invocation.parent) == "function dt-pubsub"
    assert invocation.removal({"policy": PUBLIC}) == ()
