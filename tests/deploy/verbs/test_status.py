"""``status`` against both clouds in memory: the screen, the exit status, JSON, and ``--watch``."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.parser import parse
from deploy.cli.terminal import Terminal
from deploy.dt.calls import DtAnswer
from deploy.errors import DeployError, InvalidOptions, NotProven
from deploy.google.calls import Answer
from deploy.google.read_requests import request_of
from deploy.spec import VERSION_LABEL
from deploy.times import utc
from deploy.verbs import USAGES
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNHEALTHY
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT, URL, Refused, gcloud_alone
from tests.deploy.stage import Deployment, Keyboard, Stage

OPERATIONS = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
EVENT = {
    "timestamp": "2026-11-23T04:58:00Z",
    "status": 200,
    "messageId": "1",
    "eventType": "temperature",
    "deviceId": "b5rj9ed7rihk942p48og",
    "eventId": "c510f9ag03fligl8tvag",
}
MALFORMED = {"timestamp": "2026-11-23T04:50:00Z", "status": 200, "reason": "malformed", "detail": "no JSON object"}


@pytest.fixture
def morning(up: Stage) -> Stage:
    """A finished deployment at five in the morning, with an event two minutes ago."""
    up.clock.seconds = datetime(2026, 11, 23, 5, tzinfo=UTC).timestamp()
    up.google.log = [EVENT]
    return up


class Screen(io.StringIO):
    """A terminal for output."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True


def on_a_terminal(stage: Stage, columns: int = 80) -> Deployment:
    """Return the deployment on a terminal with so many columns."""
    stage.out = Screen()
    context = stage.deployment().context
    terminal = Terminal(stage.out, stage.err, Keyboard(None), {}, columns=lambda _: columns)
    return Deployment(replace(context, terminal=terminal))


def without_colour(text: str) -> list[str]:
    return re.sub(r"\033\[\d+m", "", text).splitlines()


def test_the_whole_health_is_on_one_screen(morning: Stage) -> None:
    assert morning.deployment().status() == NOTHING_TO_DO
    head, _, *rows = morning.shown.splitlines()
    assert head == "dt-pubsub (cold-chain-prod, europe-west1), 2026-11-23 05:00:00 UTC: healthy"
    assert [re.split("  +", row) for row in rows] == [
        ["ok", "version", "1.0.0"],
        ["ok", "function dt-pubsub", f"revision dt-pubsub-00001-abc answers at {URL}"],
        ["ok", "secret dt-signature", "version 1, 21 d old; 1 version is live"],
        ["ACTIVE", f"connector in {DT_PROJECT}", "last 3 h: 9 delivered, 0 failed attempts, p99 0.411s"],
        ["ok", "requests", "last 3 h: 120 2xx"],
        ["ok", "last event", "2 min ago (04:58:00 UTC): temperature of b5rj9ed7rihk942p48og"],
        ["ok", "unread in dt-events", "no messages; as of 05:00 UTC, 0 s ago"],
        ["ok", "unread in dt-rejected", "no messages; as of 05:00 UTC, 0 s ago"],
        ["ok", "cost", "under $1 a month at 0.4 requests/s, a first guess from 5 min; prices of 2026-11-23"],
        ["ok", "everything else", "10 more as they should be"],
    ]


@pytest.mark.parametrize("status", ["ACTIVE", "SYSTEM_DISABLED"])
def test_a_screen_of_80_columns_and_24_lines_shows_it_whole(morning: Stage, status: str) -> None:
    morning.dt.connectors[DT_PROJECT][0]["status"] = status
    on_a_terminal(morning).status()
    lines = without_colour(morning.shown)
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_the_page_shows_the_screen_that_the_code_prints(morning: Stage) -> None:
    morning.requests, morning.measured_s = {"200": 318_000, "401": 288}, 86_400
    morning.dt.metrics = {"successCount": 39_750, "errorCount": 0, "latency99p": "0.086s"}
    morning.unread["dt-rejected"] = (2, 2000)
    device = EVENT["deviceId"]
    kept = {"status": 200, "reason": "foreign_project", "eventType": "touch", "deviceId": device}
    morning.google.log += [
        {**kept, "timestamp": f"2026-11-23T04:{minute}:00Z", "detail": "project c0md3pm0p7bet3vico8h"}
        for minute in (30, 41)
    ]
    assert morning.deployment().status() == UNHEALTHY
    assert f"```\n{morning.shown}```\n" in OPERATIONS


def test_a_switched_off_connector_is_red_with_the_command_back_and_its_page(morning: Stage) -> None:
    morning.dt.connectors[DT_PROJECT][0]["status"] = "SYSTEM_DISABLED"
    assert on_a_terminal(morning).status() == UNHEALTHY
    assert "\033[31mSYSTEM_DISABLED  connector in" in morning.shown
    assert morning.shown.endswith(
        f"\nconnector in {DT_PROJECT}: see docs/runbook/connector-disabled.md\n  fix: python -m deploy up\n"
    )


def test_a_command_is_not_wrapped_so_that_it_can_be_pasted(morning: Stage) -> None:
    morning.unread["dt-rejected"] = (7, 130)
    morning.unread["dt-events"] = (1, 4000)
    morning.google.log = [EVENT, MALFORMED]
    assert on_a_terminal(morning, columns=60).status() == UNHEALTHY
    describe = "  look at: gcloud pubsub subscriptions describe dt-events --project=cold-chain-prod"
    assert {describe, "  look at: python -m deploy replay --dry-run"} <= set(morning.shown.splitlines())
    assert "unread in dt-rejected, rejected: malformed: see docs/runbook/rejected.md" in morning.shown


@pytest.mark.parametrize("metrics", [None, [], "x"])
def test_deliveries_that_dt_does_not_count_are_none(morning: Stage, metrics: object) -> None:
    morning.dt.metrics = metrics
    assert morning.deployment().status() == NOTHING_TO_DO
    assert "last 3 h: 0 delivered, 0 failed attempts, p99 -" in morning.shown


def test_drift_is_shown_with_the_command_that_explains_it(morning: Stage) -> None:
    morning.google.things["service-accounts", "dt-pubsub"]["disabled"] = True
    morning.google.things["subscriptions", "dt-rejected"]["expirationPolicy"] = {"ttl": "86400s"}
    assert morning.deployment().status() == UNHEALTHY
    assert re.search("^differs +service account dt-pubsub", morning.shown, re.MULTILINE)
    assert re.search("^differs +subscription dt-rejected", morning.shown, re.MULTILINE)
    found = "service account dt-pubsub, subscription dt-rejected: see docs/runbook/drift.md"
    assert morning.shown.endswith(f"\n{found}\n  fix: python -m deploy up\n")


@pytest.mark.parametrize(("label", "version"), [("0-9-0", "0.9.0"), (None, None)])
def test_a_function_of_another_version_is_unhealthy_and_its_version_is_shown(
    up: Stage, label: str | None, version: str | None
) -> None:
    labels = up.google.things["functions", "dt-pubsub"]["labels"]
    labels.pop(VERSION_LABEL)
    labels.update({VERSION_LABEL: label} if label else {})

    assert up.deployment(in_json=True).status() == UNHEALTHY

    report = up.in_json()
    (row,) = [row for row in report["status"] if row["what"] == "version"]
    assert report["version"] == version
    assert (row["state"], row["detail"]) == (
        "differs",
        f"{version or 'no version'} is deployed, and this is 1.0.0",
    )


def test_a_deployment_that_had_no_event_for_a_day_is_unhealthy(morning: Stage) -> None:
    morning.google.log, morning.requests, morning.dt.metrics = [], {}, {}
    assert morning.deployment().status() == UNHEALTHY
    assert re.search(r"^silent +last event +none in the last 1 d$", morning.shown, re.MULTILINE)
    assert "docs/runbook/no-events.md\n  look at: python -m deploy verify\n" in morning.shown


@pytest.mark.parametrize(
    "change",
    [
        {"status": "SYSTEM_DISABLED"},
        {"status": "USER_DISABLED"},
        {"httpConfig": {"url": "https://example.com/", "signatureSecret": "", "headers": {}}},
    ],
    ids=lambda change: next(iter(change.values())) if "status" in change else "elsewhere",
)
def test_status_and_verify_name_the_same_command_that_fixes_a_connector(morning: Stage, change: dict[str, Any]) -> None:
    morning.dt.connectors[DT_PROJECT][0] |= change
    assert morning.deployment().status() == UNHEALTHY
    with pytest.raises(NotProven) as failed:
        morning.deployment().verify()
    assert f"\n  fix: {failed.value.fix[0]}\n" in morning.shown


def test_hours_without_an_event_name_the_audit_of_their_time(morning: Stage) -> None:
    morning.requests, morning.measured_s, morning.silent = {"200": 28_800}, 86_400, range(24, 48)
    assert morning.deployment().status() == UNHEALTHY
    assert re.search("^gap +last day +no event was delivered from 01:00 UTC to 03:00 UTC", morning.shown, re.MULTILINE)
    audit = "python -m deploy audit --from=2026-11-23T01:00:00Z --to=2026-11-23T03:00:00Z"
    assert morning.shown.endswith(f"\nlast day: see docs/runbook/missing-events.md\n  look at: {audit}\n")
    morning.google.log.append({**EVENT, "origin": "backfill"})
    assert morning.deployment().status() == NOTHING_TO_DO


def test_an_event_that_dt_has_and_that_did_not_come_is_shown(morning: Stage) -> None:
    (project,) = morning.dt.connectors
    reported = {"temperature": {"updateTime": "2026-11-23T04:59:00.5Z"}, "touch": None, "co2": {"updateTime": "soon"}}
    morning.dt.devices["b5rj"] = {"name": f"projects/{project}/devices/b5rj", "labels": {}, "reported": reported}
    morning.requests = {}
    assert morning.deployment().status() == NOTHING_TO_DO
    morning.google.log = [{**EVENT, "timestamp": "2026-11-23T04:30:00Z"}]
    assert morning.deployment().status() == UNHEALTHY
    assert "DT has a newer one, 59 s ago (04:59 UTC)" in morning.shown


def test_after_a_resume_the_events_of_the_pause_are_not_behind_and_later_ones_are(morning: Stage) -> None:
    (project,) = morning.dt.connectors
    morning.google.log = [{**EVENT, "timestamp": "2026-11-23T02:58:00Z"}]
    morning.clock.seconds -= 7200
    morning.deployment().pause()
    morning.clock.seconds += 7200
    morning.requests, resumed_at = {}, morning.clock()
    morning.deployment().resume(verify=False)
    for reported_at, status in ((resumed_at - 60, NOTHING_TO_DO), (resumed_at + 1200, UNHEALTHY)):
        data = {"temperature": {"updateTime": utc(reported_at)}}
        morning.dt.devices["b5rj"] = {"name": f"projects/{project}/devices/b5rj", "labels": {}, "reported": data}
        morning.clock.seconds = max(resumed_at, reported_at)
        assert morning.deployment().status() == status
    assert re.search("^behind +last event", morning.shown, re.MULTILINE)


def test_missing_numbers_of_google_are_not_a_problem(morning: Stage) -> None:
    morning.unread, morning.requests = {}, {}
    assert morning.deployment().status() == NOTHING_TO_DO
    assert morning.shown.count("Google has no numbers yet") == 3


BROKEN: dict[str, tuple[Callable[[Stage], object], str, str]] = {
    "Cloud Monitoring": (
        lambda stage: setattr(
            stage, "monitoring_fails", DeployError("is off", where="Cloud Monitoring", fix=["gcloud services enable x"])
        ),
        "^unreadable +requests and 3 more +Cloud Monitoring: is off$",
        "gcloud services enable x",
    ),
    "the log": (
        lambda stage: stage.google.stumbles.extend([("logging read", "PERMISSION_DENIED: you may not")] * 3),
        "^unreadable +(log|last event)( and 1 more)? +gcloud logging read: .*you may not",
        "gcloud projects add-iam-policy-binding",
    ),
    "the resources": (
        lambda stage: stage.google.stumbles.append(("functions describe", "PERMISSION_DENIED: you may not")),
        "^unreadable +drift +gcloud functions describe dt-pubsub: .*you may not",
        "gcloud projects add-iam-policy-binding",
    ),
    "DT": (
        lambda stage: stage.dt.stumbles.extend([DtAnswer(503, {})] * 99),
        f"^unreadable +connector in {DT_PROJECT} +DT, GET /projects/{DT_PROJECT}: 503",
        "try again in a minute",
    ),
    "DT's counts": (
        lambda stage: setattr(stage.dt, "fails_metrics", True),
        f"^unreadable +connector in {DT_PROJECT} +DT, GET /projects/{DT_PROJECT}/dataconnectors/.*: 403",
        "in DT Studio",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_read_has_its_own_exit_status_and_hides_nothing_else(morning: Stage, what: str) -> None:
    breaks, row, fix = BROKEN[what]
    breaks(morning)
    assert morning.deployment().status() == FAILED
    assert morning.shown.splitlines()[0].endswith(": could not be read")
    assert re.search(row, morning.shown, re.MULTILINE)
    assert f"see docs/runbook/unreadable.md\n  {'fix' if fix.startswith('gcloud') else 'hint'}: {fix}" in morning.shown
    if what != "DT":
        assert "2 min ago (04:58:00 UTC)" in morning.shown or what == "the log"
    if what not in {"DT", "DT's counts"}:
        assert "last 3 h: 9 delivered, 0 failed attempts" in morning.shown


def test_someone_who_may_only_look_sees_all_but_the_drift(morning: Stage) -> None:
    morning.google.before = may_not_read_the_secret_itself
    assert morning.deployment().status() == FAILED
    unreadable = [line for line in morning.shown.splitlines() if line.startswith("unreadable")]
    assert [line.split()[1] for line in unreadable] == ["drift"]
    assert "version 1, 21 d old; 1 version is live" in morning.shown
    assert f"answers at {URL}" in morning.shown


def test_without_dts_credentials_googles_half_is_shown(morning: Stage) -> None:
    assert morning.deployment(credentials=False).status() == FAILED
    assert re.search(f"^unreadable +connector in {DT_PROJECT} +DT: no credentials;", morning.shown, re.MULTILINE)
    assert "2 min ago (04:58:00 UTC)" in morning.shown
    assert "version 1, 21 d old; 1 version is live" in morning.shown
    assert "  fix: export DT_SERVICE_ACCOUNT_KEY_ID=… " in morning.shown


def test_a_project_that_the_caller_does_not_see_is_one_cause_and_no_missing_permission(morning: Stage) -> None:
    morning.google.projects.clear()
    morning.google.before = refuse_all_but_the_project
    morning.monitoring_fails = DeployError("PERMISSION_DENIED", where="Cloud Monitoring", fix=["gcloud x"])
    assert morning.deployment().status() == FAILED
    assert f"project {PROJECT}: does not exist, or you have no access to it" in morning.shown
    assert morning.shown.endswith("see docs/runbook/unreadable.md\n  look at: gcloud projects list\n")


def refuse_all_but_the_project(argv: tuple[str, ...]) -> None:
    if argv[:2] != ("projects", "describe") and argv[:1] not in {("config",), ("auth",)}:
        raise Refused("PERMISSION_DENIED: Permission denied on resource project (or it may not exist).")


def may_not_read_the_secret_itself(argv: tuple[str, ...]) -> None:
    if argv[:3] == ("secrets", "versions", "access"):
        raise Refused("PERMISSION_DENIED: Permission denied on resource secret dt-signature (or it may not exist).")


def test_a_service_down_is_not_asked_again(morning: Stage) -> None:
    morning.google.stumbles.extend([("functions describe", "UNAVAILABLE: 503")] * 9)
    assert morning.deployment().status() == FAILED
    assert "unreadable  function dt-pubsub and 2 more" in morning.shown


def test_a_known_problem_outweighs_what_cannot_be_read(morning: Stage) -> None:
    morning.monitoring_fails = DeployError("did not answer (500)", where="Cloud Monitoring")
    morning.dt.metrics = {"errorCount": 1}
    assert morning.deployment().status() == UNHEALTHY


def test_while_dt_is_silent_its_settings_of_the_function_do_not_differ(morning: Stage) -> None:
    morning.dt.stumbles.extend([DtAnswer(503, {})] * 99)
    assert morning.deployment(in_json=True).status() == FAILED
    assert morning.in_json()["health"]["drift"] == []


@pytest.mark.parametrize(
    ("change", "what"),
    [({"detached": True}, "is detached from its topic"), ({"topic": "_deleted-topic_"}, "reads from _deleted-topic_")],
)
def test_a_detached_subscription_is_unhealthy_and_not_unreadable(
    morning: Stage, change: dict[str, Any], what: str
) -> None:
    morning.google.things["subscriptions", "dt-events"] |= change
    assert morning.deployment().status() == UNHEALTHY
    assert re.search(f"^broken +subscription dt-events +.*{what}", morning.shown, re.MULTILINE)
    assert "docs/runbook/drift.md\n  fix: gcloud pubsub subscriptions delete dt-events" in morning.shown


def test_before_the_first_up_it_says_that_nothing_is_deployed(stage: Stage) -> None:
    stage.monitoring_fails = DeployError("is off", where="Cloud Monitoring")
    assert stage.deployment().status() == UNHEALTHY
    assert re.search("^missing +deployment +nothing is deployed: ", stage.shown, re.MULTILINE)
    assert "docs/runbook/function-missing.md\n  fix: python -m deploy up\n" in stage.shown
    assert len(stage.shown.splitlines()) == 6
    assert "console.cloud.google.com" not in stage.shown


def test_a_connector_paused_by_hand_stays_paused_and_is_shown(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["status"] = "USER_DISABLED"
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "is paused (USER_DISABLED), and stays so" in up.shown
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["status"] == "USER_DISABLED"
    assert up.deployment().status() == UNHEALTHY


def test_links_are_shown_only_if_they_are_wanted(up: Stage) -> None:
    assert up.deployment().status() == NOTHING_TO_DO
    assert "https://console.cloud.google.com" not in up.shown
    assert up.deployment().status(links=True) == NOTHING_TO_DO
    assert "https://console.cloud.google.com/functions/details/europe-west1/dt-pubsub" in up.shown
    assert "watch   " in up.shown


def test_json_has_the_links_only_if_they_are_wanted(up: Stage) -> None:
    up.deployment(in_json=True).status()
    assert up.in_json()["next"] is None
    up.deployment(in_json=True).status(links=True)
    assert len(up.in_json()["next"]["links"]) == 7


# reading


@pytest.mark.parametrize("verb", ["status", "plan"])
def test_a_verb_that_reads_by_rest_shows_the_same_with_one_command_of_gcloud(morning: Stage, verb: str) -> None:
    getattr(morning.deployment(), verb)()
    by_gcloud, commands = morning.shown, [argv[:-1] for argv in morning.google.asked if argv[0] != "config"]
    answers = {}
    for argv in commands:
        if request := request_of(argv, morning.clock()):
            answer = gcloud_alone(morning.google).read(argv)
            found = {request.items: answer} if request.items else answer
            answers[request.url, (request.body or {}).get("filter")] = found
    morning.api.reads = lambda call: Answer(200, answers[call.url, (call.body or {}).get("filter")])
    morning.google.asked.clear()
    morning.reads_by_rest = True
    getattr(morning.deployment(), verb)()
    assert morning.shown == by_gcloud * 2
    assert [argv[:2] for argv in morning.google.asked] == [("config", "config-helper")]


def test_without_a_login_status_says_how_to_log_in(morning: Stage) -> None:
    morning.google.is_logged_in = False
    assert morning.deployment().status() == FAILED
    assert "fix: gcloud auth login" in morning.shown


# --json


def test_json_has_a_row_for_every_resource_and_says_that_it_is_healthy(morning: Stage) -> None:
    assert morning.deployment(in_json=True).status() == NOTHING_TO_DO
    report = morning.in_json()
    assert report["healthy"] is True
    assert len(report["status"]) == 19
    row = {"what": "topic dt-events", "state": "ok", "detail": "is as it should be"}
    assert {**row, "health": "ok", "fix": None, "lookAt": None, "hint": None, "runbook": None} in report["status"]


def test_json_has_every_reading_as_a_number(morning: Stage) -> None:
    morning.google.log.append(MALFORMED)
    morning.deployment(in_json=True).status()
    health = morning.in_json()["health"]
    backlog = {"messages": 0, "oldestSeconds": 0, "measuredAt": "2026-11-23T05:00:00Z"}
    assert health == {
        "at": "2026-11-23T05:00:00Z",
        "function": FUNCTION,
        "drift": [],
        "connectors": [counted_connector(morning)],
        "requests": {"hours": 3, "byKind": {"2xx": 120}},
        "lastEvent": {"at": EVENT["timestamp"], **{name: EVENT[name] for name in NOTHING}},
        "lastDay": {"delivered": 120, "gap": None, "backfilledAt": None, "newestAtDt": None},
        "backlogs": [{"subscription": name, **backlog} for name in ("dt-events", "dt-rejected")],
        "bigquery": None,
        "rejected": [{"reason": "malformed", "count": 1, "newest": {**MALFORMED_IN_JSON}}],
        "secret": {"name": "dt-signature", "version": 1, "ageSeconds": 1_897_199, "liveVersions": 1},
        "rotation": None,
        "cost": {
            "dollarsPerMonth": 0.0,
            "by": "measured",
            "sensors": None,
            "eventsPerSecond": 0.4,
            "requestsPerSecond": 0.4,
            "measuredSeconds": 300,
            "pricesAsOf": "2026-11-23",
        },
        "findings": [],
    }


FUNCTION = {
    "name": "dt-pubsub",
    "region": "europe-west1",
    "revision": "dt-pubsub-00001-abc",
    "version": "1.0.0",
    "url": URL,
}
NOTHING = {"eventType": None, "deviceId": None, "eventId": None}
MALFORMED_IN_JSON = {"at": MALFORMED["timestamp"], **NOTHING, "detail": "no JSON object"}


def counted_connector(stage: Stage) -> dict[str, object]:
    """Return the connector as ``status --json`` has it."""
    connector = stage.dt.connectors[DT_PROJECT][0]
    return {
        "dtProject": DT_PROJECT,
        "id": connector["name"].rpartition("/")[2],
        "displayName": connector["displayName"],
        "status": "ACTIVE",
        "delivered": 9,
        "failed": 0,
        "p99Seconds": 0.411,
    }


def test_json_has_null_for_what_cannot_be_read_and_the_findings(morning: Stage) -> None:
    morning.monitoring_fails = DeployError("is off", where="Cloud Monitoring", fix=["gcloud services enable x"])
    morning.google.stumbles.append(("functions describe", "PERMISSION_DENIED: you may not"))
    morning.dt.connectors[DT_PROJECT][0]["status"] = "SYSTEM_DISABLED"
    assert morning.deployment(in_json=True).status() == UNHEALTHY
    health = morning.in_json()["health"]
    assert {key for key, value in health.items() if value is None} == {
        *("drift", "requests", "lastDay", "backlogs", "bigquery", "rotation", "cost")
    }
    assert health["findings"][0] == {
        "what": [f"connector in {DT_PROJECT}"],
        "runbook": "docs/runbook/connector-disabled.md",
        "fix": "python -m deploy up",
        "lookAt": None,
        "hint": None,
    }
    assert {found["runbook"] for found in health["findings"][1:]} == {"docs/runbook/unreadable.md"}


def test_the_page_describes_every_key_of_the_document(morning: Stage) -> None:
    morning.google.log.append(MALFORMED)
    hour = 3600 // 300
    morning.silent = range(2 * hour, 4 * hour)
    morning.requests, morning.measured_s = {"200": 28_800}, 86_400
    config = {"table": "cold-chain-prod.sensors.events", "state": "ACTIVE"}
    written = {"labels": {"dt-pubsub": "dt-pubsub"}, "bigqueryConfig": config, "name": "p/dt-events-bigquery"}
    morning.google.things["subscriptions", "dt-events-bigquery"] = written
    morning.deployment(in_json=True).status()
    table = OPERATIONS.partition("### In JSON")[2].partition("\n\n")[2].partition("\n## ")[0]
    keys = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.partition("|")[2])}
    assert keys == _keys(morning.in_json()["health"]) - {"2xx"} | {"what", "runbook", "fix", "lookAt", "hint"}


def _keys(value: Any) -> set[str]:
    """Return all keys of a document, at any depth."""
    if isinstance(value, list):
        return {key for item in value for key in _keys(item)}
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in _keys(item)}
    return set()


# --watch


class CtrlC:
    """Sleeps without waiting, and raises what Ctrl-C raises after so many pauses."""

    def __init__(self, stage: Stage, after: int) -> None:
        self.slept: list[float] = []
        self._stage, self._after = stage, after

    def __call__(self, seconds: float) -> None:
        """Note the pause, and move the clock."""
        self.slept.append(seconds)
        self._stage.clock.advance(seconds)
        if len(self.slept) == self._after:
            raise KeyboardInterrupt


def watched(stage: Stage, deployment: Deployment, after: int) -> tuple[int, list[float]]:
    """Watch until Ctrl-C; return the exit status and the pauses."""
    sleep = CtrlC(stage, after)
    context = replace(deployment.context, sleep=sleep)
    return Deployment(context).run("status", links=False, watch=45), sleep.slept


def test_a_watch_redraws_a_terminal_until_ctrl_c(morning: Stage) -> None:
    assert watched(morning, on_a_terminal(morning), after=3) == (NOTHING_TO_DO, [45, 45, 45])
    screens = morning.shown.split("\033[H\033[2J\033[3J")[1:]
    assert [screen.splitlines()[0][-32:] for screen in screens] == [
        f"2026-11-23 05:0{time} UTC: healthy" for time in ("0:00", "0:45", "1:30")
    ]
    assert all("again in 45 s; Ctrl-C ends this" in screen for screen in screens)


def test_a_watch_in_a_pipe_prints_one_block_with_its_time_for_each_reading(morning: Stage) -> None:
    assert watched(morning, morning.deployment(), after=2)[0] == NOTHING_TO_DO
    assert re.findall(r"^dt-pubsub .*, 2026-11-23 (\d\d:\d\d:\d\d) UTC: healthy$", morning.shown, re.MULTILINE) == [
        "05:00:00",
        "05:00:45",
    ]
    assert "\033" not in morning.shown


def test_a_watch_ends_with_the_exit_status_of_the_last_reading(morning: Stage) -> None:
    deployment = morning.deployment()
    original = morning.clock.advance

    def switched_off(seconds: float) -> None:
        original(seconds)
        morning.dt.connectors[DT_PROJECT][0]["status"] = "SYSTEM_DISABLED"

    morning.clock.advance = switched_off  # type: ignore[method-assign]
    assert watched(morning, deployment, after=2)[0] == UNHEALTHY


def test_ctrl_c_before_the_first_reading_interrupts_the_command(morning: Stage) -> None:
    def interrupted(_: tuple[str, ...]) -> None:
        raise KeyboardInterrupt

    morning.google.before = interrupted
    with pytest.raises(KeyboardInterrupt):
        morning.deployment().run("status", links=False, watch=30)


def test_a_watch_has_no_json(morning: Stage) -> None:
    with pytest.raises(InvalidOptions, match="--watch shows many readings"):
        morning.deployment(in_json=True).run("status", links=False, watch=30)


@pytest.mark.parametrize(("words", "every_s"), [((), None), (("--watch",), 30), (("--watch", "5"), 5)])
def test_a_watch_has_a_period_of_half_a_minute_or_so_many_seconds(words: tuple[str, ...], every_s: int | None) -> None:
    assert parse(["status", *words], USAGES).watch == every_s


@pytest.mark.parametrize("text", ["4", "0", "-1", "often", "1.5"])
def test_a_watch_needs_a_number_of_seconds(text: str) -> None:
    with pytest.raises(DeployError, match="is not a number of seconds; at least 5"):
        parse(["status", f"--watch={text}"], USAGES)
