"""Plans as data: ``plans/<case>.json`` has the spec, the observed state, and the steps.

``plans/everything.json`` has gcloud's answers for a finished deployment. A case overlays them, and null means that a
resource is absent. ``kept`` has the reasons of steps that change nothing. Adding a case needs no code.
"""

from pathlib import Path

import pytest

from deploy.errors import NotOwned
from deploy.stages.plan import plan, plan_removal
from deploy.steps import pending
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
