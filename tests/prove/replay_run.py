"""One ``replay`` as a process, which can be killed: ``python -m tests.prove.replay_run SETTINGS``.

The command line, the verb and every call over the network are the real ones. Only gcloud is a fake, because the real
one would need seconds for each run, and the times of a run are shorter, so that leases expire and calls are given up
within seconds. ``SETTINGS`` is JSON, the fields of ``Settings``. With ``--json`` the process prints its report.
"""

import argparse
import json
import os
import re
import signal
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import jwt

from deploy import function_client, function_https
from deploy.__main__ import main
from deploy.cli.terminal import Terminal
from deploy.context import Context
from deploy.function_client import Answer as FunctionAnswer
from deploy.google.calls import Answer, Call
from deploy.google.https import send
from deploy.google.pubsub_api import Pulled
from deploy.parallel import sleep
from deploy.repair import republisher
from deploy.repair.replay import leases, replayer
from deploy.report import Report
from deploy.verbs import VERBS, republishing
from deploy.verbs import replay as verb
from tests.deploy.stage import Stage
from tests.prove.programs import SECRET

SENDING = "sending"
"""Printed to standard error when the first event is sent."""

READ_S = 1.5
"""Seconds to wait for an answer of Pub/Sub."""

DEADLINE_S = 4.0
"""Seconds in which a run sends an event again."""

SHORT_TIMES: tuple[tuple[Any, str, Any], ...] = (
    (leases, "LEASE_S", 2),
    (leases, "EXTEND_S", 0.6),
    (leases, "READ_S", READ_S),
    (replayer, "SETTLE_S", 2.4),
    (replayer, "IDLE_S", 0.1),
    (replayer, "RETRY_S", (0.1, 0.2, 0.4)),
    (republisher, "FIRST_PAUSE_S", 0.1),
    (republisher, "LONGEST_PAUSE_S", 0.8),
    (function_https, "TIMEOUT_S", 2),
)
"""The times of a run: those of a lease fifteen times shorter."""


@dataclass
class Settings:
    """What one run does.

    ``dies_at``: the end of the path of the call at which the process kills itself, for example ``:pull``, or ``post``
    for a request to the function; ``dies_after``: after its answer rather than before it is sent; ``dies_on``: which
    call of that kind, counted from 1. ``acknowledges_first``: the control, a replay that loses events. ``endless``:
    without any network, so many messages wait, and the function publishes all but every twentieth.
    """

    dies_at: str = ""
    dies_after: bool = False
    dies_on: int = 1
    acknowledges_first: bool = False
    endless: int = 0
    flags: list[str] = field(default_factory=lambda: ["--json", "--rate=1000"])

    def as_text(self) -> str:
        """Return the settings as an argument of the process."""
        return json.dumps(asdict(self))


class Suicide:
    """Kills this process before or after one call."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._seen, self._lock = settings, 0, threading.Lock()
        self._is_sending = False

    def before(self, path: str) -> bool:
        """Count a call, and die if it is the one. Return whether to die after it."""
        if not self._settings.dies_at or not path.endswith(self._settings.dies_at):
            return False
        with self._lock:
            self._seen += 1
            is_it = self._seen == self._settings.dies_on
        if is_it and not self._settings.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return is_it

    def sends(self, call: Call) -> Answer:
        """Send a call to Pub/Sub."""
        is_last = self.before(call.url)
        answer = send(replace(call, read_s=min(call.read_s, READ_S)))
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def posts(self, url: str, body: bytes, headers: Mapping[str, str]) -> FunctionAnswer:
        """Send a request to the function."""
        if body != b"{}" and not self._is_sending:
            self._is_sending = True
            print(SENDING, file=sys.stderr, flush=True)
        is_last = self.before("post")
        answer = function_https.post(url, body, headers)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


class AcknowledgesFirst(replayer.Replayer):
    """The control: it acknowledges an event before the function has it."""

    def _sent(self, message: Pulled) -> republisher.Verdict:
        self.leases.finish(message.message_id)
        return super()._sent(message)


class FinishedOnce(leases.Leases):
    """The leases of the control."""

    def finish(self, message_id: str) -> bool:
        """Acknowledge a message unless it was done."""
        return message_id in self._finished or super().finish(message_id)


class Endless:
    """A Pub/Sub and a function without network and without a memory: only the run itself can need any."""

    def __init__(self, subscription: Mapping[str, Any], messages: int) -> None:
        self._subscription, self._messages, self._sent = subscription, messages, 0
        self._lock = threading.Lock()

    def sends(self, call: Call) -> Answer:
        """Answer a call to Pub/Sub."""
        if call.method == "GET":
            return Answer(200, dict(self._subscription))
        if not call.url.endswith(":pull"):
            return Answer(200, {})
        with self._lock:
            first, self._sent = self._sent, min(self._sent + 500, self._messages)
        return Answer(200, {"receivedMessages": [_delivery(number) for number in range(first, self._sent)]})

    def posts(self, url: str, body: bytes, headers: Mapping[str, str]) -> FunctionAnswer:
        """Answer a request to the function."""
        del url
        if body == b"{}":  # a question whether it knows an origin
            known = "checksum" if _origin(headers) == "replay" else "signature"
            return FunctionAnswer(401, json.dumps({"error": known}))
        if json.loads(body)["number"] % 20 == 0:
            return FunctionAnswer(422, '{"error": "malformed"}')
        return FunctionAnswer(200, '{"messageId": "1", "topic": "events"}')


def _origin(headers: Mapping[str, str]) -> str:
    token = headers[function_client.SIGNATURE_HEADER]
    return str(jwt.decode(token, options={"verify_signature": False})["origin"])


def _delivery(number: int) -> dict[str, Any]:
    """Return one delivery, as large as one of a temperature event."""
    body = json.dumps({"number": number, "event": "-" * 480}).encode()
    attributes = {"reason": "expired", "receivedAt": "2026-11-01T06:00:00Z", "deviceId": f"device{number % 500:014}"}
    attributes |= {"eventId": f"{number:020}", "eventType": "temperature", "projectId": "bhmh0143iktucae701vg"}
    message = {
        "messageId": f"{number:016}",
        "data": b64encode(body).decode(),
        "attributes": attributes,
        "publishTime": "2026-11-01T06:00:00Z",
    }
    return {"ackId": f"{number:0180}", "message": message}  # Google's are as long


def run(settings: Settings) -> int:
    """Run ``replay``, and return its exit status."""
    changes: list[tuple[Any, str, Any]] = [*SHORT_TIMES, (verb, "MAX_RATE", 10**9)]
    changes += [(republishing, "Republisher", partial(republisher.Republisher, deadline_s=DEADLINE_S))]
    if settings.acknowledges_first:
        changes += [(verb, "Replayer", AcknowledgesFirst), (verb, "Leases", FinishedOnce)]
    for place, name, value in changes:
        assert hasattr(place, name)
        setattr(place, name, value)
    return main(["replay", *settings.flags], _verb(settings))


def _verb(
    settings: Settings,
) -> Callable[[argparse.Namespace, Mapping[str, str], Terminal, Report], int]:
    def run_verb(flags: argparse.Namespace, environ: Mapping[str, str], terminal: Terminal, report: Report) -> int:
        del environ
        stage = Stage()
        stage.google.has_everything_on()
        stage.deployment().up(verify=False)
        stage.google.versions["dt-signature"] = [SECRET]
        network: Suicide | Endless = Suicide(settings)
        if settings.endless:
            network = Endless(stage.pubsub.has_subscription("dt-rejected"), settings.endless)
        context: Context = replace(
            stage.deployment(credentials=False).context,
            send=network.sends,
            post=network.posts,
            terminal=terminal,
            flags=flags,
            report=report,
            sleep=sleep,
            now=time.time,
            monotonic=time.monotonic,
        )
        status = VERBS["replay"].run(context)
        terminal.info(f"memory: {largest_kib()}")
        return status

    return run_verb


def largest_kib() -> int:
    """Return the largest memory so far. ``getrusage`` would count that of the process that started this one."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    sys.exit(run(Settings(**json.loads(sys.argv[1]))))
