"""What ``up`` and ``status --links`` say at their end."""

import re
import shlex
from pathlib import Path

import pytest

from deploy.cli.parser import parse
from deploy.cli.settings import read_spec
from deploy.commands import read_events, verb_on
from deploy.next_steps import BIGQUERY_BEYOND, BIGQUERY_COST, COST, next_steps
from deploy.spec import Alerts, Spec, Warehouse
from deploy.verbs import USAGES
from deploy.verbs.orientation import ALERT_FLAGS
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

ROOT = Path(__file__).parents[2]
CHANNEL = f"projects/{PROJECT}/notificationChannels/1"


def test_the_cost_is_that_of_the_cost_page() -> None:
    page = (ROOT / "docs" / "cost.md").read_text("utf-8")
    opening = page.split("\n\n")[1]
    assert re.findall(r"\$[\d,]+", COST) == re.findall(r"\$[\d,]+", opening)
    assert [re.search(rf"{sensors} sensors", opening) is not None for sensors in ("thousand", "100,000")] == [True] * 2
    assert "docs/cost.md" in COST


@pytest.mark.parametrize(("cost", "beside"), [("about $5 a month", BIGQUERY_BEYOND), ("", BIGQUERY_COST)])
def test_what_is_written_into_bigquery_is_not_named_again_beside_a_known_cost(cost: str, beside: str) -> None:
    steps = next_steps(spec(bigquery=Warehouse("sensors")), {}, cost=cost)
    assert [line.strip() for line in steps.lines() if "BigQuery" in line][-1] == beside
    assert steps.as_json()["bigquery"]["cost"] == beside
    assert "with BigQuery" not in BIGQUERY_BEYOND


def test_the_commands_read_and_watch_the_subscription_of_the_deployment_without_acknowledging() -> None:
    steps = next_steps(spec(name="site2-pubsub"), {})
    pull = "gcloud pubsub subscriptions pull site2-events"
    assert steps.read.startswith(f'{pull} --limit=1 --project={PROJECT} --format="value(message.attributes.eventType, ')
    assert steps.watch == f"python -m deploy follow --project={PROJECT} --name=site2-pubsub"
    assert "ack" not in steps.read


def test_the_pull_commands_of_the_pages_are_the_one_that_up_shows() -> None:
    ours = read_events(Spec("my-project", "europe-west1"), limit=10)
    assert f"\n{ours}\n" in (ROOT / "README.md").read_text("utf-8")
    assert f"\n{ours}\n" in (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    assert f"\n{ours.replace('my-project', '$PROJECT')}\n" in (ROOT / "docs" / "by-hand.md").read_text("utf-8")


@pytest.mark.parametrize("verb", ["plan", "down", "verify", "status"])
def test_a_shown_verb_names_the_same_deployment_when_it_is_typed(verb: str, tmp_path: Path) -> None:
    ours = spec(name="site2-pubsub", dt_projects=(DT_PROJECT, "second"), connector_name="Fridges of Bob's")
    words = shlex.split(verb_on(verb, ours, ours.dt_projects))[3:]
    read = read_spec(vars(parse(words, USAGES)), {"DEPLOY_NAME": "another-name"}, tmp_path)
    identity = ("google_project", "region", "name", "dt_projects", "connector_name")
    assert [getattr(read, key) for key in identity] == [getattr(ours, key) for key in identity]


def test_every_line_has_a_heading_of_one_width() -> None:
    lines = next_steps(spec(), {DT_PROJECT: ["c"]}).lines()
    width = lines[0].index("subscription dt-events")
    assert [line[width - 2 : width] for line in lines] == ["  "] * len(lines)


def test_the_line_that_keeps_the_alerts_is_read_as_the_same_setting(tmp_path: Path) -> None:
    wanted = Alerts(emails=("a@example.com", "b@example.com"), channels=(CHANNEL,))
    line = next_steps(spec(alerts=wanted), {}, alerts_are_typed=True).alerts.partition("as they are: ")[2]
    named = f'project = "{PROJECT}"\nregion = "europe-west1"\ndt_projects = ["{DT_PROJECT}"]\n'
    (tmp_path / "deploy.toml").write_text(f"{named}{line}\n", "utf-8")
    read = read_spec(vars(parse(["up"], USAGES)), {}, tmp_path).alerts
    assert (read.emails, read.channels) == (wanted.emails, wanted.channels)


def test_the_flags_that_turn_alerts_on_are_those_of_the_parser() -> None:
    typed = vars(parse(["up", "--alert-email=a@example.com", f"--alert-channel={CHANNEL}"], USAGES))
    assert all(typed[name] for name in ALERT_FLAGS)
