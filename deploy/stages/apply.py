"""Carries a plan out, step by step, and stops at the first failure. It decides nothing: the plan does."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from deploy.errors import DeployError, GcloudFailed, Stopped
from deploy.resources.function import Function, function_url
from deploy.resources.memory import UNKNOWN_YET, deployed_upload
from deploy.resources.resource import Facts, Resource, answered, first_answered
from deploy.resources.signature_secret import number_of
from deploy.secret import Secret, SecretVersion, new_secret
from deploy.spec import Spec
from deploy.stages.operation_errors import with_more
from deploy.stages.ownership import Ownership
from deploy.steps import Argv, DtCall, GcloudCall, Step, pending

MADE_S = (1.0, 2.0, 2.0, 5.0, *(10.0,) * 180)
"""Pauses between looks at what another command makes: it may be a build that has just begun."""

AT_MOST = 3
"""Looks for what is not there yet, or has no version yet: others make it within moments, or not at all."""

SECRET_LAG_S = (1.0, 2.0, 4.0, 8.0)
MOST_TURNS = 3
"""How often a connector is given the newest secret, should another one appear meanwhile."""


class Changes(Protocol):
    """Google Cloud, to be changed."""

    def read(self, argv: Argv) -> Any:
        """Give a command's answer, or None for what is not there."""
        ...

    def change(self, argv: Argv, *, stdin: Secret | None = None, folder: Path | None = None) -> Any:
        """Run a command that changes something."""
        ...


class Carries(Protocol):
    """Data Connectors, to be changed."""

    def carry_out(self, call: DtCall, spec: Spec, *, url: str, secret: Secret) -> None:
        """Make, change or delete one connector."""
        ...


class Keeps(Protocol):
    """The signature secrets."""

    def in_force(self, at_least: int = 0) -> SecretVersion | None:
        """Return the newest version, which is not older than ``at_least``, or None if none is in force."""
        ...

    def newest(self, at_least: int) -> int:
        """Return the number of the newest version, or 0 if it is not in force."""
        ...


class Shows(Protocol):
    """Whoever watches."""

    def step(self, step: Step) -> AbstractContextManager[None]:
        """Show that a step is under way, and then that it is done."""
        ...


@dataclass
class Executor:
    """Whatever a plan's calls need; ``url`` and ``secrets`` are what is known of the function and in force so far."""

    spec: Spec
    google: Changes
    connectors: Carries
    vault: Keeps
    source: Path
    url: str = ""
    secrets: tuple[Secret, ...] = ()
    version: int = 0
    sleep: Callable[[float], None] = time.sleep
    ownership: Ownership = field(init=False)
    uploaded: str = ""

    def __post_init__(self) -> None:
        """Ask whose things are by the same way."""
        self.ownership = Ownership(self.spec, self.google)

    def apply(self, steps: Sequence[Step], watcher: Shows) -> None:
        """Carry out what is pending.

        Raises:
            Stopped: a step failed, or Ctrl-C came; what is done stays done, and the next ``up`` finishes.

        """
        wanted = pending(tuple(steps))
        done = 0
        try:
            for step in wanted:
                with watcher.step(step):
                    self._carry_out(step)
                done += 1
        except DeployError as error:
            raise _stopped(wanted, done, error.what, error.mend) from error
        except KeyboardInterrupt:
            raise _stopped(wanted, done, "interrupted", ()) from None

    def _carry_out(self, step: Step) -> None:
        if isinstance(step.call, GcloudCall):
            self.ownership.prove(step)
            self._run(step, step.call)
        elif isinstance(step.call, DtCall):
            self._tell_dt(step.call)

    def _run(self, step: Step, call: GcloudCall) -> None:
        """Run a command. That another one removed the same thing meanwhile is as good; what it made is finished."""
        try:
            stdin = new_secret() if call.feeds_secret else None
            argv = self._naming_upload(call)
            answer = self.google.change(argv, stdin=stdin, folder=self.source if call.uploads else None)
        except GcloudFailed as error:
            if (step.action, error.code) == ("create", "ALREADY_EXISTS"):
                self._finish(step, error)
            elif (step.action, error.code) != ("delete", "NOT_FOUND"):
                raise with_more(self.google, self.spec, error) from error
            return
        self.ownership.made(step)
        if stdin:
            self.secrets, self.version = (stdin,), _version_made(answer)
        if call.uploads:
            self.url, self.uploaded = function_url({"function": answer}), deployed_upload(answer)

    def _naming_upload(self, call: GcloudCall) -> Argv:
        """Return a command with Google's name for what was uploaded: asked for where another process deployed."""
        if not call.names_upload:
            return call.argv
        self.uploaded = self.uploaded or deployed_upload(self._function().get("function") or {})
        return tuple(word.replace(UNKNOWN_YET, self.uploaded) for word in call.argv)

    def _finish(self, step: Step, refusal: GcloudFailed) -> None:
        """Finish what exists already: the answer to our own command was lost, or another ``up`` was faster.

        Raises:
            DeployError: it is not ours, or does not exist after all.

        """
        resource = self.ownership.resource(step)
        facts = self._complete(resource)
        if error := resource.not_ours(facts):
            raise error
        if next(iter(facts.values())) is None:
            raise refusal
        self.ownership.made(step)
        for missing in pending(resource.plan(facts)):
            self._carry_out(missing)
        self.url = self.url or function_url(facts)

    def _complete(self, resource: Resource) -> Facts:
        """Read a resource until what makes it has ended, or for as long as that may take."""
        for looks, pause_s in enumerate(MADE_S):
            facts = answered(resource.reads(), self.google.read)
            if _is_complete(facts, looks):
                break
            self.sleep(pause_s)
        return facts

    def _tell_dt(self, call: DtCall) -> None:
        if not call.puts_secret:
            self.connectors.carry_out(call, self.spec, url="", secret=Secret(""))
            return
        self.url = self.url or self._url()
        if not self.url:
            raise DeployError("the function has no URL yet", where=f"function {self.spec.name}")
        self.secrets = self.secrets or self._in_force()
        for _ in range(MOST_TURNS):
            secret = self.secrets[0]
            self.connectors.carry_out(call, self.spec, url=self.url, secret=secret)
            if self.version and self.vault.newest(self.version) == self.version:
                return
            self.secrets = self._in_force()  # another command may have made another version meanwhile
            if self.secrets[0].equals(secret.reveal()):
                return

    def _url(self) -> str:
        """Ask for it: somebody else may have made the function at the same time."""
        return function_url(self._function())

    def _function(self) -> Facts:
        """Describe the function, and nothing else of it."""
        return first_answered(Function(self.spec).reads(), self.google.read)

    def _in_force(self) -> tuple[Secret, ...]:
        where = f"secret {self.spec.secret}"
        for pause_s in (*SECRET_LAG_S, None):
            if version := self.vault.in_force(self.version):
                if version.refusal:
                    raise DeployError(f"{version.refusal}; DT was not given it", where=where)
                self.version = version.number
                return version.secrets
            if pause_s is not None:
                self.sleep(pause_s)
        raise DeployError("has no version in force", where=where)


def _version_made(answer: Mapping[str, Any]) -> int:
    """Return the number of the version that a command made; a new secret's first is 1, which gcloud does not show."""
    return number_of(answer) if "/versions/" in str(answer.get("name", "")) else 1


def _is_complete(facts: Facts, looks: int) -> bool:
    """Whether a resource is as whoever makes it leaves it, after so many looks at it."""
    first = next(iter(facts.values()))
    if first is None or facts.get("versions") == []:
        return looks >= AT_MOST
    return first.get("state") not in {"DEPLOYING", "DELETING"}


def _stopped(wanted: Sequence[Step], place: int, what: str, mend: Sequence[str]) -> Stopped:
    done = "".join(f"\n  done      {each.resource}" for each in wanted[:place])
    left = "".join(f"\n  not done  {each.resource}" for each in wanted[place:])
    verb = "down" if all(each.action == "delete" for each in wanted) else "up"
    lines = (*mend, f"python -m deploy {verb}")
    return Stopped(f"{what}{done}{left}", where=wanted[place].resource, mend=lines, done=wanted[:place])
