"""One run of a backfill as a process, which can be killed: ``python -m tests.prove.backfill_run SETTINGS``.

``SETTINGS`` is JSON: the function's ``url`` and ``secret``, ``project``, ``start``, ``end``, and the file ``resume``.
Without a URL every event counts as published. The process prints its largest memory, and exits with 0 if every event
is on the main topic.
"""

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from deploy.dt.api import DtApi
from deploy.dt.calls import Credentials
from deploy.dt.history import History
from deploy.dt.transport import DisruptiveTransport
from deploy.function_client import FunctionClient
from deploy.function_https import post
from deploy.repair.backfill.backfiller import Backfill, Sender, Span, Target
from deploy.repair.backfill.resume_file import ResumeFile, read_resume_file
from deploy.repair.pace import Pace
from deploy.repair.republisher import Republisher, Verdict
from deploy.secret import Secret

SAVE_EVERY_S = 0.5


class Nowhere:
    """A sender for a measurement of memory alone."""

    def send(self, _: bytes) -> Verdict:
        """Count an event as published."""
        return Verdict("published")


def main(settings: dict[str, Any]) -> int:
    """Run until all is sent, and return the exit status."""
    variables = ("DT_SERVICE_ACCOUNT_KEY_ID", "DT_SERVICE_ACCOUNT_SECRET", "DT_SERVICE_ACCOUNT_EMAIL")
    key_id, secret, email = (os.environ[name] for name in variables)
    history = History(DtApi(DisruptiveTransport(Credentials(key_id, Secret(secret), email))))
    path = Path(settings["resume"]) if settings["resume"] else None
    resume = (path and read_resume_file(path)) or ResumeFile(path, {})
    span = Span(settings["start"], settings["end"], time.time())
    targets = {settings["project"]: Target(("name",))}
    run = Backfill(history, span, targets, _sender(settings), resume)
    saved_at = time.monotonic()

    def save() -> None:
        nonlocal saved_at
        if time.monotonic() - saved_at > SAVE_EVERY_S:
            resume.save()
            saved_at = time.monotonic()

    run.run(history.devices(settings["project"]), save)
    resume.save()
    print(json.dumps({"kib": _largest_kib(), "events": run.tally.types.total()}))
    return 3 if run.tally.missing or run.tally.unread else 0


def _largest_kib() -> int:
    """Return the largest memory so far. ``getrusage`` would count that of the process that started this one."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    return int(found[1]) if found else 0


def _sender(settings: dict[str, Any]) -> Sender:
    if not settings["url"]:
        return Nowhere()
    client = FunctionClient(settings["url"], post, time.time)
    return Republisher(client, Secret(settings["secret"]), "backfill", Pace(0))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
