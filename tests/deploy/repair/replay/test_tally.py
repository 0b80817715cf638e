"""The counts of a replay: as a summary, as JSON, and whether everything is on the main topic."""

from dataclasses import replace

import pytest

from deploy.google.pubsub_api import Pulled
from deploy.repair.replay import tally as module
from deploy.repair.replay.tally import Tally, described
from deploy.repair.republisher import Verdict

MESSAGE = Pulled("ack", "1", b"", {"reason": "expired", "eventId": "e1"}, 1_762_071_196.5)
PUBLISHED, REFUSED = Verdict("published", message_id="7"), Verdict("refused", "malformed", status=422)
FAILED, TOO_LARGE = Verdict("failed", "503 publish", status=503), Verdict("failed", "413 too_large", status=413)


def counted(*verdicts: Verdict, is_dry: bool = False, matched: int = 0) -> Tally:
    counts = Tally(is_dry=is_dry, matched=matched or len(verdicts))
    for verdict in verdicts:
        counts.add(MESSAGE, verdict)
    return counts


@pytest.mark.parametrize(
    ("counts", "is_complete"),
    [
        (counted(), True),
        (counted(PUBLISHED), True),
        (counted(PUBLISHED, REFUSED), False),
        (counted(FAILED), False),
        (counted(PUBLISHED, matched=2), False),
    ],
)
def test_it_is_complete_only_if_all_that_was_asked_for_is_on_main(counts: Tally, *, is_complete: bool) -> None:
    assert counts.is_complete is is_complete


def test_the_summary_has_every_outcome_once() -> None:
    counts = counted(PUBLISHED, REFUSED, REFUSED, FAILED, matched=6)
    counts.add(MESSAGE, PUBLISHED, is_acknowledged=False)
    counts.beyond = 1
    assert list(counts.lines()) == [
        "2 messages of 6 on the main topic",
        "2 messages refused: malformed; still on the rejected topic",
        "1 message failed: 503 publish; still on the rejected topic",
        "1 message not tried; still on the rejected topic",
        "1 message more than --limit; still on the rejected topic",
        "1 message published but not acknowledged: the next replay publishes them again, with the same eventId",
    ]


def test_the_summary_has_what_is_still_under_way_and_what_a_dead_letter_policy_takes_away() -> None:
    counts = counted(PUBLISHED, matched=4)
    counts.sending, counts.last_attempts = 2, 3
    assert list(counts.lines()) == [
        "1 message of 4 on the main topic",
        "1 message not tried; still on the rejected topic",
        "2 messages sent without an answer in time: may be on the main topic; still on the rejected topic",
        (
            "3 messages had the last delivery that the dead-letter policy of the subscription allows: Pub/Sub moves "
            "them to its dead-letter topic"
        ),
    ]


def test_a_run_that_was_stopped_says_how_many_it_has_looked_at() -> None:
    counts = counted(PUBLISHED)
    counts.others, counts.beyond = 2, 1
    first, *_ = counts.lines(is_stopped=True)
    assert first == "4 messages looked at until then, 1 of them asked for"
    assert list(Tally(others=1).lines(is_stopped=True)) == ["1 message looked at until then, 0 of them asked for"]


def test_a_dry_run_says_what_would_become_of_messages() -> None:
    assert list(counted(PUBLISHED, REFUSED, is_dry=True).lines()) == [
        "1 message of 2 would be on the main topic",
        "1 message would be refused: malformed; still on the rejected topic",
    ]


def test_json_has_every_count() -> None:
    counts = counted(PUBLISHED, REFUSED, REFUSED, FAILED, matched=6)
    counts.add(MESSAGE, PUBLISHED, is_acknowledged=False)
    counts.beyond, counts.others, counts.last_attempts = 1, 8, 3
    assert counts.as_json() == {
        "dryRun": False,
        "matched": 6,
        "published": 2,
        "refused": {"malformed": 2},
        "failed": {"503 publish": 1},
        "notTried": 1,
        "beyondLimit": 1,
        "others": 8,
        "notAcknowledged": 1,
        "lastAttempts": 3,
        "messages": counts.listed,
    }
    assert counted(is_dry=True).as_json()["dryRun"] is True


def test_a_message_is_described_by_what_tells_it_from_others() -> None:
    bare = Pulled("ack", "1", b"", {}, 1_762_071_196.5)
    whole = {"eventType": "touch", "deviceId": "d1", "eventId": "e1", "reason": "expired"}
    assert described(replace(bare, attributes=whole)) == "2025-11-02T08:13:16Z  touch  d1  e1  expired"
    assert described(bare) == "2025-11-02T08:13:16Z  -  -  -  -"
    counts = Tally(matched=1)
    counts.add(bare, REFUSED)
    empty = dict.fromkeys(("eventType", "deviceId", "eventId", "rejectedFor"), "")
    how = {"outcome": "refused", "reason": "malformed"}
    assert counts.listed == [{"messageId": "1", "receivedAt": "2025-11-02T08:13:16Z", **empty, **how}]


def test_without_a_message_it_says_what_was_looked_at() -> None:
    assert list(Tally(others=2).lines()) == ["nothing to replay: 2 messages looked at, none of them asked for"]


def test_only_failures_that_the_next_events_would_have_too_count_in_a_row() -> None:
    assert counted(FAILED, TOO_LARGE, FAILED).failures_in_a_row == 2
    assert counted(TOO_LARGE, TOO_LARGE).failures_in_a_row == 0
    assert counted(FAILED, REFUSED).failures_in_a_row == 0
    assert counted(FAILED, PUBLISHED).failures_in_a_row == 0


def test_a_foreign_message_from_the_end_of_time_is_counted_like_any_other() -> None:
    counts = Tally(matched=1)
    counts.add(Pulled("ack", "1", b"", {"receivedAt": "9999-12-31T23:59:59-10:00"}, 0.0), REFUSED)
    assert counts.listed[0]["receivedAt"] == "9999-12-31T23:59:59Z"


def test_messages_that_are_not_on_main_are_listed_up_to_a_limit_and_in_a_dry_run_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 2)
    assert [item["outcome"] for item in counted(PUBLISHED, REFUSED, FAILED, FAILED).listed] == ["refused", "failed"]
    (item, _) = counted(PUBLISHED, REFUSED, is_dry=True).listed
    assert item == {
        "messageId": "1",
        "receivedAt": "2025-11-02T08:13:16Z",
        "eventType": "",
        "deviceId": "",
        "eventId": "e1",
        "rejectedFor": "expired",
        "outcome": "published",
        "reason": "",
    }
