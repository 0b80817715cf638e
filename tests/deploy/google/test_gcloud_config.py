"""A command that names the caller's account can be pasted; tests/deploy/test_network.py has proxies and endpoints."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.cli.terminal import Terminal
from deploy.errors import DeployError
from deploy.google.gcloud_config import with_account
from deploy.google.permissions import grants
from deploy.remedies import LOGIN, YOU

ADA, ROBOT = "ada@example.com", "ci@p.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("sections", "filled"),
    [
        ({"core": {"account": ADA}}, f"user:{ADA} user:{ADA}"),
        ({"core": {"account": ROBOT}}, f"serviceAccount:{ROBOT} serviceAccount:{ROBOT}"),
        (
            {"core": {"account": ADA}, "auth": {"impersonate_service_account": f"first@p.x, {ROBOT}"}},
            f"serviceAccount:{ROBOT} user:{ADA}",
        ),
        ({"core": {"account": "principal://x"}}, f"{YOU} {LOGIN}"),
        ({"core": {}, "auth": None}, f"{YOU} {LOGIN}"),
        ({}, f"{YOU} {LOGIN}"),
    ],
)
def test_the_account_that_google_sees_stands_in_a_command(sections: Mapping[str, Any], filled: str) -> None:
    assert with_account(f"{YOU} {LOGIN}", lambda: sections) == filled


def test_gcloud_is_only_asked_for_the_account_if_a_text_needs_it() -> None:
    def never() -> Mapping[str, Any]:
        raise AssertionError

    assert with_account("healthy", never) == "healthy"


def test_no_stream_of_the_terminal_shows_a_placeholder() -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out, err, io.StringIO())
    terminal.filled = lambda text: with_account(text, lambda: {"core": {"account": ADA}})
    error = DeployError("is forbidden", fix=grants("p"))
    terminal.info(error.printed())
    terminal.as_json({"fix": error.fix})
    terminal.table([("a", "b", error.fix[0])])
    for shown in (out.getvalue(), err.getvalue()):
        assert f"--member=user:{ADA} " in shown
        assert YOU not in shown
