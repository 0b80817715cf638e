"""An existing deployment, with the real gcloud, over several runs. All tests share one deployment."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.asking import FUNCTIONS, ask, done
from tests.real_gcloud.user import REAL_GCLOUD, ROOT, User, ended, user_of

pytestmark = REAL_GCLOUD

FOREIGN_CONNECTORS = 150
"""More connectors than DT returns on one page."""

PUBSUB = "https://pubsub.googleapis.com/v1/projects/demo-proj"
SECRET = "https://secretmanager.googleapis.com/v1/projects/demo-proj/secrets/dt-signature"
ACCOUNT = "https://iam.googleapis.com/v1/projects/demo-proj/serviceAccounts/dt-pubsub@demo-proj.iam.gserviceaccount.com"
INVOKERS = "https://run.googleapis.com/v1/projects/demo-proj/locations/europe-west1/services/dt-pubsub:setIamPolicy"
FUNCTION = f"{FUNCTIONS}/functions/dt-pubsub"
TWICE = """
from deploy.__main__ import main
raise SystemExit([main(["plan"]), main(["plan"])] != [0, 0])
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """Return a user with a complete deployment, beside many connectors of other owners."""
    with user_of(tmp_path_factory.mktemp("user")) as new_user:
        new_user.both_clouds.dt.connectors.most_per_project = 2 * FOREIGN_CONNECTORS
        for number in range(FOREIGN_CONNECTORS // 2):
            _foreign_connector(new_user, number)
        new_user.brings_up()
        for number in range(FOREIGN_CONNECTORS // 2):
            _foreign_connector(new_user, number)
        assert (
            len(new_user.both_clouds.dt.connectors.of(new_user.both_clouds.dt.tenant.project)) == FOREIGN_CONNECTORS + 1
        )
        yield new_user


@pytest.fixture(autouse=True)
def _up_and_asked_from_now_on(user: User) -> None:
    if not user.functions():
        user.brings_up()
    user.both_clouds.log.clear()


def test_plans_in_one_process_stay_empty_beside_more_connectors_than_a_page_holds(user: User) -> None:
    status, output = ended(user.starts_python("-c", TWICE))

    assert (status, output.count("nothing to do: everything is as it should be")) == (0, 2), output
    assert output.count("= keep    connector in ccol8iuk9smqiha4e8l0") == 2
    assert len(user.both_clouds.log.entries(method="GET", path="*/dataconnectors")) == 4
    assert user.changes() == []


def test_a_source_that_does_not_start_is_reported_and_the_previous_revision_keeps_serving(
    user: User, tmp_path: Path
) -> None:
    for name, main in {"syntax": "def ingest(:\n", "start": "raise RuntimeError('no such table')\n"}.items():
        status, output = user.runs("up", "--yes", source=_clone(tmp_path / name, main))
        assert (status, "not done  function dt-pubsub" in output) == (1, True), output
        assert ("SyntaxError" if name == "syntax" else "RuntimeError: no such table") in output
        assert "mend it: python -m deploy up" in output

        status, output = user.runs("verify")
        assert (status, "came through DT's connector as message" in output) == (0, True), output

    user.brings_up()


def test_drift_is_shown_and_corrected_and_unmanaged_settings_are_left_alone(user: User) -> None:
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
            "public invocation",
            "connector in ccol8iuk9smqiha4e8l0",
        },
    ), output
    user.brings_up()
    user.finds_nothing_to_do()
    status, output = user.runs("verify")
    assert (status, "came through DT's connector as message" in output) == (0, True), output
    assert _by_hand(user) == BY_HAND


def test_down_keeps_resources_of_others_and_a_second_down_finds_nothing(user: User) -> None:
    ask(user.both_clouds, "PATCH", f"{PUBSUB}/topics/dt-rejected", {"topic": {"labels": {}}, "updateMask": "labels"})

    status, output = user.runs("down", "--yes")

    assert status == 0, output
    assert "is not marked dt-pubsub=dt-pubsub" in output
    assert {name.split("/")[-2] for name in user.both_clouds.left()} == {"topics", "dataconnectors"}
    assert len(user.connectors()) == FOREIGN_CONNECTORS
    user.both_clouds.log.clear()
    status, output = user.runs("down", "--yes")
    assert (status, user.changes()) == (0, []), output
    assert ask(user.both_clouds, "DELETE", f"{PUBSUB}/topics/dt-rejected").status == 200


BY_HAND = {"retention": "864000s", "label": "cold-chain", "least": 2, "level": "DEBUG"}


def _by_hand(user: User) -> dict[str, Any]:
    """Return the values that were set by hand and are in no deploy.toml."""
    served = ask(user.both_clouds, "GET", FUNCTION).json["serviceConfig"]
    return {
        "retention": ask(user.both_clouds, "GET", f"{PUBSUB}/subscriptions/dt-events").json["messageRetentionDuration"],
        "label": ask(user.both_clouds, "GET", f"{PUBSUB}/topics/dt-events").json["labels"].get("team"),
        "least": served["minInstanceCount"],
        "level": served["environmentVariables"].get("LOG_LEVEL"),
    }


def _drift(user: User) -> None:
    """Change by hand settings that the deployment manages, and others that it does not."""
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
    ours = next(connector for connector in user.connectors() if connector["displayName"].startswith("Google Pub/Sub"))
    both_clouds.dt.connectors.switch_off(ours["name"])


def _foreign_connector(user: User, number: int) -> None:
    pushed = {"url": f"https://example.com/{number}", "signatureSecret": "another owner's"}
    asked = {"displayName": f"another owner's {number}", "status": "USER_DISABLED", "httpConfig": pushed}
    user.both_clouds.dt.connectors.add(user.both_clouds.dt.tenant.project, asked)


def _clone(folder: Path, main: str) -> Path:
    """Copy the project into a folder, with another main.py."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("deploy", "function"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "requirements.txt", folder)
    (folder / "main.py").write_text(main, "utf-8")
    return folder
