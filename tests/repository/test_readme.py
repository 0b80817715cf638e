"""The tables, commands, paths and prices of the documentation are those of the code."""

import dataclasses
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import function
from deploy.resources.catalog import of_alerts, resources, services
from deploy.resources.connector import plan_connector
from deploy.spec import FUNCTION_DEFAULTS, Alerts, CostSettings, Spec, SubscriptionSettings, Warehouse, amount
from function.outcomes import BY_ERROR, BY_ERROR_WITH_ORIGIN, DELIVERED, INTERNAL
from function.secret_source import REREAD_AFTER_S
from function.settings import Settings
from tests.deploy.stage import Stage
from tests.function.builders import SECRET, known_settings
from tests.repository.gcloud_lint import GCLOUD, refused

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("*/*.md"))]
README = (ROOT / "README.md").read_text("utf-8")
REFERENCE = (DOCS / "reference.md").read_text("utf-8")
COST = (DOCS / "cost.md").read_text("utf-8")
BY_HAND = (DOCS / "by-hand.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
REQUIRED = {
    "PUBSUB_TOPIC": "projects/p/topics/events",
    "PUBSUB_REJECTED_TOPIC": "projects/p/topics/rejected",
    "DT_SIGNATURE_SECRET": SECRET,
}
"""The smallest set of valid settings."""


def table(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading of a page, without its head."""
    section = re.split(r"\n##+ ", page.split(f"# {heading}\n", 1)[1], maxsplit=1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


SETTINGS, ANSWERS = table(REFERENCE, "Settings"), table(REFERENCE, "Answers")
MADE = table(COST, "What it makes, and what that costs")


def commands(page: str, heading: str) -> Iterator[str]:
    """Return the shell commands under a heading of a page, one for each line of its blocks."""
    section = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL):
        yield from (line for line in block.splitlines() if line and not line.startswith("#"))


def test_the_table_of_settings_names_every_variable_that_is_read_and_no_other() -> None:
    assert {row[0].strip("`") for row in SETTINGS} == known_settings()


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row[0].strip("`"))
def test_setting_the_documented_default_changes_nothing(row: list[str]) -> None:
    name, default = row[0].strip("`"), row[1]
    if not default.startswith("`"):
        assert default in {"required", "–", "all", "none", "DT's production"}
        return

    given = Settings.from_environ({**REQUIRED, name: default.strip("`")})

    assert given == Settings.from_environ(REQUIRED)


def reasons(row: list[str]) -> list[str]:
    """Return the reasons of a row of the table of answers; of an event that was delivered, the empty one."""
    return re.findall("`([^`]+)`", row[5]) or [""]


def test_the_table_of_answers_is_the_decision_table_of_the_code() -> None:
    documented = {(reason, int(row[2]), row[4]) for row in ANSWERS for reason in reasons(row) if reason}
    outcomes = [*BY_ERROR.values(), *BY_ERROR_WITH_ORIGIN.values(), INTERNAL]
    done = {(outcome.reason, outcome.status, outcome.severity) for outcome in outcomes}

    assert documented == done


def test_every_row_of_the_code_has_its_number_of_the_table() -> None:
    code = (ROOT / "function" / "outcomes.py").read_text("utf-8")
    numbered = {
        (int(number), reason)
        for reason, numbers in re.findall(r'Outcome\("(\w*)".*\)[^#\n]*  # ([\d, ]+)$', code, re.MULTILINE)
        for number in numbers.split(",")
    }

    assert numbered == {(int(row[0]), reason) for row in ANSWERS for reason in reasons(row)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_of_the_project_works(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_heading_works(page: Path) -> None:
    for link, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", page.read_text("utf-8")):
        assert anchor in anchors((page.parent / link) if link else page), f"{link}#{anchor}"


def test_the_readme_can_be_read_in_ten_minutes() -> None:
    assert len(README.splitlines()) <= 130


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\((?!https?://)([^)#]+)", index)}
    of_runbook = {page for page in PAGES if page.parent.name == "runbook" and page.stem != "README"}
    assert linked == {*PAGES} - {DOCS / "README.md"} - of_runbook


def test_exactly_the_rows_with_200_go_to_a_topic() -> None:
    for row in ANSWERS:
        assert (row[2] == "200") == (row[3] in {"events", "rejected"}), row


def test_rows_that_go_to_the_main_topic_have_no_reason() -> None:
    rows = [row for row in ANSWERS if row[3] == "events"]

    assert {row[5] for row in rows} == {"–"}
    assert DELIVERED.reason == ""


def test_every_path_in_where_things_are_exists() -> None:
    for row in table(CONTRIBUTING, "Where things are"):
        assert (ROOT / row[0].strip("`")).exists(), row[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_in_the_documentation_exists(page: Path) -> None:
    if page.name == "CHANGELOG.md":  # it names files that may no longer exist
        return
    for path in re.findall(r"`((?:function|deploy|tests|docs)/[\w./-]*)`", page.read_text("utf-8")):
        assert (ROOT / path).exists() or "/." in path, path  # files that make makes are hidden


def test_every_module_that_the_architecture_names_exists() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    for package, heading in (
        ("function", "An event's way through `function/`"),
        ("deploy", "A verb's way through `deploy/`"),
    ):
        column = 1
        for row in table(page, heading):
            for module in re.findall(r"`([a-z_/]+)`", row[column]):
                path = ROOT / package / (module if module.endswith("/") else f"{module}.py")
                assert path.exists(), path


def test_the_documented_modules_with_side_effects_are_those_of_the_code() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    documented = re.search(r"^Only (.*) touch the outside world", page, re.MULTILINE)
    assert documented
    rows = re.findall(r"^``(\w+)`` .*  (\S.*)$", function.__doc__ or "", re.MULTILINE)
    assert len(rows) > 20
    inside = {"nothing", "threads", "Python's loggers"}
    assert set(re.findall(r"`(\w+)`", documented[1])) == {module for module, touches in rows if touches not in inside}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_command_is_a_target_of_the_makefile(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"[`\n]make ([a-z][a-z-]*)", page.read_text("utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_target_of_the_makefile_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert targets <= set(re.findall(r"make ([a-z-]+)", README + CONTRIBUTING))


def test_the_help_of_make_fits_80_columns() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert "  make run " in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_the_readme_shows_the_summary_of_the_first_plan() -> None:
    stage = Stage()
    stage.deployment().plan()
    (summary,) = re.findall(r"^\d+ to create, .*$", README, re.MULTILINE)
    assert summary in stage.shown


def test_the_cost_table_lists_every_resource_and_the_connector() -> None:
    further = SubscriptionSettings("alarms", dead_letter="alarms-dead-letter")
    alerts, bigquery = Alerts(emails=("ops@example.com",)), Warehouse("sensors")
    cost = CostSettings(request_logs="errors", billing="instance")
    spec = Spec("my-project", "europe-west1", alerts=alerts, bigquery=bigquery, cost=cost, subscriptions=(further,))
    listed = [name for row in MADE for name in re.findall(r"`([^`]+)`", row[0])]

    (connector,) = plan_connector(spec, "PROJECT", (), "")
    assert sorted(listed) == sorted(
        [*(resource.title for resource in (*resources(spec), *of_alerts(spec))), connector.resource]
    )
    assert all(len(row) == 3 and all(row) for row in MADE)


def test_the_cost_of_an_idle_instance_follows_from_the_defaults() -> None:
    gib = amount(FUNCTION_DEFAULTS["memory"]) / 2**30
    dollars = 30 * 86_400 * (float(FUNCTION_DEFAULTS["cpu"]) + gib) * 0.0000025
    reads = 30 * 86_400 / REREAD_AFTER_S

    assert f"${dollars:.2f}: 30 × 86,400 s × (1 vCPU + {gib:g} GiB) × $0.0000025" in COST
    assert FUNCTION_DEFAULTS["min_instances"] == "0"
    assert f"{reads:,.0f} times a month" in COST
    assert f"${(reads - 10_000) / 10_000 * 0.03:.2f}" in COST


def test_the_documented_number_of_apis_is_that_of_the_code() -> None:
    documented = next(row[1] for row in MADE if row[0] == "`APIs`")
    assert documented.startswith(f"enables {('six', 'seven', 'eight')[len(services(exclusion=True)) - 6]} Google APIs")


def test_the_table_has_as_many_settings_as_the_code() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}

    assert len(fields) == len(SETTINGS)


@pytest.mark.timeout(120)
@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="no gcloud on this machine")
@pytest.mark.parametrize(("heading", "count"), [("Google's side", 11), ("URL and secret", 2), ("Remove it", 7)])
def test_gcloud_knows_every_flag_of_the_commands_to_deploy_with(heading: str, count: int, tmp_path: Path) -> None:
    listed = []
    for line in commands(BY_HAND, heading):
        command = line
        for name, value in {"PROJECT": "my-project", "REGION": "europe-west1", "RUNTIME": "a@b.example"}.items():
            command = command.replace(f"${name}", value)
        if "gcloud " in command:
            listed.append(command[command.index("gcloud ") :].removesuffix(')"'))
    assert len(listed) == count

    assert refused(listed, tmp_path) == []


@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="no gcloud on this machine")
def test_a_plain_gcloud_deploy_uploads_the_function_and_nothing_else(tmp_path: Path) -> None:
    listed = subprocess.run(
        [GCLOUD, "meta", "list-files-for-upload"],
        env={"PATH": "/usr/bin:/bin", "CLOUDSDK_CONFIG": str(tmp_path), "HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )

    modules = {module.relative_to(ROOT).as_posix() for module in (ROOT / "function").rglob("*.py")}
    assert set(listed.stdout.split()) == {"main.py", "requirements.txt", *modules}
