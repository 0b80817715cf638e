"""What each reading says on the screen, whether it is a problem, and which page and command it names."""

from dataclasses import replace
from typing import Any

import pytest

from deploy.errors import DeployError, DtFailed, GcloudFailed, NotOwned, Unusable
from deploy.google.backlog import Unread
from deploy.google.event_log import MAX_LINES, LogLine
from deploy.google.request_counts import RequestCounts
from deploy.resources.memory import PAUSED_SINCE, paused_words
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, by_command, findings, health_of
from deploy.stages.health.rows import rows_of
from deploy.stages.observed import Observed
from deploy.stages.plan import plan
from deploy.steps import ResourceId, keep
from tests.deploy.cases import observed_of, overlaid
from tests.deploy.stages.health.samples import EVERYTHING, HOUR_S, NOW, PROJECT, SPEC, line, readings, requests

DAY_S = 24 * HOUR_S
NUMBERS = Unread(0, 0, NOW - 120)
CONNECTOR = EVERYTHING["observed"]["connectors"][PROJECT][0]
ID = CONNECTOR["id"]
FUNCTION = "function dt-pubsub"
READ_LOG = "gcloud functions logs read dt-pubsub --gen2"
JUDGE = "python -m deploy replay --dry-run"


NOTHING_SINCE: dict[str, Any] = {"newest_event": line(600), "requests": RequestCounts(NOW)}


def rows(**changes: Any) -> dict[str, Row]:
    """Return the rows by what they are about."""
    return {row.what: row for row in rows_of(SPEC, readings(**changes))}


def problems(read: Readings) -> list[Row]:
    return [row for row in rows_of(SPEC, read) if row.health != "ok"]


def remembering(words: str) -> dict[str, Any]:
    """Return what is laid over both ends, so that the secret has this note of pauses."""
    return {"facts": {"secret dt-signature": {"secret": {"annotations": {PAUSED_SINCE: words}}}}}


def connector(**fields: str) -> dict[str, Any]:
    return {"observed": {"connectors": {PROJECT: [{**CONNECTOR, **fields}]}}}


def test_a_healthy_deployment_has_no_problem_and_a_row_for_every_question() -> None:
    found = rows_of(SPEC, readings())
    assert health_of(found) is True
    assert [row.what for row in found if row.is_key] == [
        *("version", "function dt-pubsub", "secret dt-signature", f"connector in {PROJECT}", "requests", "last event"),
        *("unread in dt-events", "unread in dt-rejected", "cost"),
    ]


PROBLEMS: dict[str, tuple[dict[str, Any], str, str, str, str, str]] = {
    "switched off by DT": (
        connector(status="SYSTEM_DISABLED"),
        *(f"connector in {PROJECT}", "SYSTEM_DISABLED", "switched it off after five days"),
        *("connector-disabled", "python -m deploy up"),
    ),
    "paused in DT Studio": (
        connector(status="USER_DISABLED"),
        *(f"connector in {PROJECT}", "USER_DISABLED", "DT sends nothing until it is enabled"),
        *("connector-disabled", "python -m deploy resume --all"),
    ),
    "failing": (
        {"deliveries": {ID: {"successCount": "9", "errorCount": "3", "latency99p": "1.5s"}}},
        *(f"connector in {PROJECT}", "failing", "last 3 h: 9 delivered, 3 failed attempts, p99 1.5s"),
        *("connector-failing", READ_LOG),
    ),
    "unread": (
        {"backlog": {"dt-events": Unread(1200, 7300, NOW - 60), "dt-rejected": NUMBERS}},
        *("unread in dt-events", "unread", "1,200 messages, the oldest 2 h old; as of 04:59 UTC, 1 min ago"),
        *("backlog", "gcloud pubsub subscriptions describe dt-events"),
    ),
    "rejected": (
        {"backlog": {"dt-events": NUMBERS, "dt-rejected": Unread(1, 200_000, NOW)}},
        *("unread in dt-rejected", "rejected", "1 message, the oldest 2 d old; as of 05:00 UTC, 0 s ago; each is kept"),
        *("rejected", JUDGE),
    ),
    "5xx": (
        {"requests": requests(s200=970, s503=30)},
        *("requests", "failing", "last 3 h: 970 2xx, 30 5xx"),
        *("server-errors", READ_LOG),
    ),
    "401": (
        {"requests": requests(s200=5, s401=90, s413=2)},
        *("requests", "unauthorized", "last 3 h: 5 2xx, 90 401, 2 other 4xx"),
        *("unauthorized", "python -m deploy verify"),
    ),
    "silent": (
        {"newest_event": None, "requests": RequestCounts(NOW), "deliveries": {ID: {}}},
        *("last event", "silent", "none in the last 1 d"),
        *("no-events", "python -m deploy verify"),
    ),
    "clock": (
        {"problems": (line(60, "clock", 503, detail="signed in 90 s"), line(90, "clock", 503)), **NOTHING_SINCE},
        *("log: clock", "failing", "2 times in 3 h, the last 1 min ago (04:59 UTC): signed in 90 s"),
        *("clock", READ_LOG),
    ),
    "keys": (
        {"problems": (line(10, "keys", 503),), **NOTHING_SINCE},
        *("log: keys", "failing", "1 time in 3 h, the last 10 s ago"),
        *("keys", READ_LOG),
    ),
    "may not publish": (
        {"problems": (line(10, "publish_config", 503),), **NOTHING_SINCE},
        *("log: publish_config", "failing", "1 time in 3 h"),
        *("publish", READ_LOG),
    ),
    "a defect": (
        {"problems": (line(10, "internal", 500),), **NOTHING_SINCE},
        *("log: internal", "failing", "1 time in 3 h"),
        *("server-errors", READ_LOG),
    ),
}


def test_events_of_replay_and_backfill_that_were_refused_are_counted_and_are_no_problem() -> None:
    read = readings(requests=requests(s200=5, s422=5000, s413=2))
    assert problems(read) == []
    assert rows(requests=read.requests)["requests"].detail == "last 3 h: 5 2xx, 5,000 422, 2 other 4xx"


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_problem_names_its_page_and_the_first_command(case: str) -> None:
    changes, what, state, detail, page, fix = PROBLEMS[case]
    found = problems(readings(**changes))

    (row,) = [row for row in found if row.what == what]
    assert (row.state, row.page) == (state, page)
    assert detail in row.detail
    assert row.command.startswith(fix)
    assert {other.page for other in found} == {page}


FINE: dict[str, tuple[dict[str, Any], str, str]] = {
    "no numbers yet": ({"backlog": {}}, "unread in dt-events", "Google has no numbers yet"),
    "no requests yet": (
        {"requests": RequestCounts(NOW), "deliveries": {ID: {"successCount": 2}}},
        "requests",
        "none in the last 3 h, or Google has no numbers yet",
    ),
    "read in time": (
        {"backlog": {"dt-events": Unread(5, 3600, NOW), "dt-rejected": NUMBERS}},
        "unread in dt-events",
        "5 messages, the oldest 1 h old; as of 05:00 UTC, 0 s ago",
    ),
    "strangers": ({"requests": requests(s200=5, s401=9)}, "requests", "last 3 h: 5 2xx, 9 401"),
    "one 503 in a thousand": ({"requests": requests(s200=999, s503=1)}, "requests", "last 3 h: 999 2xx, 1 5xx"),
    "over since": (
        {"problems": (line(600, "publish_config", 503),)},
        "log: publish_config",
        "1 time in 3 h, the last 10 min ago (04:50 UTC); events were delivered since",
    ),
    "a quiet log": (
        {"newest_event": None},
        "last event",
        "between 04:54 UTC and 04:59 UTC: a request was answered 2xx",
    ),
    "only DT counts": (
        {"newest_event": None, "requests": RequestCounts(NOW)},
        "last event",
        "in the last 3 h, as DT counts it",
    ),
    "rejected and read": (
        {"problems": (line(7200, "malformed", detail="no JSON object"), line(9000, "malformed"))},
        "rejected: malformed",
        "2 in 7 d, the last 2 h ago (03:00 UTC), temperature of b5rj9ed7rihk942p48og: no JSON object",
    ),
    "DT leaves numbers out": (
        {"deliveries": {ID: {}}},
        f"connector in {PROJECT}",
        "last 3 h: 0 delivered, 0 failed attempts, p99 -",
    ),
}


@pytest.mark.parametrize("case", FINE)
def test_what_is_no_problem_says_so(case: str) -> None:
    changes, what, detail = FINE[case]
    found = rows(**changes)
    assert (found[what].detail, found[what].health) == (detail, "ok")
    assert problems(readings(**changes)) == []


def test_what_the_function_could_not_publish_is_named_with_its_reason() -> None:
    lines = (line(60, "publish", 503, detail="UNAVAILABLE"), line(90, "publish", 503, detail="DEADLINE_EXCEEDED"))
    counts = {ID: {"successCount": 9, "errorCount": 2}}
    found = rows(problems=lines, deliveries=counts, **NOTHING_SINCE)
    assert found["log: publish"].detail == "2 times in 3 h, the last 1 min ago (04:59 UTC): UNAVAILABLE"
    assert found["log: publish"].page == "publish"
    assert found[f"connector in {PROJECT}"].detail.endswith(
        "2 failed attempts, p99 -; the newest reason, 1 min ago (04:59 UTC): publish: UNAVAILABLE"
    )


def test_a_failed_delivery_without_a_line_in_the_log_has_no_reason() -> None:
    lines = (line(60, "malformed"), line(4 * HOUR_S, "publish", 503))
    found = rows(problems=lines, deliveries={ID: {"errorCount": 2}})
    assert found[f"connector in {PROJECT}"].detail.endswith("2 failed attempts, p99 -")


def test_a_reason_that_is_over_is_not_offered_for_deliveries_that_fail_now() -> None:
    counts = {ID: {"errorCount": 2}}
    over = rows(problems=(line(300, "publish", 503),), deliveries=counts, newest_event=line(120))
    assert over[f"connector in {PROJECT}"].detail.endswith("2 failed attempts, p99 -")
    unreached = rows(problems=(line(300, "publish", 503),), deliveries=counts, requests=requests(s200=99, s503=1))
    assert unreached[f"connector in {PROJECT}"].detail.endswith(
        "; the function logged no reason, so that the requests may not have reached it"
    )


def test_the_rows_of_one_cause_are_one_thing_to_do() -> None:
    down = readings(
        deliveries={ID: {"errorCount": 20}},
        requests=requests(s503=20),
        problems=(line(10, "publish", 503),),
        newest_event=line(2 * HOUR_S),
        reported={PROJECT: {"temperature": NOW - 60}},
    )
    (found,) = findings(rows_of(SPEC, down))
    assert [row.page for row in found.rows] == ["connector-failing", "server-errors", "no-events", "publish"]
    assert (found.runbook, found.command.startswith(READ_LOG)) == ("docs/runbook/publish.md", True)


def test_a_connector_that_differs_has_one_row() -> None:
    wrong = connector(signs_with="another")
    differs = {**wrong, "steps": plan(SPEC, observed_of(overlaid(EVERYTHING["observed"], wrong["observed"])))}
    (row,) = problems(readings(**differs))
    assert (row.what, row.state, row.page) == (f"connector in {PROJECT}", "differs", "drift")
    assert row.detail.endswith("; last 3 h: 9 delivered, 0 failed attempts, p99 0.411s")
    (row,) = problems(readings(**differs, deliveries={ID: {"errorCount": 2}}))
    assert (row.state, row.command) == ("failing", "python -m deploy up")
    assert "; it also differs: " in row.detail


@pytest.mark.parametrize(
    ("backfilled", "ending"),
    [
        (None, "; `python -m deploy backfill --from=2026-11-25T04:00:00Z --to=2026-11-25T04:07:00Z` sends them"),
        (line(60), "; python -m deploy backfill has sent events since, the last 1 min ago (04:59 UTC)"),
    ],
)
def test_a_pause_of_minutes_is_shown_for_a_day(backfilled: LogLine | None, ending: str) -> None:
    words = paused_words({}, "2026-11-25T04:07:00Z", "2026-11-25T04:00:00Z")
    found = rows(observed=remembering(words), backfilled=backfilled)["last pause"]
    assert (found.health, found.state) == ("ok", "over")
    assert found.detail == f"from 04:00 UTC to 04:07 UTC, 7 min; DT delivers none of its events later{ending}"
    older = paused_words({}, "2026-11-24T04:07:00Z", "2026-11-24T04:00:00Z")
    assert "last pause" not in rows(observed=remembering(older))
    assert "last pause" not in rows(observed=remembering(paused_words({}, "2026-11-25T04:07:00Z")))


def test_requests_of_this_commands_own_tests_are_named_among_those_that_were_refused() -> None:
    probes = (line(60, "checksum", 401), line(70, "unsigned", 401), line(4 * HOUR_S, "unsigned", 401))
    found = rows(requests=requests(s200=5, s401=3), probes=probes)
    assert found["requests"].detail == "last 3 h: 5 2xx, 3 401 (2 by this command's own tests)"
    assert rows(requests=requests(s200=5, s401=1), probes=probes)["requests"].detail.endswith(
        "1 401 (1 by this command's own tests)"
    )


def test_the_same_command_is_a_finding_of_several_rows_and_shown_once() -> None:
    read = readings(
        problems=(line(60, "keys", 503),),
        deliveries={ID: {"errorCount": 2}},
        **NOTHING_SINCE,
    )
    ((command, found),) = by_command(findings(rows_of(SPEC, read))).items()
    assert command.startswith(READ_LOG)
    assert [finding.runbook for finding in found] == ["docs/runbook/connector-failing.md", "docs/runbook/keys.md"]


def test_a_checksum_that_verify_causes_on_purpose_is_no_problem() -> None:
    assert problems(readings(problems=(line(1, "checksum", 401),), newest_event=line(60))) == []


def test_a_problem_of_yesterday_is_not_shown() -> None:
    assert "log: clock" not in rows(problems=(line(DAY_S, "clock", 503),), newest_event=line(2 * DAY_S))


def test_a_deployment_without_events_has_no_problem_while_it_is_new() -> None:
    silent = readings(newest_event=None, requests=RequestCounts(NOW), deliveries={ID: {}})
    made = silent.observed.facts[ResourceId("secret", "dt-signature")]["versions"]
    new = [{**version, "createTime": "2026-11-25T04:00:00Z"} for version in made]
    facts = {**silent.observed.facts}
    facts[ResourceId("secret", "dt-signature")] = {**facts[ResourceId("secret", "dt-signature")], "versions": new}
    read = replace(silent, google_side=replace(silent.observed, facts=facts))
    (row,) = [row for row in rows_of(SPEC, read) if row.what == "last event"]
    assert (row.state, row.detail, row.health) == ("none", "none in the last 1 d (the deployment is new)", "ok")


def test_a_paused_connector_is_the_problem_and_not_the_silence() -> None:
    changes: dict[str, Any] = {"newest_event": None, "requests": RequestCounts(NOW), "deliveries": {}}
    found = problems(readings(**connector(status="USER_DISABLED"), **changes))
    assert [row.page for row in found] == ["connector-disabled"]


def test_every_reason_of_rejected_events_has_a_row_with_its_newest_example() -> None:
    lines = (line(60, "malformed"), line(90, "expired", detail="an hour late"), line(120, "malformed"))
    found = rows(problems=lines, backlog={"dt-rejected": Unread(3, 120, NOW)})
    assert found["rejected: malformed"].detail.startswith("2 in 7 d, the last 1 min ago")
    assert found["rejected: expired"].detail.endswith("of b5rj9ed7rihk942p48og: an hour late")
    assert {found[name].page for name in ("rejected: malformed", "rejected: expired")} == {"rejected"}


def test_a_count_that_is_only_the_least_says_so() -> None:
    found = rows(problems=(line(60, "malformed"),) * MAX_LINES)
    assert found["rejected: malformed"].detail.startswith("at least 1,000 in 7 d")


def test_rejected_events_are_a_problem_before_google_has_counted_them() -> None:
    assert [row.page for row in problems(readings(problems=(line(5, "malformed"),), backlog={}))] == ["rejected"]


def failed(where: str) -> DeployError:
    return GcloudFailed("UNAVAILABLE", "503", where=where, fix=["try again"])


PARTS = (ResourceId("function", "dt-pubsub"), ResourceId("secret", "dt-signature"))
UNREAD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "Google's side": (
        {"google_side": Observed({}), "unread": dict.fromkeys(PARTS, failed("gcloud")), "steps": failed("gcloud")},
        {"function dt-pubsub", "secret dt-signature", "drift"},
    ),
    "what only a deployer may read": ({"steps": failed("gcloud")}, {"drift"}),
    "the connectors": (
        {"unlisted": {PROJECT: DtFailed(503, "no", where="DT")}, "connectors": {}},
        {f"connector in {PROJECT}"},
    ),
    "the deliveries": ({"deliveries": {ID: DtFailed(503, "no", where="DT")}}, {f"connector in {PROJECT}"}),
    "the backlog": ({"backlog": failed("Cloud Monitoring")}, {"unread in dt-events", "unread in dt-rejected"}),
    "the requests": ({"requests": failed("Cloud Monitoring")}, {"requests", "cost"}),
    "the log": ({"problems": failed("gcloud logging read")}, {"log"}),
    "the newest event": (
        {"newest_event": failed("x"), "requests": RequestCounts(NOW), "deliveries": {ID: {}}},
        {"last event"},
    ),
}


@pytest.mark.parametrize("case", UNREAD)
def test_what_could_not_be_read_is_shown_and_hides_nothing_else(case: str) -> None:
    changes, unreadable = UNREAD[case]
    found = rows(**changes)
    assert {row.what for row in found.values() if row.health == "unreadable"} == unreadable
    assert {row.page for row in found.values() if row.health == "unreadable"} == {"unreadable"}
    assert health_of(found.values()) is None
    others = {"version", "function dt-pubsub", "secret dt-signature"} if case != "Google's side" else set()
    assert {"requests", "last event", "unread in dt-events", "cost", *others} <= set(found)


def test_a_function_that_differs_has_one_row_with_the_change_and_its_address() -> None:
    changed = readings({"facts": {FUNCTION: {"function": {"serviceConfig": {"ingressSettings": "ALLOW_INTERNAL"}}}}})
    (row,) = [row for row in problems(changed) if row.what == FUNCTION]
    assert (row.state, row.page, row.command) == ("differs", "drift", "python -m deploy up")
    assert row.detail.startswith("ingress ALLOW_INTERNAL -> ALLOW_ALL; answers at https://")


def test_a_function_that_is_gone_is_missing_and_up_brings_it_back() -> None:
    gone = readings({"facts": {"function dt-pubsub": {"function": None, "service": None}}})
    row = next(row for row in problems(gone) if row.what == "function dt-pubsub")
    assert (row.state, row.page, row.command) == ("missing", "function-missing", "python -m deploy up")


def test_each_other_resource_that_differs_has_a_row() -> None:
    disabled = readings({"facts": {"service account dt-pubsub": {"account": {"disabled": True}}}})
    assert [(row.what, row.state, row.page) for row in problems(disabled)] == [
        ("service account dt-pubsub", "differs", "drift")
    ]


def test_an_unusable_resource_names_the_command_that_deletes_it() -> None:
    broken = NotOwned([Unusable("is detached", where="subscription dt-events", fix=["gcloud delete it"])])
    (row,) = problems(readings(steps=broken))
    assert (row.what, row.state, row.command, row.page) == (
        "subscription dt-events",
        "broken",
        "gcloud delete it",
        "drift",
    )


def test_a_connector_beside_ours_that_doubles_every_event_is_shown() -> None:
    beside = keep(ResourceId("connector in", PROJECT, "dc9"), "points at this function, too")
    read = readings()
    assert not isinstance(read.steps, DeployError)
    row = next(row for row in rows_of(SPEC, replace(read, steps=[*read.steps, beside])) if row.what.endswith("dc9"))
    assert (row.is_key, row.health) == (True, "ok")


def test_the_cost_is_that_of_the_measured_rate() -> None:
    assert rows(requests=requests(HOUR_S, s200=13_250))["cost"].detail == (
        "about $19 a month at 3.7 requests/s, measured over 1 h; with up --profile=small about $4; prices of 2026-11-23"
    )
    silent = rows(requests=RequestCounts(NOW))["cost"]
    assert silent.detail == "no requests from DT in the last 24 h, so next to nothing"


def test_the_cost_follows_the_settings_of_the_function() -> None:
    served = {"serviceConfig": {"minInstanceCount": 1, "environmentVariables": {"LOG_LEVEL": "WARNING"}}}
    kept = rows(observed={"facts": {"function dt-pubsub": {"function": served}}}, requests=requests(HOUR_S, s200=36))
    assert kept["cost"].detail.startswith("about $10 a month at 0.01 requests/s")
