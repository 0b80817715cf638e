"""What Google does not say of a build or a start that failed, looked up: who builds, and the function's own words."""

import re
from typing import Any

from deploy.errors import DeployError, GcloudFailed
from deploy.spec import Spec
from deploy.stages.build_account import Reads, build_account

MOST_LINES = 8
UNKNOWN_ACCOUNT = "BUILD-ACCOUNT"
"""What stands in a remedy where the error does not name the account that builds."""


def with_more(google: Reads, spec: Spec, error: GcloudFailed) -> GcloudFailed:
    """Return an error with what can be learned about it; the same where that is nothing."""
    try:
        if error.code == "BUILD_ACCOUNT" and (account := build_account(google, spec)):
            mend = [line.replace(UNKNOWN_ACCOUNT, account) for line in error.mend]
            return GcloudFailed(error.code, error.what, where=error.where, mend=mend)
        if error.code == "START" and (lines := _last_words(google, spec, error.what)):
            what = "\n".join((error.what, "  the function's own words:", *(f"  {line}" for line in lines)))
            return GcloudFailed(error.code, what, where=error.where, mend=error.mend)
    except DeployError:
        pass  # what Google says alone has to do
    return error


def _last_words(google: Reads, spec: Spec, what: str) -> list[str]:
    """Return the last lines that the revision which is named wrote, the oldest first."""
    revision = re.search(r"Revision '([\w-]+)'", what)
    wanted = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{spec.name}"'
    wanted += f' AND resource.labels.revision_name="{revision[1]}"' if revision else ""
    listed = google.read(
        ("logging", "read", wanted, "--freshness=1h", f"--limit={MOST_LINES}", f"--project={spec.google_project}")
    )
    words = [_words(entry) for entry in reversed(listed or [])]
    return [line for word in words for line in word.strip().splitlines()][-MOST_LINES:]


def _words(entry: dict[str, Any]) -> str:
    written = entry.get("jsonPayload") or {}
    return str(written.get("message") or entry.get("textPayload") or "")
