"""``verify --report`` with the real gcloud, and a real temporary function to which DT's stand-in delivers."""

import json
import signal
from pathlib import Path

import pytest

from deploy.first_contact.questions import FIELDS
from tests.real_gcloud.user import THOROUGH, struck, user_of

pytestmark = THOROUGH


@pytest.mark.parametrize("signs_anew", [True, False])
def test_a_report_answers_every_question_and_leaves_nothing(tmp_path: Path, *, signs_anew: bool) -> None:
    file = tmp_path / "report.json"
    with user_of(tmp_path) as user:
        user.brings_up()
        before = user.both_clouds.left()
        user.both_clouds.dt.deliveries.signs_anew = signs_anew
        status, output = user.runs("verify", f"--report={file}", "--yes")
        report = json.loads(file.read_text("utf-8"))
        assert (status, report["missing"]) == (0, {}), output
        assert (report["complete"], tuple(report["answers"])) == (True, FIELDS)
        for refused_with in (503, 401, 410):
            retry = report["answers"][f"dt.retry.{refused_with}"]
            assert retry["attempts"] >= 5
            assert (retry["signedAnew"], retry["newIat"]) == (signs_anew, signs_anew)
            assert 0.5 <= retry["pausesSeconds"][0] < retry["pausesSeconds"][2]
        assert set(report["answers"]["google.notFound"].values()) == {True}
        assert user.both_clouds.left() == before
        user.finds_nothing_to_do()
        user.keeps_secrets(output, file.read_text("utf-8"))


def test_ctrl_c_while_the_events_are_refused_leaves_a_partial_report_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    with user_of(tmp_path) as user:
        user.brings_up()
        before = user.both_clouds.left()
        run = user.starts("verify", f"--report={file}", "--yes")
        status, output = struck(
            run, signal.SIGINT, lambda: [made for made in user.both_clouds.dt.deliveries.attempts if made.status == 410]
        )
        report = json.loads(file.read_text("utf-8"))
        assert (status, report["finished"], report["complete"]) == (1, False, False), output
        assert set(report["answers"]) | set(report["missing"]) == set(FIELDS)
        assert "google.deploy.seconds" in report["answers"]
        assert user.both_clouds.left() == before, output
