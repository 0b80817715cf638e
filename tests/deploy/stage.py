"""A deployment with both clouds in memory: its spec, and what the terminal showed."""

import argparse
import contextlib
import hmac
import io
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from deploy.cli.terminal import Terminal
from deploy.context import Context
from deploy.dt.api import DtApi
from deploy.errors import DeployError
from deploy.function_client import Answer, Post
from deploy.google.calls import Answer as GoogleAnswer
from deploy.google.calls import Call
from deploy.google.gcloud import Gcloud
from deploy.report import Report
from deploy.resources.catalog import deployer_permissions
from deploy.secret import Secret
from deploy.spec import Spec
from deploy.stages.source import staged
from deploy.verbs import VERBS
from tests.deploy.fakes.bigquery import FakeBigQuery
from tests.deploy.fakes.dt import DT_PROJECT, FakeDt
from tests.deploy.fakes.gcloud import PROJECT, REGION, FakeGcloud
from tests.deploy.fakes.google_api import FakeGoogleApi
from tests.deploy.fakes.pubsub import FakePubSub
from tests.function.fakes import FakeClock

SOURCE = {"main.py": b"print()", "requirements.txt": b"", "function/__init__.py": b""}


def spec(**changes: Any) -> Spec:
    """Return a valid spec with these changes."""
    return Spec(
        **{
            "google_project": PROJECT,
            "region": REGION,
            "dt_projects": (DT_PROJECT,),
            "digest": "d1",
            "version": "1.0.0",
            **changes,
        }
    )


class Keyboard(io.StringIO):
    """Standard input with or without a user at a terminal."""

    def __init__(self, answer: str | None) -> None:
        super().__init__(answer or "")
        self._is_there = answer is not None

    def isatty(self) -> bool:
        """Return whether a user is at the terminal."""
        return self._is_there


@dataclass(frozen=True)
class Deployment:
    """Runs the verbs of one context, as the registry has them."""

    context: Context

    def plan(self) -> int:
        """Run ``plan``."""
        return self.run("plan")

    def up(self, *, verify: bool = True) -> int:
        """Run ``up``, or ``up --no-verify``."""
        return self.run("up", verify=verify)

    def verify(self, report: Path | None = None) -> int:
        """Run ``verify``, or ``verify --report=FILE``."""
        return self.run("verify", report=str(report) if report else None)

    def status(self, *, links: bool = False) -> int:
        """Run ``status``, or ``status --links``."""
        return self.run("status", links=links)

    def list(self) -> int:
        """Run ``list``."""
        return self.run("list")

    def follow(self, **flags: Any) -> int:
        """Run ``follow`` with these flags; without any, for five seconds."""
        names = ("device", "type", "label", "text", "count", "duration", "output", "port", "host_name")
        switches = dict.fromkeys(("raw", "web", "no_open", "any_type"), False)
        return self.run("follow", **{**dict.fromkeys(names), **switches, **(flags or {"duration": "5s"})})

    def replay(self, **flags: Any) -> int:
        """Run ``replay`` with these flags."""
        names = ("reason", "device", "type", "since", "until", "limit", "rate")
        return self.run("replay", **{**dict.fromkeys(names), "dry_run": False, "any_type": False, **flags})

    def audit(self, **flags: Any) -> int:
        """Run ``audit`` with these flags."""
        names = ("since", "until", "device", "type", "subscription", "table", "picture")
        return self.run("audit", **{**dict.fromkeys(names), "acknowledge": False, "any_type": False, **flags})

    def down(self, *, delete_data: str | None = None) -> int:
        """Run ``down``, ``down --delete-data`` or ``down --delete-data=DATASET``."""
        return self.run("down", delete_data=delete_data)

    def roll_back(self, revision: str = "", *, verify: bool = True) -> int:
        """Run ``up --rollback``, or ``up --rollback=REVISION``."""
        return self.run("up", rollback=revision, verify=verify)

    def pause(self) -> int:
        """Run ``pause``."""
        return self.run("pause")

    def resume(self, *, all_of_them: bool = False, verify: bool = True) -> int:
        """Run ``resume``, or ``resume --all``."""
        return self.run("resume", all=all_of_them, verify=verify)

    def rotate(self, *, grace: str | None = None, emergency: bool = False, status: bool = False) -> int:
        """Run ``rotate`` with these flags."""
        return self.run("rotate", grace=grace, emergency=emergency, status=status)

    def backfill(self, **flags: Any) -> int:
        """Run ``backfill`` with these flags; without any, for the last day."""
        names = ("since", "until", "device", "type", "subscription", "table", "rate", "resume")
        switches = dict.fromkeys(("dry_run", "missing_only", "any_type"), False)
        return self.run("backfill", **{**dict.fromkeys(names), **switches, "since": "1d", **flags})

    def run(self, verb: str, **flags: Any) -> int:
        """Run a verb with these flags."""
        typed = argparse.Namespace(**{**vars(self.context.flags), **flags})
        return VERBS[verb].run(replace(self.context, flags=typed))


@dataclass
class Stage:
    """The environment of a deployment: both fake clouds, a clock and the terminal.

    ``reads_by_rest``: as with the real clouds; ``api.reads`` answers. ``requests``: those of the last ``measured_s``
    seconds by status. ``silent``: five minutes without any.
    """

    google: FakeGcloud = field(default_factory=FakeGcloud)
    dt: FakeDt = field(default_factory=FakeDt)
    clock: FakeClock = field(default_factory=FakeClock)
    monotonic: FakeClock | None = None
    held: frozenset[str] = field(default_factory=lambda: frozenset(deployer_permissions()))
    held_on_account: frozenset[str] = frozenset()
    requests: dict[str, int] = field(default_factory=lambda: {"200": 120})
    measured_s: int = 300
    silent: range = range(0)
    unread: dict[str, tuple[int, int]] = field(default_factory=lambda: {"dt-events": (0, 0), "dt-rejected": (0, 0)})
    monitoring_fails: DeployError | None = None
    answers: list[tuple[int, str]] = field(default_factory=list)
    post: Post | None = None
    posted: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    changelog: str = ""
    reads_by_rest: bool = False
    pubsub: FakePubSub = field(init=False)
    report: Report = field(default_factory=Report)
    out: io.StringIO = field(default_factory=io.StringIO)
    err: io.StringIO = field(default_factory=io.StringIO)
    api: FakeGoogleApi = field(init=False)
    bigquery: FakeBigQuery = field(default_factory=FakeBigQuery)

    def __post_init__(self) -> None:
        """Set the clock of the stage in Pub/Sub and in the REST APIs of alerts."""
        self.api = FakeGoogleApi(self.clock, self.google)
        self.pubsub = FakePubSub(self.clock, on_idle=partial(self.clock.advance, 0.1))

    def deployment(
        self,
        *,
        yes: bool = True,
        in_json: bool = False,
        answer: str | None = None,
        credentials: bool = True,
        **changes: Any,
    ) -> Deployment:
        """Return a deployment of the spec with these changes."""
        terminal, self.report = Terminal(self.out, self.err, Keyboard(answer)), Report()
        google = Gcloud(self.google, sleep=self.clock.advance, notice=terminal.info, send=self.api, now=self.clock)
        context = Context(
            spec=spec(**{"invocation": "auto", **changes}),
            google=google.quick(lambda: True) if self.reads_by_rest else google,
            dt=DtApi(self.dt if credentials else None, sleep=self.clock.advance, notice=terminal.info),
            test_permissions=self._held,
            read_time_series=self._measured,
            send=self._send,
            post=self.post or self._post,
            staged=self._staged,
            terminal=terminal,
            flags=argparse.Namespace(json=in_json, yes=yes, rollback=None, watch=None, report=None),
            report=self.report,
            sleep=self.clock.advance,
            now=self.clock,
            monotonic=self.monotonic or self.clock,
            changelog=lambda: self.changelog,
        )
        return Deployment(context)

    @property
    def shown(self) -> str:
        """Return what was printed to standard output."""
        return self.out.getvalue()

    @property
    def noted(self) -> str:
        """Return what was printed to standard error."""
        return self.err.getvalue()

    def becomes(self, other: "Stage") -> None:
        """Take over the clouds, the clock and the terminal of another stage, which is not used after that."""
        for name in ("google", "dt", "clock", "pubsub", "api", "bigquery", "report", "out", "err"):
            setattr(self, name, getattr(other, name))

    def clear_screen(self) -> None:
        """Forget what was printed so far."""
        self.out.seek(0)
        self.out.truncate()

    def in_json(self) -> Any:
        """Return what the last deployment reported, as ``--json`` prints it; it printed nothing else."""
        assert self.shown == ""
        return json.loads(json.dumps(self.report.as_json()))

    def secret(self) -> str:
        """The newest signature secret."""
        return self.google.versions["dt-signature"][-1]

    def _held(self, resource: str, permissions: Sequence[str], token: Secret) -> frozenset[str]:
        assert token.reveal() == "an-access-token"
        account = f"projects/{PROJECT}/serviceAccounts/dt-pubsub@{PROJECT}.iam.gserviceaccount.com"
        on = {f"projects/{PROJECT}": self.held, account: self.held_on_account}
        return on[resource] & frozenset(permissions)

    def _measured(self, project: str, parameters: Mapping[str, str]) -> list[Any]:
        """Answer as Cloud Monitoring does: integers as text, and the newest point first."""
        assert project == PROJECT
        if self.monitoring_fails:
            raise self.monitoring_fails
        if "run.googleapis.com/request_count" in parameters["filter"]:
            return self._counted(parameters)
        place = int("oldest_unacked_message_age" in parameters["filter"])
        ends = [parameters["interval.endTime"], parameters["interval.startTime"]]
        return [
            {
                "resource": {"type": "pubsub_subscription", "labels": {"project_id": PROJECT, "subscription_id": name}},
                "points": [
                    {"interval": {"startTime": end, "endTime": end}, "value": {"int64Value": str(figure)}}
                    for end, figure in zip(ends, (figures[place], 99999), strict=True)
                ],
            }
            for name, figures in self.unread.items()
            if f'"{name}"' in parameters["filter"]
        ]

    def _counted(self, parameters: Mapping[str, str]) -> list[Any]:
        """Return the requests by their status, spread over the time in which they were measured."""
        assert parameters["aggregation.groupByFields"] == "metric.labels.response_code"
        period, periods = timedelta(seconds=300), self.measured_s // 300
        until = datetime.fromisoformat(parameters["interval.endTime"])
        ends = [until - number * period for number in range(periods) if number not in self.silent]
        return [
            {
                "metric": {"labels": {"response_code": code}},
                "resource": {"type": "cloud_run_revision", "labels": {"project_id": PROJECT}},
                "points": [
                    {
                        "interval": {"startTime": (end - period).isoformat(), "endTime": end.isoformat()},
                        "value": {"int64Value": str(count // periods)},
                    }
                    for end in ends
                ],
            }
            for code, count in self.requests.items()
        ]

    def _send(self, call: Call) -> GoogleAnswer:
        return self.bigquery(call) if "bigquery.googleapis.com" in call.url else self.pubsub(call)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.posted.append((url, body, headers))
        if token := headers.get("X-Dt-Signature"):
            return Answer(401, '{"error": "checksum"}' if self._knows(token) else '{"error": "signature"}')
        return Answer(*(self.answers.pop(0) if self.answers else (401, '{"error": "unsigned"}')))

    def _knows(self, token: str) -> bool:
        """Return whether the function would know this signature, of a secret of the newest version, and its origin."""
        head, _, signature = token.rpartition(".")
        origin = json.loads(urlsafe_b64decode(head.partition(".")[2] + "==")).get("origin")
        macs = [hmac.digest(line.encode(), head.encode(), "sha256") for line in self.secret().splitlines()]
        is_known = signature in {urlsafe_b64encode(mac).decode().rstrip("=") for mac in macs}
        return is_known and origin in {None, "replay", "backfill"}

    @contextlib.contextmanager
    def _staged(self) -> Iterator[Path]:
        with staged(SOURCE) as folder:
            yield folder
