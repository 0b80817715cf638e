"""The Data Connector of a DT project: which one is ours, its changes, and the settings that are left alone."""

from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.resources.connector import (
    MAX_PER_PROJECT,
    Connector,
    check_room,
    connector_id,
    labels_wanted,
    may_reach,
    names_suffice,
    owned_by,
    paused_at,
    plan_connector,
    remove_connector,
    remove_devices,
)
from deploy.stages.plan import plan, plan_removal
from deploy.steps import ConnectorCall, DeviceRemoval, Step
from tests.deploy.cases import PLANS, observed_of, overlaid, read, spec_of
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT, URL
from tests.deploy.stage import spec


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
    assert about_the_other.startswith(
        "'Fridges' points at this function, too, but may not be this deployment's: left alone"
    )


def test_a_filter_and_labels_set_by_hand_are_shown() -> None:
    (reason,) = reasons([{**OURS, "event_types": ["touch", "co2"], "labels": ["room"]}])
    assert reason == "dc2 is ACTIVE; left alone: events touch, co2; labels room"


def test_a_connector_paused_by_hand_is_shown() -> None:
    (reason,) = reasons([{**OURS, "status": "USER_DISABLED"}])
    assert reason.startswith("dc2 is paused (USER_DISABLED), and stays so")


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_connector_of_an_unknown_owner_is_shown_after_function_and_secret_are_gone(verb: str) -> None:
    reason = reasons([{**BY_HAND, "signs_with": "unknown"}], verb=verb, without_function=True)
    assert reason[-1].startswith(
        "'Fridges' points at a function of this name, and its owner can no longer be determined"
    )


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
def test_a_connector_made_by_hand_is_shown_in_any_notation_of_the_functions_url(url: str, verb: str) -> None:
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
def test_a_connector_to_another_address_is_not_ours_and_is_not_shown(url: str) -> None:
    assert len(reasons([{**BY_HAND, "url": url}, OURS])) == 1


OUR_NAME = spec().default_connector_name


def connector(number: int = 1, **settings: Any) -> Connector:
    """Return a connector that is this deployment's and as it should be, with changes."""
    ours = {"display_name": OUR_NAME, "url": URL, "signs_with": "ours"}
    return Connector(**{"id": f"dc{number}", **ours, **settings})


def planned(*found: Connector, url: str = URL, new_secret: bool = False, **changes: Any) -> tuple[Step, ...]:
    return plan_connector(spec(**changes), DT_PROJECT, found, url, new_secret=new_secret)


def test_a_new_connector_has_the_fields_of_the_spec() -> None:
    (step,) = planned(event_types=("touch",), settings={"LABEL_ATTRIBUTES": "room, floor,room"})
    fields = {"displayName": OUR_NAME, "type": "HTTP_PUSH", "status": "ACTIVE"}
    lists = {"events": ["touch"], "labels": ["room", "floor"]}
    assert step.call == ConnectorCall("POST", DT_PROJECT, fields={**fields, **lists}, sends_url=True, sends_secret=True)
    assert (step.action, step.resource) == ("create", f"connector in {DT_PROJECT}")


@pytest.mark.parametrize(
    ("found", "wanted", "fields", "is_pushed"),
    [
        ({"status": "SYSTEM_DISABLED"}, {}, {"status": "ACTIVE"}, False),
        ({}, {"connector_name": "Fridges"}, {"displayName": "Fridges"}, False),
        ({"event_types": ("touch",)}, {"event_types": ("co2",)}, {"events": ["co2"]}, False),
        ({"labels": ("room",)}, {"connector_labels": ()}, {"labels": []}, False),
        ({"url": "https://example.com/"}, {}, {}, True),
        ({"signs_with": "another"}, {}, {}, True),
        (
            {"signs_with": "none", "status": "SYSTEM_DISABLED", "labels": ("room",)},
            {"connector_name": "Fridges", "connector_labels": ("floor",)},
            {"status": "ACTIVE", "displayName": "Fridges", "labels": ["floor"]},
            True,
        ),
    ],
)
def test_only_the_differences_are_sent(
    found: dict[str, Any],
    wanted: dict[str, Any],
    fields: dict[str, Any],
    is_pushed: bool,  # noqa: FBT001  # a column of the table
) -> None:
    (step,) = planned(connector(**found), **wanted)
    assert step.call == ConnectorCall("PATCH", DT_PROJECT, "dc1", fields, sends_url=is_pushed, sends_secret=is_pushed)


def test_the_update_of_a_connector_that_dt_switched_off_says_what_is_lost() -> None:
    (step,) = planned(connector(status="SYSTEM_DISABLED"))
    assert step.reason == (
        "status SYSTEM_DISABLED -> ACTIVE; DT switched it off after five days of failed deliveries, and does not send "
        "the events of that time later"
    )
    (step,) = planned(connector(), connector_name="Fridges")
    assert step.reason == f"displayName {OUR_NAME} -> Fridges"


SINCE = "2026-11-02T08:13:15Z"


def test_a_connector_that_is_made_during_a_pause_is_paused_like_the_others() -> None:
    memory = {f"{DT_PROJECT}/new": SINCE}
    (step,) = plan_connector(spec(), DT_PROJECT, (), URL, paused_since=memory)
    assert step.reason == f"not there; paused like the others, which are since {SINCE}"
    assert isinstance(step.call, ConnectorCall)
    assert step.call.fields["status"] == "USER_DISABLED"
    (step,) = planned()
    assert step.reason == "not there"


def test_the_time_of_a_pause_is_known_by_the_connector_or_by_the_project_of_one_that_up_made() -> None:
    assert paused_at({f"{DT_PROJECT}/dc1": SINCE, f"{DT_PROJECT}/new": "later"}, DT_PROJECT, "dc1") == SINCE
    assert paused_at({f"{DT_PROJECT}/new": SINCE}, DT_PROJECT, "dc1") == SINCE
    assert paused_at({f"{DT_PROJECT}/dc2": SINCE, "another/dc1": SINCE, "another/new": SINCE}, DT_PROJECT, "dc1") == ""


@pytest.mark.parametrize(
    ("paused_since", "words"),
    [
        (
            {f"{DT_PROJECT}/dc1": SINCE},
            f" since {SINCE}, and stays so: DT sends nothing until `python -m deploy resume`",
        ),
        (
            {},
            ", and stays so: DT sends nothing until it is enabled in DT Studio, or by `python -m deploy resume --all`",
        ),
    ],
)
def test_a_paused_connector_is_kept_with_what_it_waits_for(paused_since: dict[str, str], words: str) -> None:
    found = (connector(status="USER_DISABLED"),)
    (step,) = plan_connector(spec(), DT_PROJECT, found, URL, paused_since=paused_since)
    assert (step.action, step.reason) == ("keep", f"dc1 is paused (USER_DISABLED){words}")


@pytest.mark.parametrize(
    ("settings", "reaches"),
    [
        ({}, True),
        ({"url": "https://europe-west1-cold-chain-prod.cloudfunctions.net/dt-pubsub/in"}, True),
        ({"url": "https://dt-pubsub-123456789012.europe-west1.run.app"}, True),
        ({"url": "https://example.com/"}, False),
        ({"type": "GOOGLE_CLOUD_PUBSUB"}, False),
    ],
)
def test_a_connector_that_pushes_may_reach_the_function_by_each_of_its_addresses(
    settings: dict[str, Any],
    reaches: bool,  # noqa: FBT001  # a column of the table
) -> None:
    assert may_reach(connector(**settings), spec(), URL) is reaches


@pytest.mark.parametrize(
    ("url", "at", "why"),
    [
        (
            URL,
            URL,
            "points at this function, too, but may not be this deployment's: left alone, so events may arrive twice",
        ),
        (
            "https://dt-pubsub-0000000000-ew.a.run.app",
            "",
            (
                "points at a function of this name, and its owner can no longer be determined: left alone. "
                "If it is this deployment's, delete it in DT Studio"
            ),
        ),
        (
            "https://dt-pubsub-123456789012.europe-west1.run.app",
            URL,
            (
                "points at an address with a project's number: if that is this project's, it is the function's other "
                "address, and events arrive twice. It is left alone"
            ),
        ),
    ],
)
def test_a_connector_that_resembles_ours_is_kept_and_the_reason_says_how(url: str, at: str, why: str) -> None:
    similar = connector(2, display_name="Fridges", url=url, signs_with="unknown")
    kept = planned(connector(), similar, url=at)[-1]
    assert (kept.action, kept.resource) == ("keep", f"connector in {DT_PROJECT}, dc2")
    assert kept.reason == f"'Fridges' {why}"


def test_a_secret_that_dt_does_not_show_is_sent_again_only_after_a_new_one_was_made() -> None:
    hidden = connector(signs_with="unknown")
    assert [step.action for step in planned(hidden)] == ["keep"]
    assert [step.action for step in planned(hidden, new_secret=True)] == ["update"]
    assert [step.action for step in plan_connector(spec(), DT_PROJECT, (hidden,), URL)] == ["keep"]


def test_a_secret_that_dt_does_not_show_is_mentioned() -> None:
    (step,) = planned(connector(signs_with="unknown"))
    unseen = "DT does not show its secret, so it cannot be compared; python -m deploy verify checks it"
    assert step.reason == f"dc1 is ACTIVE; {unseen}"
    (step,) = planned(connector())
    assert step.reason == "dc1 is ACTIVE"


def test_the_connector_with_our_secret_stays_and_a_second_is_deleted_only_if_it_may_be_ours() -> None:
    older, newer = connector(1, signs_with="unknown"), connector(2)
    kept, deleted = planned(older, newer)
    assert (kept.action, deleted.call) == ("keep", ConnectorCall("DELETE", DT_PROJECT, "dc1"))
    assert deleted.reason == "a second one for the same function: every event would arrive twice"
    other_secret = connector(1, signs_with="another")
    assert owned_by(spec(), (other_secret, newer), URL) == (newer,)


def test_of_two_connectors_with_our_secret_the_one_with_our_name_stays_and_of_two_with_both_the_oldest() -> None:
    renamed, named = connector(1, display_name="Fridges"), connector(2)
    assert owned_by(spec(), (renamed, named), URL) == (named,)
    assert owned_by(spec(), (connector(3), named), URL) == (named, connector(3))


@pytest.mark.parametrize(
    ("found", "is_known"),
    [
        ((), True),
        ((connector(),), True),
        ((connector(display_name="Fridges"),), False),
        ((connector(type="GOOGLE_CLOUD_PUBSUB"),), False),
    ],
)
def test_names_suffice_if_they_show_the_owner_of_every_connector(
    found: tuple[Connector, ...],
    is_known: bool,  # noqa: FBT001  # a column of the table
) -> None:
    assert names_suffice(spec(), found, URL) is is_known


def test_a_removal_deletes_our_connectors_and_keeps_those_to_a_foreign_function() -> None:
    theirs = connector(2, url="https://theirs.example.com/")
    steps = remove_connector(spec(), DT_PROJECT, (connector(1), theirs), URL, foreign_url=theirs.url)
    assert [(step.action, step.resource) for step in steps] == [
        ("delete", f"connector in {DT_PROJECT}"),
        ("keep", f"connector in {DT_PROJECT}, dc2"),
    ]
    assert [step.reason for step in remove_connector(spec(), DT_PROJECT, (), URL)] == ["is not there"]


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("https://dt-pubsub-0000000000-ew.a.run.app", True),
        ("https://us-east1-cold-chain-prod.cloudfunctions.net/dt-pubsub", True),
        ("https://us-east1-cold-chain-prod.cloudfunctions.net/dt-pubsub-2", False),
        ("https://other-pubsub-0000000000-ew.a.run.app", False),
        ("https://dt-pubsub-1.example.com", False),
        ("https://example.com/dt-pubsub", False),
    ],
)
def test_a_second_connector_with_our_name_is_ours_if_it_points_at_an_earlier_function_of_this_name(
    url: str,
    is_ours: bool,  # noqa: FBT001  # a column of the table
) -> None:
    earlier, newer = connector(1, url=url, signs_with="unknown"), connector(2, display_name="Fridges")
    assert owned_by(spec(), (earlier, newer), URL) == ((newer, earlier) if is_ours else (newer,))


def test_a_removal_says_whose_the_connectors_are_that_it_deletes_and_keeps() -> None:
    theirs = connector(2, url="https://theirs.example.com/")
    deleted, kept = remove_connector(spec(), DT_PROJECT, (connector(1), theirs), URL, foreign_url=theirs.url)
    assert deleted.call == ConnectorCall("DELETE", DT_PROJECT, "dc1")
    assert deleted.reason == "dc1 is this deployment's"
    assert kept.reason == (
        f"'{OUR_NAME}' posts to a function that does not have the label dt-pubsub=dt-pubsub: left alone, as the "
        "function is"
    )


def test_a_removal_without_a_connector_of_ours_says_so_under_the_connectors_id() -> None:
    (step,) = remove_connector(spec(), DT_PROJECT, (), URL)
    assert (step.action, step.id, step.reason) == ("keep", connector_id(DT_PROJECT), "is not there")


def test_a_connector_gets_the_url_of_a_function_that_does_not_exist_yet() -> None:
    (step,) = planned(connector(), url="")
    assert step.reason == f"url {URL} -> <the function's URL>"


@pytest.mark.parametrize("count", [MAX_PER_PROJECT - 1, MAX_PER_PROJECT, MAX_PER_PROJECT + 1])
def test_a_full_project_has_no_room_for_a_new_connector_and_keeps_ours(count: int) -> None:
    others = tuple(Connector(f"dc{number}", url="https://example.com/") for number in range(count))
    if count == MAX_PER_PROJECT:
        with pytest.raises(DeployError, match="has 10 Data Connectors, and DT allows 10: there is no room") as full:
            check_room(spec(), DT_PROJECT, others, URL)
        assert full.value.where == f"DT project {DT_PROJECT}"
        assert full.value.fix[0].startswith("delete one in DT Studio, API Integrations > Data Connectors")
    else:
        check_room(spec(), DT_PROJECT, others, URL)
    check_room(spec(), DT_PROJECT, (*others[1:], connector()), URL)


def test_devices_of_proofs_are_deleted_from_the_project_they_are_in() -> None:
    (step,) = remove_devices(DT_PROJECT, ["emu1"])
    assert (step.resource, step.call) == ("emulated device emu1", DeviceRemoval(DT_PROJECT, "emu1"))
    assert (step.action, step.reason) == ("delete", "left by a proof that was interrupted")


def test_labels_of_the_spec_override_those_of_the_attributes() -> None:
    settings = {"LABEL_ATTRIBUTES": "room"}
    assert labels_wanted(spec()) is None
    assert labels_wanted(spec(settings=settings)) == ("room",)
    assert labels_wanted(spec(settings=settings, connector_labels=("floor",))) == ("floor",)


def test_the_default_name_holds_project_and_deployment() -> None:
    assert f"Google Pub/Sub {PROJECT}/dt-pubsub" == OUR_NAME
