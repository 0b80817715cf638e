"""Plans as data: ``plans/<case>.json`` says what should be, what is, and which steps follow.

``plans/everything.json`` is what gcloud answers when everything is as it should be; a case overlays it,
and null stands for what is not there. Adding a case needs no code.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import NotOurs
from deploy.resources.connector import Connector
from deploy.spec import Spec
from deploy.stages.observed import Observed
from deploy.stages.plan import plan, plan_removal
from deploy.steps import ResourceId, pending

PLANS = Path(__file__).parents[1] / "plans"
WITHOUT_NAME = {"APIs", "public invocation", "functions in other regions", "subscriptions of proofs"}
CASES = sorted(path for path in PLANS.glob("*.json") if path.stem != "everything")
every_case = pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def overlaid(below: Any, above: Any) -> Any:
    """Lay objects over objects, key by key; anything else takes the place of what was there."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {**below, **{key: overlaid(below.get(key), value) for key, value in above.items()}}


def tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def spec_of(case: Mapping[str, Any]) -> Spec:
    return Spec(**tupled(case))


def id_of(title: str) -> ResourceId:
    """Return the id of the resource that a case names by its text."""
    kind, _, name = title.rpartition(" ")
    return ResourceId(title) if title in WITHOUT_NAME else ResourceId(kind, name)


def observed_of(case: Mapping[str, Any]) -> Observed:
    connectors = {
        project: [Connector(**tupled(each)) for each in found] for project, found in case["connectors"].items()
    }
    return Observed({id_of(title): facts for title, facts in case["facts"].items()}, connectors)


@every_case
def test_the_steps_follow_from_what_should_be_and_what_is(case: Path) -> None:
    everything, given = read(PLANS / "everything.json"), read(case)
    spec = spec_of({**everything["spec"], **given.get("spec", {})})
    observed = observed_of(overlaid(everything["observed"], given.get("observed", {})))
    if "refusal" in given:
        with pytest.raises(NotOurs) as refused:
            plan(spec, observed)
        assert str(refused.value).splitlines() == given["refusal"]
        return
    steps = plan_removal(spec, observed) if given.get("verb") == "down" else plan(spec, observed)
    assert [step.as_json() for step in pending(steps)] == given["steps"]
    assert all(step.reason for step in steps), "a step that is not needed has a reason, too"


@every_case
def test_a_case_says_in_a_sentence_what_it_is_about(case: Path) -> None:
    assert read(case)["sentence"].endswith(".")


def test_a_subscription_that_pushes_is_left_alone_and_said_to_push() -> None:
    everything = read(PLANS / "everything.json")
    pushing = {"subscription dt-events": {"subscription": {"pushConfig": {"pushEndpoint": "https://example.com/in"}}}}
    steps = plan(spec_of(everything["spec"]), observed_of(overlaid(everything["observed"], {"facts": pushing})))
    assert pending(steps) == ()
    reason = next(step.reason for step in steps if step.resource == "subscription dt-events")
    assert reason.endswith("; pushes to https://example.com/in, set elsewhere")


def reasons(connectors: list[dict[str, Any]], *, verb: str = "up", without_function: bool = False) -> list[str]:
    """Return what a plan says of these connectors, when everything else is as it should be."""
    everything = read(PLANS / "everything.json")
    facts = {"function dt-pubsub": {"function": None, "service": None}} if without_function else {}
    (project,) = everything["observed"]["connectors"]
    given = {"facts": facts, "connectors": {project: connectors}}
    spec, observed = spec_of(everything["spec"]), observed_of(overlaid(everything["observed"], given))
    steps = plan_removal(spec, observed) if verb == "down" else plan(spec, observed)
    return [step.reason for step in steps if step.resource.startswith("connector in ")]


OURS = {
    "id": "dc2",
    "display_name": "Google Pub/Sub demo-proj/dt-pubsub",
    "url": "https://dt-pubsub-108ccd1e12-ew.a.run.app",
    "signs_with": "ours",
}
BY_HAND = {**OURS, "id": "dc1", "display_name": "Fridges", "signs_with": "another"}


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_connector_made_by_hand_is_shown_beside_ours(verb: str) -> None:
    about_ours, about_the_other = reasons([BY_HAND, OURS], verb=verb)
    assert about_ours.startswith("dc2 is ")
    assert about_the_other.startswith("'Fridges' points at this function, too, and may be somebody else's: left alone")


def test_a_filter_and_labels_set_by_hand_are_shown() -> None:
    (told,) = reasons([{**OURS, "event_types": ["touch", "co2"], "labels": ["room"]}])
    assert told == "dc2 is ACTIVE; left alone: events touch, co2; labels room"


def test_a_connector_paused_by_hand_is_shown() -> None:
    (told,) = reasons([{**OURS, "status": "USER_DISABLED"}])
    assert told.startswith("dc2 is paused (USER_DISABLED), and stays so")


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_connector_that_nothing_is_left_to_tell_by_is_shown_once_function_and_secret_are_gone(verb: str) -> None:
    told = reasons([{**BY_HAND, "signs_with": "unknown"}], verb=verb, without_function=True)
    assert told[-1].startswith("'Fridges' points at a function of this name, and nothing is left that tells whose")


HERE = OURS["url"]
BY_REGION = "https://europe-west1-demo-proj.cloudfunctions.net/dt-pubsub"


@pytest.mark.parametrize("verb", ["up", "down"])
@pytest.mark.parametrize(
    "url",
    [
        *(f"{HERE}/", f"{HERE}/?token=x", f"{HERE}:443", f"{HERE}/in/dt", HERE.upper().replace("HTTPS", "https")),
        *(BY_REGION, f"{BY_REGION}/?x", f"{BY_REGION}/in", BY_REGION.replace("europe", "EUROPE")),
    ],
)
def test_a_connector_made_by_hand_is_shown_however_it_writes_the_functions_url(url: str, verb: str) -> None:
    about_the_other = reasons([{**BY_HAND, "url": url}, OURS], verb=verb)[1]
    assert about_the_other.startswith("'Fridges' points at this function, too")


def test_an_address_with_a_projects_number_may_be_this_functions_and_is_shown() -> None:
    by_number = {**BY_HAND, "url": "https://dt-pubsub-123456789012.europe-west1.run.app"}
    assert reasons([by_number, OURS])[1].startswith("'Fridges' points at an address with a project's number")


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://[x", "https://a:b/", "https://example.com/dt-pubsub", f"{HERE}.example.com", f"{HERE}:8443"),
        *(f"{BY_REGION}-2", BY_REGION.replace("demo-proj", "other-proj")),
        *("https://dt-pubsub-1.us-east1.run.app", "https://other-pubsub-1.europe-west1.run.app"),
    ],
)
def test_a_connector_to_another_address_is_none_of_ours_and_is_not_shown(url: str) -> None:
    assert len(reasons([{**BY_HAND, "url": url}, OURS])) == 1
