"""Which steps run side by side, and what is said if one of them fails."""

import threading
from collections.abc import Callable

import pytest

from deploy.errors import ApplyFailed
from deploy.resources.catalog import removable, resources
from deploy.stages.plan import plan, plan_removal
from deploy.stages.waves import waves
from deploy.steps import Argv, pending
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.stage import Stage, spec

OURS = {resource.id: resource for resource in (*removable(spec()), *resources(spec()))}
TOGETHER_S = 20.0


def grouped(stage: Stage, *, removing: bool = False) -> list[list[str]]:
    """Return the groups of the steps that would be carried out now."""
    context = stage.deployment().context
    observer = context.observer
    steps = plan_removal(spec(), observer.for_removal()) if removing else plan(spec(), observer.everything())
    return [[step.resource for step in group] for group in waves(pending(steps), OURS.get)]


def test_what_up_makes_is_made_side_by_side_but_after_what_it_needs(stage: Stage) -> None:
    stage.google.services.clear()
    assert grouped(stage) == [
        ["APIs"],
        ["service account dt-pubsub", "topic dt-events", "topic dt-rejected"],
        ["subscription dt-events", "subscription dt-rejected"],
        ["secret dt-signature"],
        ["publisher on topic dt-events", "publisher on topic dt-rejected", "secretAccessor on secret dt-signature"],
        ["function dt-pubsub"],
        ["secret dt-signature, record of the deployed source"],
        ["public invocation"],
        ["connector in c0md3pm0p7bet3vico8g"],
    ]


def test_what_down_deletes_is_deleted_side_by_side_but_before_what_it_needs(up: Stage) -> None:
    assert grouped(up, removing=True) == [
        ["connector in c0md3pm0p7bet3vico8g"],
        ["log exclusion dt-pubsub-dt-pubsub-requests"],
        ["function dt-pubsub"],
        ["secret dt-signature", "subscription dt-rejected", "subscription dt-events"],
        ["topic dt-rejected", "topic dt-events", "service account dt-pubsub"],
    ]


def test_a_group_has_one_action(up: Stage) -> None:
    del up.google.things["topics", "dt-events"]
    up.google.things["topics", "dt-rejected"]["labels"]["team"] = "old"
    context = up.deployment(labels={"team": "new"}).context
    groups = waves(pending(plan(context.spec, context.observer.everything())), OURS.get)
    assert all(len({step.action for step in group}) == 1 for group in groups)


def meeting(words: tuple[Argv, ...]) -> Callable[[Argv], None]:
    """Return a hook in which these commands wait until all of them have come."""
    barrier = threading.Barrier(len(words))

    def hook(argv: Argv) -> None:
        if argv[:4] in words:
            barrier.wait(TOGETHER_S)

    return hook


def test_the_topics_are_really_made_at_the_same_time(stage: Stage) -> None:
    stage.google.before = meeting(
        tuple(("pubsub", "topics", "create", f"dt-{name}") for name in ("events", "rejected"))
    )
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert "  create service account dt-pubsub, topic dt-events, topic dt-rejected ...\n" in stage.noted
    assert "  create topic dt-rejected: done in " in stage.noted


def test_if_one_of_several_steps_fails_the_others_are_finished_and_said_to_be_done(stage: Stage) -> None:
    stage.google.stumbles = [("pubsub topics create dt-events", "PERMISSION_DENIED: you may not")]
    with pytest.raises(ApplyFailed) as failed:
        stage.deployment().up(verify=False)
    assert failed.value.where == "topic dt-events"
    assert [step.resource for step in failed.value.done] == ["service account dt-pubsub", "topic dt-rejected"]
    assert "  done      topic dt-rejected\n  not done  topic dt-events\n  not done  subscription" in failed.value.what
    assert ("subscriptions", "dt-events") not in stage.google.things
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO


def test_of_several_failures_the_first_of_the_plan_is_shown(stage: Stage) -> None:
    stage.google.stumbles = [
        (f"pubsub topics create dt-{name}", f"PERMISSION_DENIED: you may not make {name}")
        for name in ("rejected", "events")
    ]
    with pytest.raises(ApplyFailed, match="you may not make events"):
        stage.deployment().up(verify=False)


def test_an_interruption_says_what_was_done_before(stage: Stage) -> None:
    def interrupt(argv: Argv) -> None:
        if argv[:3] == ("pubsub", "subscriptions", "create"):
            raise KeyboardInterrupt

    stage.google.before = interrupt
    with pytest.raises(ApplyFailed, match="interrupted") as failed:
        stage.deployment().up(verify=False)
    assert failed.value.where.startswith("subscription dt-")
    assert "  done      topic dt-rejected" in failed.value.what
    assert "  not done  secret dt-signature" in failed.value.what
