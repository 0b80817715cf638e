"""Everything that a verb works with, built in one place: the desired state, both clouds, the terminal and the clock."""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from deploy.cli.terminal import EVERYTHING, Terminal
from deploy.dt.api import DtApi
from deploy.dt.connectors import Connectors
from deploy.dt.devices import Devices
from deploy.dt.history import History
from deploy.dt.limiter import Limiter
from deploy.function_client import Post
from deploy.google.access_token import AccessTokens
from deploy.google.bigquery import BigQuery
from deploy.google.calls import Send, TestPermissions
from deploy.google.gcloud import Gcloud
from deploy.google.gcloud_config import Configuration
from deploy.google.monitoring import ReadTimeSeries
from deploy.google.pubsub_api import PubSubApi
from deploy.google.secret_versions import SecretVersions
from deploy.report import Report
from deploy.spec import Spec
from deploy.stages.observe import Observer
from deploy.steps import Step


@dataclass(frozen=True)
class Context:
    """Everything that a verb works with. The properties are built on first use, and kept.

    ``flags``: ``json``, and the flags of the verb. ``test_permissions`` and ``read_time_series`` call APIs for which
    gcloud has no command; ``send`` sends one call to any of Google's APIs. ``post`` sends a request to the function.
    ``staged`` returns a temporary folder with the source, for an upload. ``changelog`` returns the text of
    CHANGELOG.md, empty if there is none. ``environ`` and ``folder``: where settings are found. ``configuration``
    returns gcloud's properties, and may block until they are read. ``report`` is filled in while the verb runs.
    ``now`` returns unix seconds; ``monotonic`` seconds of a clock that is never set. For another spec,
    ``dataclasses.replace`` returns another context.
    """

    spec: Spec
    google: Gcloud
    dt: DtApi
    test_permissions: TestPermissions
    read_time_series: ReadTimeSeries
    send: Send
    post: Post
    staged: Callable[[], AbstractContextManager[Path]]
    terminal: Terminal
    flags: argparse.Namespace
    report: Report = field(default_factory=Report)
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    changelog: Callable[[], str] = lambda: ""
    environ: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    configuration: Callable[[], Configuration] = dict

    @cached_property
    def connectors(self) -> Connectors:
        """The Data Connectors."""
        return Connectors(self.dt, self.sleep)

    @cached_property
    def devices(self) -> Devices:
        """The emulated devices of this deployment's proofs."""
        return Devices(self.dt, self.spec)

    @cached_property
    def history(self) -> History:
        """DT's history of events; all calls of it keep one limit."""
        return History(self.dt, Limiter(self.monotonic, self.sleep))

    @cached_property
    def secret_versions(self) -> SecretVersions:
        """The versions of the signature secret."""
        return SecretVersions(self.spec, self.google)

    @cached_property
    def pubsub(self) -> PubSubApi:
        """Pub/Sub's REST API."""
        return PubSubApi(self.spec.google_project, self._tokens, self.send, self.sleep)

    @cached_property
    def bigquery(self) -> BigQuery:
        """Queries of BigQuery."""
        return BigQuery(self.spec.google_project, self._tokens, self.send, self.sleep)

    @cached_property
    def _tokens(self) -> AccessTokens:
        """The access tokens for Google's REST APIs."""
        return AccessTokens(self.google.read_text, self.now)

    @cached_property
    def observer(self) -> Observer:
        """The reader of both ends."""
        return Observer(self.spec, self.google, self.connectors, self.devices, self.secret_versions)

    def print(self, text: str) -> None:
        """Print a result, unless the report is printed as JSON instead."""
        if not self.flags.json:
            self.terminal.print(text)

    def show(self, steps: Sequence[Step], nothing: str = EVERYTHING) -> None:
        """Report a plan, and print it as a table. ``nothing``: why no step changes anything, if that is so."""
        self.report.steps = steps
        if not self.flags.json:
            self.terminal.plan(steps, nothing, commands=getattr(self.flags, "commands", False))
