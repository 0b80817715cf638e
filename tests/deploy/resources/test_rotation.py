"""The note of a rotation in an annotation of the secret, and what it says."""

from dataclasses import replace

import pytest

from deploy.resources.rotation import (
    CLEAR_S,
    GRACE_S,
    MIN_GRACE_S,
    ROTATION,
    SOON_S,
    Phase,
    Rotation,
    rotation_in,
    rotation_row,
)

NOW = 1_764_288_000
KEEPING = Rotation("keeping", since=NOW - 300, old=1, new=2, switched=NOW, grace=GRACE_S)


def noted(rotation: Rotation) -> dict[str, str]:
    return {"team": "cold-chain", ROTATION: rotation.note()}


@pytest.mark.parametrize(
    "rotation",
    [
        Rotation("adding", since=NOW, old=7, run="ab12cd34"),
        Rotation("spreading", since=NOW, old=7, new=8, grace=0),
        KEEPING,
        replace(KEEPING, phase="retiring", last=3),
        replace(KEEPING, phase="clearing", last=3, moved=NOW + 9),
        replace(KEEPING, phase="done", new=0, last=3, moved=NOW + 9),
    ],
    ids=lambda rotation: rotation.phase,
)
def test_a_note_is_read_as_it_was_written_and_has_nothing_that_a_shell_or_gcloud_reads(rotation: Rotation) -> None:
    assert rotation_in(noted(rotation)) == rotation
    assert set(rotation.note()) <= set("abcdefghijklmnopqrstuvwxyzTZ0123456789+@-:")


@pytest.mark.parametrize(
    "text",
    [
        *("", "none", "keeping", "keeping+since@soon", "keeping+since@2026-13-01T00:00:00Z"),
        *("keeping+since@2026-02-30T00:00:00Z", "waiting+since@2026-11-27T00:00:00Z"),
    ],
)
def test_a_text_that_is_no_note_counts_as_no_rotation(text: str) -> None:
    assert rotation_in({ROTATION: text}) is None
    assert rotation_row({ROTATION: text}, NOW) is None


def test_words_of_a_later_version_are_ignored_and_missing_ones_have_their_defaults() -> None:
    found = rotation_in({ROTATION: "keeping+since@2025-11-28T00:00:00Z+colour@blue+old@x+switched@yesterday"})
    assert found == Rotation("switching", since=1_764_288_000)
    assert found.until == 0


@pytest.mark.parametrize("grace", ["24h", "", "-1", "12345678901"])
def test_a_grace_period_that_cannot_be_read_is_the_usual_one_and_does_not_end_at_once(grace: str) -> None:
    text = KEEPING.note().replace(f"grace@{GRACE_S}", f"grace@{grace}")
    assert rotation_in({ROTATION: text}) == KEEPING


def test_without_the_time_of_the_switch_the_connectors_get_the_new_secret_again_and_nothing_is_due() -> None:
    damaged = rotation_in({ROTATION: KEEPING.note().replace("+switched@", "+swiched@")})
    assert damaged == replace(KEEPING, phase="switching", switched=0)
    assert not replace(KEEPING, switched=0).is_due(NOW + 10 * GRACE_S)


def test_the_old_secret_may_go_after_the_grace_period_and_not_before() -> None:
    assert KEEPING.until == NOW + GRACE_S
    assert not KEEPING.is_due(NOW + GRACE_S - 1)
    assert KEEPING.is_due(NOW + GRACE_S)
    assert not replace(KEEPING, phase="switching").is_due(NOW + 10 * GRACE_S)
    assert replace(KEEPING, phase="retiring").is_due(NOW)


def test_the_version_with_both_secrets_is_kept_for_hours_unless_it_is_an_emergency_or_the_time_is_not_known() -> None:
    clearing = replace(KEEPING, phase="clearing", last=3, moved=NOW)
    assert not clearing.is_due(NOW + CLEAR_S - 1)
    assert clearing.waits(NOW + CLEAR_S - 1)
    assert clearing.is_due(NOW + CLEAR_S)
    assert replace(clearing, grace=0).is_due(NOW)
    assert not clearing.is_unfinished
    damaged = rotation_in({ROTATION: clearing.note().replace("+moved@", "+moved@x")})
    assert damaged == replace(clearing, phase="retiring", moved=0)


def test_the_least_grace_period_is_dts_repetitions_and_the_life_of_a_signature() -> None:
    assert MIN_GRACE_S == (12 + 1) * 3600
    assert MIN_GRACE_S < GRACE_S


def test_the_row_of_status_says_how_far_a_rotation_is() -> None:
    assert rotation_row({}, NOW) is None
    assert rotation_row(None, NOW) is None
    assert rotation_row(noted(KEEPING), NOW) == (
        "ok",
        (
            "DT signs with the new secret since 2025-11-28T00:00:00Z; the old one is accepted until "
            "2025-11-29T00:00:00Z, then `python -m deploy rotate` or `up` removes it"
        ),
    )
    due = rotation_row(noted(KEEPING), NOW + GRACE_S)
    assert due is not None
    assert due[1] == (
        "DT signs with the new secret since 2025-11-28T00:00:00Z; "
        "the old one may go: `python -m deploy rotate` or the next `up` removes it"
    )


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        ("adding", "the new secret is being added; DT still signs with the old one"),
        ("spreading", "the function does not know the new secret everywhere yet; DT still signs with the old one"),
        ("switching", "the function knows both secrets, and DT's connectors are being changed to the new one"),
        ("retiring", "DT signs with the new secret, and the old one is being removed"),
    ],
)
def test_an_unfinished_phase_is_said_with_what_dt_signs_with_and_how_it_goes_on(phase: Phase, state: str) -> None:
    goes_on = "begun at 2025-11-27T23:55:00Z; `python -m deploy rotate` goes on"
    assert rotation_row(noted(replace(KEEPING, phase=phase)), NOW) == ("unfinished", f"{state}; {goes_on}")


def test_a_version_that_is_kept_for_hours_is_said_with_when_it_may_go() -> None:
    clearing = noted(replace(KEEPING, phase="clearing", last=3, moved=NOW))
    state = "the function knows only the new secret since 2025-11-28T00:00:00Z; the version with the old one"
    assert rotation_row(clearing, NOW + CLEAR_S - 1) == (
        "ok",
        f"{state} stays until 2025-11-28T12:00:00Z, then `python -m deploy rotate` or `up` destroys it",
    )
    assert rotation_row(clearing, NOW + CLEAR_S) == (
        "ok",
        f"{state} may go: `python -m deploy rotate` or the next `up` destroys it",
    )


@pytest.mark.parametrize(
    ("rotation", "waits"),
    [
        (KEEPING, True),
        (replace(KEEPING, grace=0), False),
        (replace(KEEPING, phase="clearing", moved=NOW), True),
        *((replace(KEEPING, phase=phase), False) for phase in ("adding", "spreading", "switching", "retiring", "done")),
    ],
)
def test_only_a_rotation_that_keeps_a_secret_or_its_version_for_a_time_waits(rotation: Rotation, waits: object) -> None:
    assert rotation.waits(NOW) is waits


def test_requests_that_the_function_refused_may_come_from_a_rotation_that_goes_on_or_has_moved_since() -> None:
    done = Rotation("done", since=NOW, switched=NOW + 10, moved=NOW + 20)
    assert done.may_have_asked(NOW + 20)
    assert not done.may_have_asked(NOW + 21)
    assert replace(done, moved=0).may_have_asked(NOW + 10)
    assert replace(done, moved=0, switched=0).may_have_asked(NOW)
    assert not replace(done, moved=0, switched=0).may_have_asked(NOW + 1)
    assert replace(done, phase="adding").may_have_asked(NOW + 1000)


def test_a_grace_period_below_the_least_one_is_an_emergency() -> None:
    assert replace(KEEPING, grace=MIN_GRACE_S - 1).is_emergency
    assert not replace(KEEPING, grace=MIN_GRACE_S).is_emergency


def test_a_rotation_that_has_ended_is_shown_for_two_weeks() -> None:
    done = noted(replace(KEEPING, phase="done"))
    assert rotation_row(done, NOW) == ("ok", "the secret was replaced at 2025-11-27T23:55:00Z; the old one is gone")
    assert rotation_row(done, NOW + SOON_S) is None


def test_a_rotation_as_json_has_its_times_and_the_numbers_of_the_versions() -> None:
    clearing = replace(KEEPING, phase="clearing", last=3, moved=NOW + 9)
    assert clearing.as_json(NOW) == {
        "phase": "clearing",
        "since": "2025-11-27T23:55:00Z",
        "switched": "2025-11-28T00:00:00Z",
        "oldUntil": "2025-11-29T00:00:00Z",
        "due": False,
        "versions": {"old": 1, "both": 2, "new": 3},
        "sentence": clearing.sentence(NOW),
    }
    begun = Rotation("adding", since=NOW).as_json(NOW)
    assert begun == {
        **begun,
        "switched": None,
        "oldUntil": None,
        "versions": {"old": None, "both": None, "new": None},
    }
