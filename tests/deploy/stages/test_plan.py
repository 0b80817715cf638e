"""Plans as data: ``plans/<case>.json`` has the spec, the observed state, and the steps.

``plans/everything.json`` has gcloud's answers for a finished deployment. A case overlays them, and null means that a
resource is absent. ``kept`` has the reasons of steps that change nothing. Adding a case needs no code.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.errors import NotOwned
from deploy.resources.rotation import ROTATION, Rotation
from deploy.stages.plan import plan, plan_removal
from deploy.steps import OldSecretRemoval, Step, pending
from tests.deploy.cases import PLANS, observed_of, overlaid, read, spec_of

CASES = sorted(path for path in PLANS.glob("*.json") if path.stem != "everything")
every_case = pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)


@every_case
def test_the_steps_follow_from_the_spec_and_the_observed_state(case: Path) -> None:
    everything, given = read(PLANS / "everything.json"), read(case)
    spec = spec_of({**everything["spec"], **given.get("spec", {})})
    observed = observed_of(overlaid(everything["observed"], given.get("observed", {})))
    if "refusal" in given:
        with pytest.raises(NotOwned) as refused:
            plan(spec, observed)
        assert str(refused.value).splitlines() == given["refusal"]
        return
    steps = plan_removal(spec, observed) if given.get("verb") == "down" else plan(spec, observed)
    assert [step.as_json() for step in pending(steps)] == given["steps"]
    assert all(step.reason for step in steps), "a step that is not needed has a reason, too"
    kept = {step.resource: step.reason for step in steps if step.action == "keep"}
    assert kept == {**kept, **given.get("kept", {})}


@every_case
def test_every_case_has_a_sentence_that_describes_it(case: Path) -> None:
    assert read(case)["sentence"].endswith(".")


NOW = 1_764_288_000
KEEPING = Rotation("keeping", since=NOW - 600, old=1, new=2, switched=NOW - 300)


def rotation_step(rotation: Rotation, now: float | None) -> Step | None:
    """Return the step about a rotation that the secret notes; None if there is none."""
    everything = read(PLANS / "everything.json")
    noted = {"secret dt-signature": {"secret": {"annotations": {ROTATION: rotation.note()}}}}
    observed = observed_of(overlaid(everything["observed"], {"facts": noted}))
    steps = plan(spec_of(everything["spec"]), observed, now=now)
    return next((step for step in steps if step.id.part in {"the old secret", "a rotation"}), None)


def test_an_old_secret_is_removed_when_its_time_has_come_and_not_before() -> None:
    shown = rotation_step(KEEPING, KEEPING.until - 1)
    assert shown
    assert (shown.action, shown.resource, shown.call) == ("keep", "secret dt-signature, a rotation", None)
    assert shown.reason == KEEPING.sentence(KEEPING.until - 1)
    removed = rotation_step(KEEPING, KEEPING.until)
    assert removed
    assert (removed.action, removed.resource) == ("delete", "secret dt-signature, the old secret")
    assert (removed.reason, removed.call) == (KEEPING.sentence(KEEPING.until), OldSecretRemoval())


def test_without_the_time_a_rotation_is_only_shown_and_one_that_has_ended_is_not_shown() -> None:
    shown = rotation_step(KEEPING, None)
    assert shown
    assert (shown.action, shown.reason) == ("keep", KEEPING.sentence(0))
    assert rotation_step(replace(KEEPING, phase="done"), NOW) is None
