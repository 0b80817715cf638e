"""Changes of an existing deployment with the real gcloud. Every test has its own deployment."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.clients import FUNCTIONS, ask, done
from tests.real_gcloud.recordings import Recording
from tests.real_gcloud.user import REAL_GCLOUD, ROOT, User, ended

pytestmark = REAL_GCLOUD

FOREIGN_CONNECTORS = 150
"""More connectors than one page of DT's list has."""

PUBSUB = "https://pubsub.googleapis.com/v1/projects/demo-proj"
SECRET = "https://secretmanager.googleapis.com/v1/projects/demo-proj/secrets/dt-signature"
ACCOUNT = "https://iam.googleapis.com/v1/projects/demo-proj/serviceAccounts/dt-pubsub@demo-proj.iam.gserviceaccount.com"
INVOKERS = "https://run.googleapis.com/v1/projects/demo-proj/locations/europe-west1/services/dt-pubsub:setIamPolicy"
FUNCTION = f"{FUNCTIONS}/functions/dt-pubsub"
TWICE = """
from deploy.__main__ import main
raise SystemExit([main(["plan"]), main(["plan"])] != [0, 0])
"""


@pytest.fixture
def user(user: User, recording: Recording) -> User:
    """A user with a finished deployment, and many connectors of other owners."""
    user.both_clouds.dt.connectors.most_per_project = 2 * FOREIGN_CONNECTORS
    for number in range(FOREIGN_CONNECTORS // 2):
        _foreign_connector(user, number)
    recording.played(user.both_clouds)
    for number in range(FOREIGN_CONNECTORS // 2):
        _foreign_connector(user, number)
    assert len(user.connectors()) == FOREIGN_CONNECTORS + 1
    return user


def test_beside_more_connectors_than_a_page_holds_plans_in_one_process_are_all_empty(user: User) -> None:
    status, output = ended(user.starts_python("-c", TWICE))

    assert (status, output.count("nothing to do: everything is as it should be")) == (0, 2), output
    assert output.count("= keep    connector in ccol8iuk9smqiha4e8l0") == 2
    assert len(user.both_clouds.log.entries(method="GET", path="*/dataconnectors")) == 4
    assert user.changes() == []


def test_a_source_that_does_not_start_is_told_and_the_revision_before_it_goes_on_serving(
    user: User, tmp_path: Path
) -> None:
    for name, main in {"syntax": "def ingest(:\n", "start": "raise RuntimeError('no such table')\n"}.items():
        status, output = user.runs("up", "--yes", source=_clone(tmp_path / name, main))
        assert (status, "not done  function dt-pubsub" in output) == (1, True), output
        assert ("SyntaxError" if name == "syntax" else "RuntimeError: no such table") in output
        assert "fix: python -m deploy up" in output

        status, output = user.runs("verify")
        assert (status, "came through DT's connector as message" in output) == (0, True), output

    user.brings_up()


def test_drift_is_shown_and_fixed_and_what_nobody_mentioned_is_left_alone(user: User) -> None:
    _drift(user)

    status, output = user.runs("plan")
    pending = {line[10:].split("  ")[0] for line in output.splitlines() if line.startswith(("+ ", "~ ", "- "))}
    assert (status, pending) == (
        2,
        {
            "subscription dt-rejected",
            "service account dt-pubsub",
            "publisher on topic dt-events",
            "secret dt-signature, a version",
            "function dt-pubsub",
            "secret dt-signature, record of the deployed source",  # after each deployment of the function
            "public invocation",
            "connector in ccol8iuk9smqiha4e8l0",
        },
    ), output
    user.brings_up()
    user.finds_nothing_to_do()
    status, output = user.runs("verify")
    assert (status, "came through DT's connector as message" in output) == (0, True), output
    assert _by_hand(user) == BY_HAND


def test_down_leaves_what_is_others_and_a_second_one_finds_nothing(user: User) -> None:
    ask(user.both_clouds, "PATCH", f"{PUBSUB}/topics/dt-rejected", {"topic": {"labels": {}}, "updateMask": "labels"})

    status, output = user.runs("down", "--yes")

    assert status == 0, output
    assert "does not have the label dt-pubsub=dt-pubsub" in output
    assert {name.split("/")[-2] for name in user.both_clouds.left()} == {"topics", "dataconnectors"}
    assert len(user.connectors()) == FOREIGN_CONNECTORS
    user.both_clouds.log.clear()
    status, output = user.runs("down", "--yes")
    assert (status, user.changes()) == (0, []), output


BY_HAND = {"retention": "864000s", "label": "cold-chain", "least": 2, "level": "DEBUG"}


def _by_hand(user: User) -> dict[str, Any]:
    """Return the settings that were made by hand and are not in deploy.toml."""
    served = ask(user.both_clouds, "GET", FUNCTION).json["serviceConfig"]
    return {
        "retention": ask(user.both_clouds, "GET", f"{PUBSUB}/subscriptions/dt-events").json["messageRetentionDuration"],
        "label": ask(user.both_clouds, "GET", f"{PUBSUB}/topics/dt-events").json["labels"].get("team"),
        "least": served["minInstanceCount"],
        "level": served["environmentVariables"].get("LOG_LEVEL"),
    }


def _drift(user: User) -> None:
    """Change settings by hand: some that the deployment manages, and some that it does not."""
    both_clouds = user.both_clouds
    retained = {"name": "", "messageRetentionDuration": BY_HAND["retention"]}
    labels = {"dt-pubsub": "dt-pubsub", "team": BY_HAND["label"]}
    served = ask(both_clouds, "GET", FUNCTION).json["serviceConfig"]
    variables = {**served["environmentVariables"], "LOG_LEVEL": BY_HAND["level"]}
    del variables["LOG_EXECUTION_ID"]
    config = {"environmentVariables": variables, "minInstanceCount": BY_HAND["least"]}
    mask = "serviceConfig.environmentVariables,serviceConfig.minInstanceCount"
    changed = ask(both_clouds, "PATCH", f"{FUNCTION}?updateMask={mask}", {"serviceConfig": config})
    assert "error" not in done(both_clouds, changed.json["name"])
    answers = [
        ask(
            both_clouds,
            "PATCH",
            f"{PUBSUB}/subscriptions/dt-events",
            {"subscription": retained, "updateMask": "messageRetentionDuration"},
        ),
        ask(both_clouds, "PATCH", f"{PUBSUB}/topics/dt-events", {"topic": {"labels": labels}, "updateMask": "labels"}),
        ask(both_clouds, "DELETE", f"{PUBSUB}/subscriptions/dt-rejected"),
        ask(both_clouds, "POST", f"{PUBSUB}/topics/dt-events:setIamPolicy", {"policy": {}}),
        ask(both_clouds, "POST", INVOKERS, {"policy": {}}),
        ask(both_clouds, "POST", f"{ACCOUNT}:disable", {}),
        ask(both_clouds, "POST", f"{SECRET}/versions/1:disable", {}),
    ]
    assert [answer.status for answer in answers] == [200] * len(answers), [answer.body for answer in answers]
    ours = next(found for found in user.connectors() if found["displayName"].startswith("Google Pub/Sub"))
    both_clouds.dt.connectors.switch_off(ours["name"])


def _foreign_connector(user: User, number: int) -> None:
    pushed = {"url": f"https://example.com/{number}", "signatureSecret": "new_user else's"}
    asked = {"displayName": f"new_user else's {number}", "status": "USER_DISABLED", "httpConfig": pushed}
    user.both_clouds.dt.connectors.add(user.both_clouds.dt.tenant.project, asked)


def _clone(folder: Path, main: str) -> Path:
    """Copy the deploy command to a folder, with another main.py."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("deploy", "function"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "requirements.txt", folder)
    (folder / "main.py").write_text(main, "utf-8")
    return folder
