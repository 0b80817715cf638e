"""docs/runbook: a page for each alert and each finding, and every command on it does what it says.

The commands of ``python -m deploy`` are run here, on a deployment in memory, and the syntax of ``gcloud``'s is checked.
tests/real_gcloud/test_alerts.py runs these on a deployment in the offline clouds.
"""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.cli.parser import parse
from deploy.cli.settings import read_spec
from deploy.resources.alert_definitions import alerts_of
from deploy.resources.catalog import of_alerts, resources
from deploy.spec import ALERT_DEFAULTS, Alerts, Warehouse
from deploy.stages.source import ROOT, runbook
from deploy.verbs import USAGES, VERBS
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from function.log import Line
from function.outcomes import BY_ERROR, INTERNAL
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.proof.test_verifier import arriving
from tests.deploy.stage import Stage, spec
from tests.repository.gcloud_lint import GCLOUD, refused

FOLDER = ROOT / "docs" / "runbook"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.stem != "README")
INDEX = (FOLDER / "README.md").read_text("utf-8")
GUIDE = (ROOT / "docs" / "alerts.md").read_text("utf-8")
COST = (ROOT / "docs" / "cost.md").read_text("utf-8")
FINDINGS = (
    *(
        "connector-disabled",
        "connector-failing",
        "no-events",
        "missing-events",
        "backlog",
        "rejected",
        "unauthorized",
        "server-errors",
    ),
    "bigquery",
    *("clock", "checksum", "keys", "publish", "memory", "instances", "function-missing", "drift", "rotation"),
    "unreadable",
)
"""The names of the pages, which alerts and ``status`` name."""

WITH_BIGQUERY = spec(bigquery=Warehouse("sensors"))

TOML = """
project = "cold-chain-prod"
region = "europe-west1"
dt_projects = ["c0md3pm0p7bet3vico8g"]
"""


def commands(page: Path) -> list[str]:
    """Return the commands of a page, one for each line of its blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


COMMANDS = sorted({command for page in PAGES for command in commands(page)})
OURS = [command for command in COMMANDS if command.startswith("python -m deploy ")]
GOOGLES = [command for command in COMMANDS if "gcloud " in command]


def test_there_is_a_page_for_every_alert_and_every_finding_and_the_index_lists_each_once() -> None:
    assert {page.stem for page in PAGES} == set(FINDINGS)
    assert sorted(re.findall(r"\]\(([\w-]+)\.md\)", INDEX)) == sorted(FINDINGS)
    assert {page for alert in alerts_of(WITH_BIGQUERY) for page in alert.pages} <= set(FINDINGS)
    assert set(runbook()) == set(FINDINGS)


def test_the_index_names_the_pages_of_every_alert() -> None:
    for alert in alerts_of(WITH_BIGQUERY):
        named = {
            page
            for line in INDEX.splitlines()
            if line.startswith("| ") and f"`{alert.key}`" in line.split(" | ")[0]
            for page in re.findall(r"\]\(([\w-]+)\.md\)", line)
        }
        assert named == set(alert.pages) - {"connector-disabled"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_short_and_says_why_what_to_look_at_what_to_do_and_what_is_lost(page: Path) -> None:
    text = page.read_text("utf-8")
    assert len(text) < 2700
    marks = [
        text.index(f"**{word}") for word in ("Why.**", "Look at**", "Do this.**", "What is lost.**") if word in text
    ]
    assert len(marks) >= 3
    assert marks == sorted(marks)
    assert len(commands(page)) >= 2


def test_every_command_of_a_page_is_one_of_this_command_or_of_gcloud() -> None:
    assert set(COMMANDS) == {*OURS, *GOOGLES}
    assert len(OURS) >= 8
    assert len(GOOGLES) >= 20


@pytest.mark.parametrize("command", OURS)
def test_a_command_of_a_page_runs_on_a_deployment(command: str, tmp_path: Path) -> None:
    stage = Stage()
    for version in ("d0", "d1"):  # two revisions, so that there is one to go back to
        assert stage.deployment(digest=version).up(verify=False) == 0
    stage.dt.on_event = arriving(stage)
    stage.pubsub.has_subscription("dt-rejected")
    (tmp_path / "deploy.toml").write_text(TOML, "utf-8")
    flags = parse(shlex.split(command.replace("my-project", PROJECT))[3:], USAGES)
    flags.yes = True
    wanted = read_spec(vars(flags), {}, tmp_path, USAGES[flags.verb].mandatory)
    context = replace(stage.deployment().context, spec=replace(wanted, digest="d1", version="1.0.0"), flags=flags)
    assert VERBS[flags.verb].run(context) in {NOTHING_TO_DO, CHANGES}


@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="there is no gcloud here")
def test_gcloud_knows_every_command_and_flag_of_the_pages(tmp_path: Path) -> None:
    guide = re.findall(r"^gcloud .*$", GUIDE, re.MULTILINE)
    listed = [line[line.index("gcloud ") :] for line in (*GOOGLES, *guide)]
    assert refused(listed, tmp_path) == []


def test_the_queries_of_the_pages_name_fields_and_reasons_that_the_function_writes() -> None:
    fields = {field for field in Line.__struct_encode_fields__ if "/" not in field}
    reasons = {outcome.reason for outcome in (*BY_ERROR.values(), INTERNAL)}
    for command in GOOGLES:
        assert set(re.findall(r"jsonPayload\.(\w+)", command)) <= fields
        for listed in re.findall(r"jsonPayload\.reason=\(([^)]*)\)", command):
            assert set(re.findall('"([^"]+)"', listed)) <= reasons


def test_the_guide_lists_every_alert_with_its_settings_and_pages() -> None:
    rows = {row[0].strip("`| "): row for row in (line.split(" | ") for line in GUIDE.splitlines()) if len(row) == 4}
    for alert in alerts_of(WITH_BIGQUERY):
        _, _, settings, pages = rows[alert.key]
        assert set(re.findall(r"runbook/([\w-]+)\.md", pages)) == set(alert.pages) - {"connector-disabled"}
        assert set(re.findall(r"`(\w+)`", settings)) <= set(ALERT_DEFAULTS)
    named = {name for row in rows.values() for name in re.findall(r"`(\w+)`", row[2])}
    assert named == set(ALERT_DEFAULTS)


def test_the_cost_page_counts_the_policies_and_conditions_of_the_code() -> None:
    alerts = alerts_of(spec(alerts=Alerts(emails=("ops@example.com",))))
    conditions = sum(len(alert.body["conditions"]) for alert in alerts)
    words = {9: "nine", 10: "ten", 11: "eleven"}
    assert f"{words[conditions]} conditions in {words[len(alerts)]} policies: ${conditions * 0.10:.2f}" in COST
    assert f"only with alerts: {words[len(alerts)]} policies" in COST
    more = alerts_of(WITH_BIGQUERY)[-2]
    assert f"{len(more.body['conditions']) * 0.10:.2f} more with BigQuery" in COST


def test_alerts_are_in_the_table_of_what_a_deployment_makes() -> None:
    with_alerts = spec(alerts=Alerts(emails=("ops@example.com",)))
    for resource in of_alerts(with_alerts):
        assert f"`{resource.title}`" in COST
    assert not {resource.title for resource in resources(with_alerts)} & {
        resource.title for resource in of_alerts(with_alerts)
    }
