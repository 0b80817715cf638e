"""Commands of ``gcloud``: argument lists in, JSON out, secrets by standard input, and one family of errors.

gcloud itself repeats a request after a 5xx answer, for half a minute. This module repeats commands after the other
transient errors: two writers of one IAM policy, 429, a service account or an API that is not known everywhere yet,
another deployment that is under way.
"""

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.errors import Code, GcloudFailed
from deploy.google.access_token import AccessTokens
from deploy.google.api import GoogleApi
from deploy.google.calls import Send
from deploy.google.gcloud_errors import explain, unreachable_regions
from deploy.google.gcloud_process import Finished, Run, run_gcloud, shown
from deploy.google.quick_reads import QuickReads
from deploy.remedies import again_in
from deploy.secret import Secret
from deploy.steps import Argv, Get, Query

READ_S = 120.0
CHANGE_S = 600.0
DEPLOY_S = 1800.0
"""Timeouts in seconds. gcloud's own five attempts at an unavailable server take 35 s, a build takes some minutes."""

TRANSIENT: frozenset[Code] = frozenset(
    {"ABORTED", "RESOURCE_EXHAUSTED", "ACCOUNT_LAG", "UNAVAILABLE", "GARBLED", "UNWORDED"}
)
TRANSIENT_IF_ENABLED: frozenset[Code] = TRANSIENT | {"SERVICE_DISABLED"}
"""Errors that pass by themselves. Google may take minutes to notice that an API has been enabled."""

NEW_ROLE: frozenset[Code] = frozenset({"PERMISSION_DENIED"})
"""Errors that pass by themselves after a role was granted, which Google does not know everywhere at once."""

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 10.0, 15.0, 20.0, 30.0)
BUILD_PAUSES_S = (*PAUSES_S, *(30.0,) * 57)
"""Pauses for the deployment or the removal of a function, which waits for an earlier deployment. That one continues on
Google's servers even if its command was interrupted, and may take ``DEPLOY_S``."""

FEW_PAUSES_S = (1.0, 2.0, 4.0)
"""Pauses if gcloud does not say why it failed: the reason may be too many requests, or a permanent one."""

_LISTS_OBJECTS = {"list", "pull", "read"}
_LISTS_NAMES = {"list-subscriptions"}
"""Commands that return a list of objects, and commands that return a list of names."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The answer of a list command over all regions, and the regions that Google could not read."""

    items: list[dict[str, Any]] = field(default_factory=list)
    unreachable: tuple[str, ...] = ()


class Gcloud:
    """Google Cloud, through ``gcloud``. ``notice`` shows the user why a command waits."""

    def __init__(
        self,
        run: Run = run_gcloud,
        *,
        send: Send,
        sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._run = run
        self._sleep = sleep
        self.notice = notice
        self._now = now
        self._quick_reads: QuickReads | None = None
        self.api = GoogleApi(AccessTokens(self.read_text, now), send, sleep, notice)

    def quick(self, is_usual: Callable[[], bool]) -> "Gcloud":
        """Return the same Google Cloud, which answers read commands by REST if it can, and faster than by gcloud.

        ``is_usual`` returns whether gcloud reaches Google's usual servers.
        """
        quick = copy.copy(self)
        quick._quick_reads = QuickReads(self.api.authorized, is_usual, self._now)  # noqa: SLF001  # of the same class
        return quick

    def read(self, query: Query, *, is_on: bool = False) -> Any:
        """Return the answer of a read command or request, or None if the resource does not exist (``NOT_FOUND``).

        ``is_on``: the command's API has been enabled, so ``SERVICE_DISABLED`` is a transient error.

        Raises:
            GcloudFailed: any other failure, or an answer that is neither an object nor a list of objects or names.

        """
        if isinstance(query, Get):
            return self.api.read(query, is_on=is_on)
        found = self._quick_reads.answer(query) if self._quick_reads else None
        return self._read(query, is_on=is_on) if found is None else found

    def _read(self, argv: Argv, *, is_on: bool) -> Any:
        transient = TRANSIENT_IF_ENABLED if is_on else TRANSIENT
        try:
            answer = self._json((*argv, "--format=json"), transient, timeout_s=READ_S)
        except GcloudFailed as error:
            if error.code != "NOT_FOUND":
                raise
            self._confirm_absence(argv, error)
            return None
        items = answer if (_LISTS_OBJECTS | _LISTS_NAMES) & set(argv) else [answer]
        _check_items(items, str if _LISTS_NAMES & set(argv) else dict, argv)
        return answer

    def list_all(self, query: Query) -> Listed:
        """Return the answer of a list command that reads all regions, or all items of a list request.

        gcloud succeeds if a region cannot be read, and only warns of it on standard error.

        Raises:
            GcloudFailed: the command failed, or its answer is not a list of objects.

        """
        if isinstance(query, Get):
            return Listed(self.api.read(query) or [])
        argv = query
        done = self._run_with_retries((*argv, "--format=json"), TRANSIENT, timeout_s=READ_S)
        answer = _parsed(done, argv)
        items = [] if answer is None else answer
        _check_items(items, dict, argv)
        return Listed(items, unreachable_regions(done.stderr))

    def _confirm_absence(self, argv: Argv, error: GcloudFailed) -> None:
        """Check the IAM policy of a Cloud Run service, because gcloud calls a service absent after every 404.

        Raises:
            GcloudFailed: another server than Cloud Run answered, or the service has a policy, so it exists.

        """
        if argv[:3] != ("run", "services", "describe"):
            return
        policy = self._read((*argv[:2], "get-iam-policy", *argv[3:]), is_on=False)
        if policy and policy.get("bindings"):
            raise GcloudFailed("ELSEWHERE", f"{error.what}, but it has a policy", where=error.where, fix=error.fix)

    def read_text(self, argv: Argv) -> str:
        """Return a command's standard output as it is.

        Raises:
            GcloudFailed: the command failed.

        """
        return self._run_with_retries(argv, TRANSIENT, timeout_s=READ_S).stdout

    def change(
        self,
        argv: Argv,
        *,
        stdin: Secret | None = None,
        folder: Path | None = None,
        passes: frozenset[Code] = frozenset(),
    ) -> Any:
        """Run a command that changes something, and return its answer. ``stdin`` is its standard input.

        ``passes``: errors that pass by themselves after this command, beside those that always do.

        Raises:
            GcloudFailed: the command failed, also after all repetitions.

        """
        timeout_s = DEPLOY_S if argv[:1] == ("functions",) else CHANGE_S
        options: dict[str, Any] = {"stdin": stdin, "folder": folder, "timeout_s": timeout_s}
        return self._json((*argv, "--format=json"), TRANSIENT_IF_ENABLED | passes, **options) or {}

    def _json(self, argv: Argv, transient: frozenset[Code], **options: Any) -> Any:
        return _parsed(self._run_with_retries(argv, transient, **options), argv)

    def _run_with_retries(
        self,
        argv: Argv,
        transient: frozenset[Code],
        *,
        timeout_s: float,
        stdin: Secret | None = None,
        folder: Path | None = None,
    ) -> Finished:
        """Run a command, and repeat it after transient errors. The secret is masked in error messages."""
        text = stdin.reveal() if stdin else None
        attempts = 0
        while True:
            done = self._run(argv, stdin=text, folder=folder, timeout_s=timeout_s)
            if done.returncode == 0:
                return done
            error = explain(argv, stdin.hidden_in(done.stderr) if stdin else done.stderr)
            pauses_s = _pauses_s(argv, error.code)
            if error.code not in transient or attempts >= len(pauses_s):
                raise error
            self.notice(again_in(error.what, pauses_s[attempts]))
            self._sleep(pauses_s[attempts])
            attempts += 1


def _parsed(done: Finished, argv: Argv) -> Any:
    """Return the JSON that a command printed; None if it printed nothing."""
    text = done.stdout.strip()
    try:
        return json.loads(text) if text else None
    except ValueError:
        raise GcloudFailed("OTHER", "answered with something other than JSON", where=shown(argv)) from None


def _check_items(items: Any, item_type: type, argv: Argv) -> None:
    if not isinstance(items, list) or not all(isinstance(item, item_type) for item in items):
        raise GcloudFailed("OTHER", "its answer has an unexpected structure", where=shown(argv))


def _pauses_s(argv: Argv, code: Code) -> tuple[float, ...]:
    if code == "ABORTED" and argv[:2] in {("functions", "deploy"), ("functions", "delete")}:
        return BUILD_PAUSES_S
    return FEW_PAUSES_S if code in {"GARBLED", "UNWORDED"} else PAUSES_S
