"""What ``status`` says of a rotation of the secret."""

from dataclasses import replace

import pytest

from deploy.google.request_counts import RequestCounts
from deploy.resources.rotation import GRACE_S, ROTATION, Phase, Rotation
from deploy.resources.signature_secret import SignatureSecret
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, health_of
from deploy.stages.health.rows import rows_of
from tests.deploy.stages.health.samples import NOW, SPEC, readings

KEEPING = Rotation("keeping", since=int(NOW) - 900, old=1, new=2, switched=int(NOW) - 600)


def noted(rotation: Rotation) -> Readings:
    """Return readings whose secret has the note of a rotation."""
    found, secret = readings(), SignatureSecret(SPEC)
    facts = dict(found.google_side.of(secret))
    facts["secret"] = {**facts["secret"], "annotations": {**facts["secret"]["annotations"], ROTATION: rotation.note()}}
    return replace(found, google_side=replace(found.google_side, facts={**found.google_side.facts, secret.id: facts}))


def row_of(read: Readings) -> Row:
    (row,) = (row for row in rows_of(SPEC, read) if row.what == "rotation of the secret")
    return row


def test_without_a_rotation_there_is_no_row() -> None:
    assert "rotation of the secret" not in [row.what for row in rows_of(SPEC, readings())]


def test_a_rotation_that_waits_for_the_grace_period_is_shown_with_its_end_and_is_no_problem() -> None:
    row = row_of(noted(KEEPING))
    assert (row.state, row.health, row.is_key) == ("ok", "ok", True)
    assert "the old one is accepted until 2026-11-26T04:50:00Z" in row.detail
    assert health_of(rows_of(SPEC, noted(KEEPING))) is True
    due = row_of(noted(replace(KEEPING, switched=int(NOW) - GRACE_S)))
    assert (due.health, "the old one may go" in due.detail) == ("ok", True)
    clearing = row_of(noted(replace(KEEPING, phase="clearing", last=3, moved=int(NOW))))
    assert (clearing.state, clearing.health) == ("ok", "ok")
    assert "the version with the old one stays until" in clearing.detail


def requests_row(read: Readings) -> Row:
    (row,) = (row for row in rows_of(SPEC, read) if row.what == "requests")
    return row


def test_the_401_that_a_rotation_causes_to_see_what_the_function_knows_are_no_problem() -> None:
    counts = RequestCounts(NOW, recent={"200": 40, "401": 144})
    assert requests_row(replace(readings(), requests=counts)).state == "unauthorized"
    long_ago = replace(KEEPING, since=int(NOW) - 90_000, switched=int(NOW) - 89_000)
    lately = replace(long_ago, phase="done", moved=int(NOW) - 10_000)
    for note in (KEEPING, lately, replace(long_ago, phase="retiring")):
        row = requests_row(replace(noted(note), requests=counts))
        assert (row.state, row.health) == ("ok", "ok"), note.phase
        assert "the rotation of the secret causes 401" in row.detail
    for note in (long_ago, replace(long_ago, phase="done", moved=int(NOW) - 12_000)):
        assert requests_row(replace(noted(note), requests=counts)).state == "unauthorized", note.phase


@pytest.mark.parametrize("phase", ["adding", "spreading", "switching", "retiring"])
def test_a_rotation_that_was_stopped_is_a_problem_with_its_page_and_the_command_that_goes_on(phase: Phase) -> None:
    row = row_of(noted(replace(KEEPING, phase=phase)))
    assert (row.state, row.health, row.command) == ("unfinished", "unhealthy", "python -m deploy rotate")
    assert row.runbook == "docs/runbook/rotation.md"
