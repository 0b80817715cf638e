"""docs/subscriptions.md: every recipe is planned and made, every command is right, every filter can match."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.settings import read_spec
from deploy.cli.subscription_filter import check_filter
from deploy.cli.subscriptions import KEYS
from deploy.resources.further_subscription import ATTEMPTS, RETRY_FLAGS, further_subscriptions
from deploy.spec import Spec, SubscriptionSettings
from deploy.steps import GcloudCall
from deploy.times import seconds
from deploy.verbs.exit_codes import NOTHING_TO_DO
from function.event import parse_body, read_envelope
from function.message import event_message
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage, spec
from tests.emulators.events import encode
from tests.function.builders import event, settings, verified
from tests.repository.gcloud_lint import GCLOUD, refused

PAGE = (Path(__file__).parents[2] / "docs" / "subscriptions.md").read_text("utf-8")
RECIPES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if "gcloud" in line
]
TABLES: dict[str, list[list[str]]] = {}
for head, *rows in (block.splitlines() for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)):
    TABLES[head.strip("| ").split(" | ")[0]] = [row.strip("| ").split(" | ") for row in rows[1:]]
NUMBER = "123456789012"


def settings_of(recipe: str, folder: Path) -> Spec:
    head = f'project = "{PROJECT}"\nregion = "europe-west1"\ndt_projects = ["c0md3pm0p7bet3vico8g"]\n'
    (folder / "deploy.toml").write_text(head + recipe, "utf-8")
    return read_spec({}, {}, folder)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.split('"')[1])
def test_up_makes_what_a_recipe_describes_without_a_doubt(recipe: str, tmp_path: Path) -> None:
    read = settings_of(recipe, tmp_path)
    changes: dict[str, Any] = {"subscriptions": read.subscriptions, "settings": read.settings}
    stage = Stage()
    assert stage.deployment(**changes).up(verify=False) == NOTHING_TO_DO
    assert stage.deployment(**changes).plan() == NOTHING_TO_DO
    assert ("subscriptions", read.subscriptions[0].name) in stage.google.things
    assert read.doubts == ()


def test_the_table_of_settings_has_every_key() -> None:
    assert [row[0].strip("`") for row in TABLES["key"]] == list(KEYS)


@pytest.mark.parametrize(
    "text", [*(row[0].strip("`") for row in TABLES["filter"]), *re.findall(r"`(attributes:deviceType AND .*?)`", PAGE)]
)
def test_the_filters_of_the_page_can_match(text: str) -> None:
    checked = check_filter(text, "main", spec(settings={"LABEL_ATTRIBUTES": "floor"}))
    assert (checked.faults, checked.doubts) == ((), ())


def test_the_commands_by_hand_are_those_of_the_plan(tmp_path: Path) -> None:
    (alarms,) = [recipe for recipe in RECIPES if 'name = "alarms"' in recipe]
    stage = Stage()
    stage.deployment().up(verify=False)
    stage.deployment(subscriptions=settings_of(alarms, tmp_path).subscriptions).plan()
    planned = {
        line.strip().replace(f" --labels=dt-pubsub={spec().name}", "").replace(PROJECT, "my-project")
        for line in stage.shown.splitlines()
        if "alarms" in line or " beta " in line
    }
    by_hand = [line.replace("NUMBER", NUMBER) for line in COMMANDS if "NUMBER" in line or " create " in line]
    assert len(by_hand) == 6
    assert set(by_hand) <= planned


def changed(found: dict[str, Any], **wanted: Any) -> str:
    """Return the command that changes the subscription ``alarms``."""
    subscription = SubscriptionSettings("alarms", **wanted)
    (further,) = further_subscriptions(spec(subscriptions=(subscription,)))
    there = {"topic": f"projects/{PROJECT}/topics/dt-events", "labels": {"dt-pubsub": "dt-pubsub"}, **found}
    (step,) = further.plan({"subscription": there})
    assert isinstance(step.call, GcloudCall)
    return step.call.line()


@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="no gcloud on this machine")
def test_gcloud_knows_every_command_of_the_page_and_of_a_change(tmp_path: Path) -> None:
    account = "a@p.iam.gserviceaccount.com"
    push = {"push": "https://e.com/", "service_account": account, "audience": "a", "no_wrapper": True}
    changes = [
        changed({}, dead_letter="lost", exactly_once=True, ack_deadline="60s", retention="1d"),
        changed({}, **push),
        changed(
            {
                "pushConfig": {"pushEndpoint": "https://e.com/"},
                "deadLetterPolicy": {"deadLetterTopic": "projects/p/topics/lost"},
                "enableExactlyOnceDelivery": True,
            },
            push="",
            dead_letter="",
            exactly_once=False,
        ),
    ]
    assert len(COMMANDS) == 9
    no_empty_value = [line.replace("--push-endpoint= ", "--push-endpoint=x ") for line in changes]  # gcloud takes it
    assert refused([*COMMANDS, *no_empty_value], tmp_path) == []


def test_the_time_until_a_message_is_a_dead_letter_follows_from_attempts_and_pauses() -> None:
    shortest, longest = (seconds(flag.partition("=")[2]) for flag in RETRY_FLAGS)
    pauses = [min(shortest * 2**number, longest) for number in range(ATTEMPTS - 1)]
    assert f"tries {ATTEMPTS} times, with pauses from {shortest} seconds to {longest // 60} minutes" in PAGE
    assert sum(pauses) // 3600 == 2
    assert "which takes two hours" in PAGE


def test_the_receiver_of_cloud_events_is_shown_with_the_version_that_it_is_tested_with() -> None:
    (installed,) = re.findall(r'pip install "cloudevents==(.*)"', PAGE)
    assert installed == version("cloudevents")


def test_the_receiver_of_cloud_events_prints_a_push(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # the page's own code
    sent = event("touch")
    data = encode(sent)
    message = event_message(verified(data), read_envelope(parse_body(data)), None, settings(CLOUDEVENTS="true"))
    names["receive"](dict(message.attributes), message.data)
    device = sent["metadata"]["deviceId"]
    assert capsys.readouterr().out.startswith(f"{device} com.disruptive-technologies.touch {{'touch':")
