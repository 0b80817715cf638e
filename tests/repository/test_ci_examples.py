"""The workflows in docs/examples/ci: linters accept them, their scripts do what docs/ci.md says, no secret is shown."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from deploy.errors import DeployError
from deploy.report import Report
from tests.deploy.stage import Stage
from tests.repository.gcloud_lint import GCLOUD, refused
from tests.repository.test_shells import blocks

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples/ci"
PAGE = (ROOT / "docs/ci.md").read_text("utf-8")
BIN = Path(sys.executable).parent
SCHEMAS = {"github-actions.yml": "vendor.github-workflows", "cloudbuild.yaml": "vendor.cloudbuild"}
WORKFLOW: dict[str, Any] = YAML(typ="safe").load((EXAMPLES / "github-actions.yml").read_text("utf-8"))
BUILD: dict[str, Any] = YAML(typ="safe").load((EXAMPLES / "cloudbuild.yaml").read_text("utf-8"))
DT_LOGIN = {
    "DT_SERVICE_ACCOUNT_KEY_ID": "the-key-id",
    "DT_SERVICE_ACCOUNT_SECRET": "the-dt-secret",
    "DT_SERVICE_ACCOUNT_EMAIL": "the-email",
}
BUILD_STEPS = {step["id"]: step for step in BUILD["steps"]}
SCRIPTS = {
    **{
        f"{name}-{number}": "#!/usr/bin/env bash\n" + step["run"]
        for name, job in WORKFLOW["jobs"].items()
        for number, step in enumerate(job["steps"])
        if "run" in step
    },
    **{name: step["script"] for name, step in BUILD_STEPS.items()},
}
"""All scripts of both examples."""

STAND_IN = """#!/bin/sh
printf '%s\\n' "${0##*/} $*" >>"$RECORD"
case "$*" in
  *"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *"-m deploy "*) cat "$REPORT"; exit "$STATUS" ;;
  *summary.py*) exec "$PYTHON" "$@" ;;
  "builds list"*) head -n 1 "$BUILDS"; sed -i 1d "$BUILDS" ;;
esac
"""
"""Stands in for all programs that the scripts start: records them, and answers as ``python -m deploy`` and gcloud."""


@dataclass(frozen=True)
class Ran:
    """What a script did: its exit status, what it showed, and the programs that it started."""

    status: int
    shown: str
    started: tuple[str, ...]


def run(script: str, folder: Path, report: Mapping[str, Any], status: int, **environ: str) -> Ran:
    """Run a script as its CI does, with stand-ins for all programs."""
    bins = folder / "bin"
    bins.mkdir()
    for name in ("python", "python3", "gcloud", "apt-get", "sleep"):
        (bins / name).write_text(STAND_IN, "utf-8")
        (bins / name).chmod(0o755)
    (folder / "report").write_text(json.dumps(report), "utf-8")
    (folder / "tmp").mkdir()
    if "-m venv" not in script:
        (folder / "venv/bin").mkdir(parents=True)
        shutil.copy(bins / "python", folder / "venv/bin/python")
    places = {"RECORD": "record", "REPORT": "report", "GITHUB_STEP_SUMMARY": "summary", "BUILDS": "builds"}
    given = {
        "PATH": f"{bins}:/usr/bin:/bin",
        "PYTHON": sys.executable,
        "STATUS": str(status),
        "RUNNER_TEMP": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder),
        **{name: str(folder / place) for name, place in places.items()},
        **environ,
    }
    line = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(line, cwd=ROOT, env=given, capture_output=True, text=True, timeout=60, check=False)
    summary = folder / "summary"
    shown = done.stdout + done.stderr + (summary.read_text("utf-8") if summary.exists() else "")
    record = folder / "record"
    started = tuple(record.read_text("utf-8").splitlines()) if record.exists() else ()
    return Ran(done.returncode, shown, started)


def planned() -> tuple[dict[str, Any], str]:
    """Return the report of a first plan, and its signature secret, which may not be shown."""
    stage = Stage()
    stage.deployment(in_json=True).run("up", verify=False)
    return stage.report.as_json(), stage.secret()


def github(job: str) -> dict[str, Any]:
    """Return the last step of a job, which runs ``python -m deploy``."""
    step: dict[str, Any] = WORKFLOW["jobs"][job]["steps"][-1]
    return step


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_example_has_the_structure_that_its_ci_accepts(name: str) -> None:
    line = [str(BIN / "check-jsonschema"), "--builtin-schema", SCHEMAS[name], str(EXAMPLES / name)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("name", "key"), [("github-actions.yml", "runs-on:"), ("cloudbuild.yaml", "secretEnv:")])
def test_a_misspelt_key_of_an_example_is_found(name: str, key: str, tmp_path: Path) -> None:
    broken = tmp_path / name
    broken.write_text((EXAMPLES / name).read_text("utf-8").replace(key, f"x{key}"), "utf-8")
    line = [str(BIN / "check-jsonschema"), "--builtin-schema", SCHEMAS[name], str(broken)]
    assert subprocess.run(line, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_nothing_in_a_script(name: str) -> None:
    line = [str(BIN / "shellcheck"), "--severity=style", "-"]
    done = subprocess.run(line, input=SCRIPTS[name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_action_is_pinned_by_the_hash_of_a_commit_with_its_release_beside_it() -> None:
    lines = [line for line in (EXAMPLES / "github-actions.yml").read_text("utf-8").splitlines() if "uses:" in line]
    assert len(lines) == 8
    for line in lines:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", line), line


def test_every_job_asks_for_the_source_and_an_identity_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {}
    for job in WORKFLOW["jobs"].values():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        (checkout,) = (step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@"))
        assert checkout["with"] == {"persist-credentials": False}
    text = (EXAMPLES / "github-actions.yml").read_text("utf-8")
    assert "pull_request_target" not in text
    assert "credentials_json" not in text


def test_only_the_step_that_deploys_gets_the_login_at_dt() -> None:
    for name, job in WORKFLOW["jobs"].items():
        *others, last = job["steps"]
        assert "secrets." not in json.dumps([others, {key: job[key] for key in job if key != "steps"}])
        assert last["env"] == {variable: f"${{{{ secrets.{variable} }}}}" for variable in DT_LOGIN}
        assert f"python -m deploy {name} " in last["run"]
    assert [name for name, step in BUILD_STEPS.items() if "secretEnv" in step] == ["deploy"]
    in_manager = [entry["env"] for entry in BUILD["availableSecrets"]["secretManager"]]
    assert in_manager == BUILD_STEPS["deploy"]["secretEnv"] == list(DT_LOGIN)


def test_two_ups_never_run_at_the_same_time_and_none_is_cancelled_for_a_plan() -> None:
    up, plan = (WORKFLOW["jobs"][name]["concurrency"] for name in ("up", "plan"))
    assert up == {"group": "dt-pubsub-up", "cancel-in-progress": False}
    assert plan["group"].startswith("dt-pubsub-plan-")


def test_a_pull_request_from_a_fork_gets_no_login() -> None:
    condition = WORKFLOW["jobs"]["plan"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition


@pytest.mark.parametrize(
    ("job", "status", "expected"),
    [("plan", 0, 0), ("plan", 2, 0), ("plan", 1, 1), ("plan", 130, 130), ("up", 0, 0), ("up", 1, 1), ("up", 2, 2)],
)
@pytest.mark.parametrize("ci", ["github", "cloudbuild"])
def test_a_plan_with_changes_is_no_failure_and_an_error_is(
    ci: str, job: str, status: int, expected: int, tmp_path: Path
) -> None:
    report, secret = planned()
    script = github(job)["run"] if ci == "github" else BUILD_STEPS["deploy"]["script"]
    ran = run(script, tmp_path, report, status, _VERB=job, **DT_LOGIN)

    assert ran.status == expected
    (command,) = (line.partition("-m deploy ")[2] for line in ran.started if "-m deploy " in line)
    assert command == {"plan": "plan --json", "up": "up --yes --json"}[job]
    assert "### dt-pubsub: 15 changes" in ran.shown
    assert "+ create  topic dt-events  not there" in ran.shown
    for hidden in (secret, *DT_LOGIN.values(), "gcloud "):
        assert hidden not in ran.shown


@pytest.mark.installs
def test_the_packages_are_installed_with_their_hashes_into_the_environment_that_deploys(tmp_path: Path) -> None:
    ran = run(BUILD_STEPS["packages"]["script"], tmp_path, {}, 0)
    assert ran.status == 0
    assert ran.started[-1] == "python -m pip install --quiet --no-deps --require-hashes -r deploy/requirements.txt"
    assert (tmp_path / "venv/bin/python").exists()


@pytest.mark.parametrize("job", ["plan", "up"])
@pytest.mark.parametrize("ci", ["github", "cloudbuild"])
def test_a_command_that_prints_no_report_fails(ci: str, job: str, tmp_path: Path) -> None:
    script = github(job)["run"] if ci == "github" else BUILD_STEPS["deploy"]["script"]
    ran = run(script.replace("--json >", "--json | head -c 0 >"), tmp_path, {}, 0, _VERB=job)
    assert ran.status == 1


def test_an_up_in_cloud_build_waits_for_the_older_one(tmp_path: Path) -> None:
    (tmp_path / "builds").write_text("older\nolder\nours\n", "utf-8")
    given = {"PROJECT_ID": "p", "LOCATION": "global", "TRIGGER_NAME": "dt-pubsub-up", "BUILD_ID": "ours"}
    ran = run(BUILD_STEPS["wait"]["script"], tmp_path, {}, 0, _VERB="up", **given)
    assert ran.status == 0
    assert [line.split()[0] for line in ran.started] == ["gcloud", "sleep", "gcloud", "sleep", "gcloud"]


def test_a_plan_in_cloud_build_waits_for_nothing(tmp_path: Path) -> None:
    ran = run(BUILD_STEPS["wait"]["script"], tmp_path, {}, 0, _VERB="plan")
    assert (ran.status, ran.started) == (0, ())


def summary(report: Report, folder: Path) -> str:
    """Return what the script prints for a report."""
    file = folder / "report.json"
    file.write_text(json.dumps(report.as_json()), "utf-8")
    line = [sys.executable, str(EXAMPLES / "summary.py"), str(file)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def test_the_summary_of_an_error_shows_what_where_and_the_fix(tmp_path: Path) -> None:
    report = Report(error=DeployError("is wrong", where="there", fix=["do this"]))
    assert summary(report, tmp_path) == "### dt-pubsub: failed\n\n    error: there: is wrong\n    hint: do this\n"


def test_a_plan_without_changes_says_so(tmp_path: Path) -> None:
    assert summary(Report(steps=[]), tmp_path) == "### dt-pubsub: nothing to change\n\n"


@pytest.mark.parametrize("name", ["`x`", "\n# a heading", "\r<img src=x>", "</code>\n\n[a](b)"])
def test_a_name_in_a_report_cannot_leave_the_code_block(name: str, tmp_path: Path) -> None:
    _, _, *lines = summary(Report(error=DeployError(name, where=name)), tmp_path).splitlines()
    assert lines
    assert all(line.startswith("    ") for line in lines)


def test_the_page_names_every_variable_secret_and_environment_of_the_workflow() -> None:
    text = (EXAMPLES / "github-actions.yml").read_text("utf-8")
    for name in re.findall(r"(?:secrets|vars)\.(\w+)", text):
        assert f"`{name}`" in PAGE
    for job in WORKFLOW["jobs"].values():
        assert f'repo:$REPOSITORY"":environment:{job["environment"]} ' in PAGE
        assert f"`{job['environment']}`" in PAGE
    for entry in BUILD["availableSecrets"]["secretManager"]:
        name = entry["versionName"].split("/")[3]
        assert f'getpass("{entry["env"]}: ")' in PAGE.partition(f"gcloud secrets create {name} ")[0].splitlines()[-1]


@pytest.mark.timeout(120)
@pytest.mark.real_gcloud
@pytest.mark.skipif(not GCLOUD, reason="no gcloud on this machine")
@pytest.mark.parametrize("page", ["ci.md", "deployer.md"])
def test_gcloud_knows_every_flag_of_the_commands(page: str, tmp_path: Path) -> None:
    text = blocks(ROOT / "docs" / page).replace("\\\n", "")
    values = {"PROJECT": "my-project", "NUMBER": "1", "REPOSITORY": "o/r", "DEPLOYER": "user:you@example.com"}
    for name, value in values.items():
        text = text.replace(f"${name}", value)
    lines = [line.removesuffix(')"') if line.startswith("export ") else line for line in text.splitlines()]
    listed = [line[line.index("gcloud ") :].replace('""', "") for line in lines if "gcloud " in line]
    assert len(listed) == {"ci.md": 14, "deployer.md": 5}[page]

    assert refused(listed, tmp_path) == []
