"""Adds to the error of a failed build or start: the build account, and the last lines of the function's log."""

import re
from typing import Any

from deploy.errors import DeployError, GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.spec import Spec
from deploy.stages.build_account import build_account

MAX_LINES = 8
UNKNOWN_ACCOUNT = "BUILD-ACCOUNT"
"""The placeholder in a fix for a build account that the error does not name."""


def with_more(google: Gcloud, spec: Spec, error: GcloudFailed) -> GcloudFailed:
    """Return an error with more details, which are read from Google; the same error if there are none."""
    try:
        if error.code == "BUILD_ACCOUNT" and (account := build_account(google, spec)):
            fix = [line.replace(UNKNOWN_ACCOUNT, account) for line in error.fix]
            return GcloudFailed(error.code, error.what, where=error.where, fix=fix)
        if error.code == "START" and (lines := _last_lines(google, spec, error.what)):
            what = "\n".join((error.what, "  the last lines of the function's log:", *(f"  {line}" for line in lines)))
            return GcloudFailed(error.code, what, where=error.where, fix=error.fix)
    except DeployError:
        pass  # the error is shown without details
    return error


def _last_lines(google: Gcloud, spec: Spec, what: str) -> list[str]:
    """Return the last log lines of the revision that the error names, the oldest first."""
    revision = re.search(r"Revision '([\w-]+)'", what)
    wanted = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{spec.name}"'
    wanted += f' AND resource.labels.revision_name="{revision[1]}"' if revision else ""
    listed = google.read(("logging", "read", wanted, "--freshness=1h", f"--limit={MAX_LINES}", spec.project_flag))
    texts = [_text(entry) for entry in reversed(listed or [])]
    return [line for text in texts for line in text.strip().splitlines()][-MAX_LINES:]


def _text(entry: dict[str, Any]) -> str:
    written = entry.get("jsonPayload") or {}
    return str(written.get("message") or entry.get("textPayload") or "")
