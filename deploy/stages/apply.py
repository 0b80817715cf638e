"""Carries out a plan, and stops after a failure. The plan has made all decisions.

Steps that do not need each other run side by side: ``waves``. After a failure of one of them, the others are finished.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from deploy.cli.terminal import Terminal
from deploy.dt.connectors import Connectors
from deploy.dt.devices import Devices
from deploy.errors import ApplyFailed, DeployError, GcloudFailed, NotProven
from deploy.google.api import CHANGE_PAUSES_S
from deploy.google.gcloud import NEW_ROLE, Gcloud
from deploy.google.secret_annotations import SecretAnnotations, other_flags
from deploy.google.secret_versions import SecretVersions
from deploy.parallel import wait_for, worker_pool
from deploy.program import UP
from deploy.remedies import again_in
from deploy.resources.alerting import is_complete
from deploy.resources.function import Function, function_url
from deploy.resources.memory import UNKNOWN_YET, deployed_upload
from deploy.resources.resource import Facts, Resource, answered, described
from deploy.resources.rotation import rotation_in
from deploy.resources.signature_secret import SignatureSecret, number_of
from deploy.secret import Secret, new_secret
from deploy.spec import Spec
from deploy.stages.operation_errors import with_more
from deploy.stages.ownership import Ownership
from deploy.stages.waves import waves
from deploy.steps import (
    NOW,
    ConnectorCall,
    DeviceRemoval,
    GcloudCall,
    OldSecretRemoval,
    ResourceId,
    RestCall,
    Step,
    pending,
)

POLL_PAUSES_S = (1.0, 2.0, 2.0, 5.0, *(10.0,) * 180)
"""Pauses between reads of a resource that another command is creating, which may take as long as a build."""

MAX_READS = 3
"""Maximum reads of an absent resource or secret version: another command creates it in seconds, or not at all."""

SECRET_LAG_S = (1.0, 2.0, 4.0, 8.0)
"""Pauses between reads of a new secret version, which Secret Manager may not show at once."""

LIST_LAG_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses between reads of a list that does not yet show a new resource."""

MAX_ROUNDS = 3
"""Maximum updates of a connector with the newest secret, if another command adds versions at the same time."""


class _StepFailed(Exception):
    """A step failed by this error."""

    def __init__(self, step: Step, error: DeployError) -> None:
        super().__init__(step, error)
        self.step = step
        self.error = error


@dataclass
class Executor:
    """Carries out steps. ``url``: the function's URL. ``secrets``: the enabled secrets. Both are read when needed.

    ``version``: the number of the newest secret version. ``uploaded``: Google's name for the newest upload. ``again``:
    the command that finishes these steps after a failure. ``estimates``: how long slow steps take, in words.
    ``retire`` removes the old secret of a rotation. ``put_off`` are the steps that were not carried out without a
    failure: nothing proved that the old secret is no longer used.
    """

    spec: Spec
    google: Gcloud
    connectors: Connectors
    devices: Devices
    secret_versions: SecretVersions
    source: Path
    url: str = ""
    secrets: tuple[Secret, ...] = ()
    version: int = 0
    again: str = UP
    estimates: Mapping[ResourceId, str] = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    retire: Callable[[], object] = lambda: None
    put_off: list[Step] = field(default_factory=list)
    ownership: Ownership = field(init=False)
    uploaded: str = ""

    def __post_init__(self) -> None:
        """Build the check of owners, which uses the same gcloud."""
        self.ownership = Ownership(self.spec, self.google)

    def apply(self, steps: Sequence[Step], terminal: Terminal) -> None:
        """Carry out the steps that change something.

        Raises:
            ApplyFailed: a step failed or was interrupted. Finished steps stay; the next ``up`` does the rest.

        """
        wanted = pending(tuple(steps))
        done: list[Step] = []
        try:
            for wave in waves(wanted, self.ownership.resource_of):
                with terminal.working(wave, self.estimates.get(wave[0].id, "")):
                    self._side_by_side([partial(self._carried_out, step, done, terminal) for step in wave])
        except _StepFailed as failed:
            error = failed.error
            raise _stopped(wanted, done, failed.step, error.what, (*error.fix, self.again)) from error
        except KeyboardInterrupt:
            first = next((step for step in wanted if step not in done), wanted[-1])
            raise _stopped(wanted, done, first, "interrupted", (self.again,)) from None

    @staticmethod
    def _side_by_side(works: Sequence[Callable[[], object]]) -> None:
        """Do all work, also the rest after a failure; then raise the first failure, in the order of the plan."""
        if len(works) == 1:
            works[0]()
            return
        failures = []
        with worker_pool() as pool:
            for working in [pool.submit(work) for work in works]:
                try:
                    wait_for(working)
                except _StepFailed as failed:
                    failures.append(failed)
        if failures:
            raise failures[0]

    def _carried_out(self, step: Step, done: list[Step], terminal: Terminal) -> None:
        """Carry out a step, and note that it is done. Raises ``_StepFailed`` instead of ``DeployError``."""
        begun_at = time.monotonic()
        try:
            self._carry_out(step)
        except NotProven as error:
            if not isinstance(step.call, OldSecretRemoval):
                raise _StepFailed(step, error) from error
            self.put_off.append(step)
            terminal.info(f"note: the old secret is left, and everything else is done: {error}")
            return
        except DeployError as error:
            raise _StepFailed(step, error) from error
        done.append(step)
        terminal.done(step, time.monotonic() - begun_at)

    def _carry_out(self, step: Step) -> None:
        if isinstance(step.call, GcloudCall):
            self.ownership.prove(step)
            self._run(step, step.call)
        elif isinstance(step.call, RestCall):
            self._request(step)
        elif isinstance(step.call, ConnectorCall):
            self._change_connector(step.call)
        elif isinstance(step.call, DeviceRemoval):
            self.devices.carry_out(step.call)
        elif isinstance(step.call, OldSecretRemoval):
            self.retire()

    def _run(self, step: Step, call: GcloudCall) -> None:
        """Run a command. NOT_FOUND from a deletion counts as success; ALREADY_EXISTS from a creation is finished."""
        try:
            stdin = new_secret() if call.secret_on_stdin else None
            answer = self._answer(call, stdin)
        except GcloudFailed as error:
            if (step.action, error.code) == ("create", "ALREADY_EXISTS"):
                self._finish(step, error)
            elif (step.action, error.code) != ("delete", "NOT_FOUND"):
                raise with_more(self.google, self.spec, error) from error
            return
        self.ownership.made(step)
        if stdin:
            self.secrets, self.version = (stdin,), _version_made(answer)
        if call.needs_source:
            self.url, self.uploaded = function_url({Function.key: answer}), deployed_upload(answer)

    def _request(self, step: Step) -> None:
        """Send the request of a step, which is planned again before each attempt, so that nothing is made twice."""
        attempts = 0
        while call := self._planned_again(step):
            try:
                self.google.api.change(call)
            except GcloudFailed as error:
                if (step.action, error.code) == ("delete", "NOT_FOUND"):
                    return
                pauses_s = CHANGE_PAUSES_S.get(error.code, ())
                if attempts >= len(pauses_s):
                    raise
                self.google.notice(again_in(error.what, pauses_s[attempts]))
                self.sleep(pauses_s[attempts])
                attempts += 1
            else:
                return

    def _planned_again(self, step: Step) -> RestCall | None:
        """Return the call of a step, from fresh facts; None if there is nothing left to do.

        Raises:
            DeployError: a resource that was made just before is not shown yet.

        """
        resource = self.ownership.resource(step)
        for pause_s in (*LIST_LAG_S, None):
            facts = answered(resource.reads(), self.google.read)
            call = resource.again(step, facts)
            if is_complete(call):
                return call if isinstance(call, RestCall) else None
            if pause_s is not None:
                self.sleep(pause_s)
        raise DeployError("Google does not show the notification channels yet", where=step.resource)

    def _answer(self, call: GcloudCall, stdin: Secret | None) -> Any:
        """Run a command; return its answer. Annotations are read again before they are changed.

        ``pause`` or ``rotate`` may have written its note while the function was built, or while ``up`` asked.
        """
        if not call.annotations:
            folder = self.source if call.needs_source else None
            passes = NEW_ROLE if call.needs_new_role else frozenset()
            argv = tuple(word.replace(NOW, str(int(self.now()))) for word in call.argv)
            return self.google.change(argv, stdin=stdin, folder=folder, passes=passes)
        annotations = SecretAnnotations(self.spec, self.google, self.sleep)
        annotations.change(self._with_upload(call), *other_flags(call.argv))
        return {}

    def _with_upload(self, call: GcloudCall) -> Mapping[str, str]:
        """Return the annotations with Google's name for the upload, which is read if another process has deployed."""
        if not call.names_upload:
            return call.annotations
        self.uploaded = self.uploaded or deployed_upload(self._function().get(Function.key) or {})
        return {name: value.replace(UNKNOWN_YET, self.uploaded) for name, value in call.annotations.items()}

    def _finish(self, step: Step, refusal: GcloudFailed) -> None:
        """Finish a resource that exists already: the answer to our command was lost, or another ``up`` was faster.

        Raises:
            DeployError: the resource is not ours, or does not exist after all.

        """
        resource = self.ownership.resource(step)
        facts = self._complete(resource)
        if error := resource.not_ours(facts):
            raise error
        if resource.found(facts) is None:
            raise refusal
        self.ownership.made(step)
        for missing in pending(resource.plan(facts)):
            self._carry_out(missing)
        self.url = self.url or function_url(facts)

    def _complete(self, resource: Resource) -> Facts:
        """Read a resource until the command that creates it has ended, or has taken too long."""
        for reads, pause_s in enumerate(POLL_PAUSES_S):
            facts = answered(resource.reads(), self.google.read)
            if _is_complete(resource, facts, reads):
                break
            self.sleep(pause_s)
        return facts

    def _change_connector(self, call: ConnectorCall) -> None:
        if not call.sends_secret:
            self.connectors.carry_out(call, self.spec, url="", secret=Secret(""))
            return
        self.url = self.url or self._url()
        if not self.url:
            raise DeployError("the function has no URL yet", where=Function(self.spec).title)
        self.secrets = self.secrets or self._enabled()
        for _ in range(MAX_ROUNDS):
            secret = self._known_everywhere()
            self.connectors.carry_out(call, self.spec, url=self.url, secret=secret)
            if self.version and self.secret_versions.newest(self.version) == self.version:
                return
            self.secrets = self._enabled()  # another command may have added a version
            if any(found.equals(secret.reveal()) for found in self.secrets):
                return  # such as one with this secret and a newer one, of a rotation, which will send that itself

    def _known_everywhere(self) -> Secret:
        """Return the newest secret, or the oldest one until a rotation knows that every instance accepts the new one.

        The note is read now, because a rotation may have begun or gone on since the plan was made.
        """
        if len(self.secrets) > 1:
            rotation = rotation_in(SecretAnnotations(self.spec, self.google, self.sleep).read().annotations)
            if rotation and rotation.phase in {"adding", "spreading"}:
                return self.secrets[-1]
        return self.secrets[0]

    def _url(self) -> str:
        """Read the function's URL, because another command may have created the function."""
        return function_url(self._function())

    def _function(self) -> Facts:
        """Return the function's description only."""
        return described(Function(self.spec), self.google.read)

    def _enabled(self) -> tuple[Secret, ...]:
        where = SignatureSecret(self.spec).title
        for pause_s in (*SECRET_LAG_S, None):
            if version := self.secret_versions.enabled(self.version):
                if version.refusal:
                    raise DeployError(f"{version.refusal}; it was not sent to DT", where=where)
                self.version = version.number
                return version.secrets
            if pause_s is not None:
                self.sleep(pause_s)
        raise DeployError("has no enabled version", where=where)


def _version_made(answer: Mapping[str, Any]) -> int:
    """Return the number of the version that a command created; 1 for a new secret, because gcloud shows none."""
    return number_of(answer) if "/versions/" in str(answer.get("name", "")) else 1


def _is_complete(resource: Resource, facts: Facts, reads: int) -> bool:
    """Return whether the command that creates a resource has ended, or has not begun after ``MAX_READS`` reads."""
    found = resource.found(facts)
    if found is None or facts.get("versions") == []:
        return reads >= MAX_READS
    return found.get("state") not in {"DEPLOYING", "DELETING"}


def _stopped(
    wanted: Sequence[Step], finished: Sequence[Step], failed: Step, what: str, fix: Sequence[str]
) -> ApplyFailed:
    done = [step for step in wanted if step in finished]
    lines = [f"\n  done      {step.resource}" for step in done]
    lines += [f"\n  not done  {step.resource}" for step in wanted if step not in finished]
    return ApplyFailed(f"{what}{''.join(lines)}", where=failed.resource, fix=fix, done=done)
