"""Plans as data: ``plans/<case>.json`` says what should be, what is, and which steps follow.

``plans/everything.json`` is what gcloud answers when everything is as it should be; a case overlays it,
and null stands for what is not there. Adding a case needs no code.
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
def test_the_steps_follow_from_what_should_be_and_what_is(case: Path) -> None:
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


@every_case
def test_a_case_says_in_a_sentence_what_it_is_about(case: Path) -> None:
    assert read(case)["sentence"].endswith(".")
