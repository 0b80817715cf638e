"""What makes a rehearsal fail. ``make rehearse`` itself runs every step with the real gcloud."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.emulators.__main__ import main
from tests.emulators.clients import all_on, ask
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.rehearsal import (
    SCENES,
    Act,
    begun,
    changed,
    followed,
    left,
    play,
    press_ctrl_c,
    rehearse,
    stored,
    unready,
)
from tests.emulators.errors import SandboxRefused
from tests.emulators.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.tools

TOPIC = "https://pubsub.googleapis.com/v1/projects/demo-proj/topics/dt-events"

SECRETS = "https://secretmanager.googleapis.com/v1/projects/demo-proj/secrets?secretId=dt-signature"


@pytest.fixture
def both_clouds() -> Iterator[Clouds]:
    """Both clouds, with every API enabled."""
    with clouds("embedded", estate=all_on(Estate())) as both:
        yield both


def test_without_gcloud_a_rehearsal_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SandboxRefused, match=r"gcloud is not installed[^\n]*\n  fix: https://"):
        rehearse("embedded", {"PATH": str(tmp_path)}, print)


def test_rehearse_is_a_verb_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rehearse", "--help"])

    assert "--pubsub" in capsys.readouterr().out


def test_every_step_of_a_rehearsal_is_a_deploy_command_and_the_last_one_is_down() -> None:
    verbs = [act.verb[0] for acts in SCENES for act in acts]
    assert verbs == ["up", "verify", "follow", "up", "status", "rotate", "rotate", "down"]


def test_a_rehearsal_fails_if_a_resource_was_not_made(both_clouds: Clouds) -> None:
    ask(both_clouds, "PUT", TOPIC, {})

    assert unready(both_clouds) == [
        f"no {kind} were made"
        for kind in ("subscriptions", "secrets", "functions", "datasets", "tables", "dataconnectors")
    ]


def test_a_rehearsal_fails_if_a_second_up_changes_anything(both_clouds: Clouds) -> None:
    ask(both_clouds, "PUT", TOPIC, {}, caller="verify")
    ask(both_clouds, "GET", TOPIC, caller="again")
    assert changed(both_clouds, "again") == []

    ask(both_clouds, "PUT", f"{TOPIC}-2", {}, caller="again")
    assert changed(both_clouds, "again") == [f"changed what was as it should be: 200 PUT    {TOPIC}-2 (2 bytes)"]


def test_a_rehearsal_fails_if_follow_leaves_a_subscription(both_clouds: Clouds) -> None:
    ask(both_clouds, "PUT", TOPIC, {})
    subscriptions = TOPIC.replace("/topics/dt-events", "/subscriptions")
    for name in ("dt-events", "dt-events-follow-1"):
        ask(both_clouds, "PUT", f"{subscriptions}/{name}", {"topic": "projects/demo-proj/topics/dt-events"})

    assert followed(both_clouds) == ["left over: projects/demo-proj/subscriptions/dt-events-follow-1"]


def test_ctrl_c_comes_when_it_is_time_and_not_before() -> None:
    looks = iter([False, False, True])
    command = [sys.executable, "-c", "import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: raise SystemExit(7)"]
    with subprocess.Popen(command, text=True) as process:
        press_ctrl_c(process, looks.__next__)
        assert process.wait(timeout=30) == 7
    assert list(looks) == []


def test_a_rehearsal_fails_if_no_rotation_waits_or_there_is_no_new_secret(both_clouds: Clouds) -> None:
    assert begun(both_clouds) == ["no rotation has begun"]

    annotations = {"dt-pubsub-rotation": "spreading+1"}
    ask(both_clouds, "POST", SECRETS, {"replication": {"automatic": {}}, "annotations": annotations})
    assert begun(both_clouds) == ["the secret has 0 versions instead of 2"]


def test_a_rehearsal_fails_if_a_resource_is_left_after_down(both_clouds: Clouds) -> None:
    ask(both_clouds, "PUT", TOPIC, {})

    assert left(both_clouds) == ["left over: projects/demo-proj/topics/dt-events"]


def test_a_rehearsal_fails_and_shows_the_step_that_failed(both_clouds: Clouds, tmp_path: Path) -> None:
    messages: list[str] = []
    box = Sandbox(both_clouds, tmp_path, {}, both_clouds.environ)
    act = Act("first", "nonsense is refused", ("no-such-verb",))

    faults = list(play((act, replace(act, name="second", title="beside it as well")), box, messages.append))

    assert faults == ["nonsense is refused: exit status 1", "beside it as well: exit status 1"]
    assert messages[0] == "\n== nonsense is refused\n$ python -m deploy no-such-verb\n"
    assert "'no-such-verb'" in messages[3], "the output of the second is shown after the first"


def test_programs_of_a_rehearsal_reach_only_the_offline_clouds() -> None:
    users = {
        "PATH": "/bin",
        "CLOUDSDK_PYTHON": "/bin/python3",
        "CLOUDSDK_ACTIVE_CONFIG_NAME": "work",
        "no_proxy": "*",
        "DT_SERVICE_ACCOUNT_SECRET": "real",
        "DEPLOY_PROJECT": "real",
    }
    with clouds("embedded", environ=users) as both:
        environ = both.environ
        assert environ["https_proxy"] == environ["HTTPS_PROXY"] == both.proxy.url
        assert environ["CLOUDSDK_PYTHON"] == "/bin/python3"
        assert not {"no_proxy", "CLOUDSDK_ACTIVE_CONFIG_NAME", "DEPLOY_PROJECT"} & environ.keys()
        assert environ["DT_SERVICE_ACCOUNT_SECRET"] == both.dt.tenant.secret
        folder = Path(environ["CLOUDSDK_CONFIG"]).parent
        assert folder.exists()
    assert not folder.exists()


def test_a_rehearsal_fails_if_bigquery_has_no_event(both_clouds: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.emulators.clouds.rehearsal.STORED_S", 0.2)
    dataset = {"datasetReference": {"projectId": "demo-proj", "datasetId": "sensors"}, "location": "EU"}
    bigquery = "https://bigquery.googleapis.com/bigquery/v2/projects/demo-proj"
    assert ask(both_clouds, "POST", f"{bigquery}/datasets", dataset).status == 200
    for view in ("NULL AS event_id", "'e' AS event_id"):
        sql = f"CREATE OR REPLACE VIEW sensors.events_once AS SELECT 'd' AS device_id, {view}"
        ask(both_clouds, "POST", f"{bigquery}/queries", {"query": sql, "useLegacySql": False})

        assert bool(stored(both_clouds)) is view.startswith("NULL")
