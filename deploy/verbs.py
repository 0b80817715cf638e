"""The verbs: what each does with a deployment, from the preflight to the last line it prints."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.cli.terminal import Terminal
from deploy.dt.api import DtApi, no_credentials
from deploy.dt.connectors import Connectors
from deploy.dt.devices import Devices
from deploy.errors import Declined, DeployError, DtFailed, DtUnanswered, DtUnreachable, NotOurs, NotProven, Unusable
from deploy.google.backlog import MESSAGES, OLDEST, question, unread_in
from deploy.google.gcloud import Gcloud
from deploy.google.rest import Held, Measured
from deploy.google.secret_versions import Vault
from deploy.proof.verifier import Post, Verifier
from deploy.report import Report
from deploy.resources.connector import owned_by
from deploy.resources.function import Function
from deploy.resources.pubsub import subscription_id
from deploy.resources.signature_secret import SignatureSecret, unusable
from deploy.secret import Secret
from deploy.spec import Spec
from deploy.stages.apply import Executor
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.stages.plan import plan, plan_removal
from deploy.stages.preflight import Preflight
from deploy.status import (
    Metrics,
    Row,
    all_rows,
    broken_rows,
    deployed_version,
    health,
    on_one_screen,
    unread_rows,
    unreadable_rows,
)
from deploy.steps import DtCall, Step, pending

NOTHING_TO_DO, FAILED, CHANGES, UNHEALTHY = 0, 1, 2, 3

SETTLES_S = (2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses between looks at DT's lists after a change: they may lag behind."""


@dataclass
class Deployment:
    """One deployment, the two clouds it is in, and whoever is told about it."""

    spec: Spec
    google: Gcloud
    dt: DtApi | None
    held: Held
    measured: Measured
    post: Post
    staged: Callable[[], AbstractContextManager[Path]]
    terminal: Terminal
    report: Report = field(default_factory=Report)
    in_json: bool = False
    yes: bool = False
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def plan(self) -> int:
        """Show what ``up`` would do."""
        _, steps = self._planned()
        self._show(steps)
        return CHANGES if pending(steps) else NOTHING_TO_DO

    def up(self, *, verify: bool = True) -> int:
        """Plan, ask, carry out, and prove it. Unchanged, it does nothing."""
        before, steps = self._planned()
        self._show(steps)
        if not pending(steps):
            return NOTHING_TO_DO
        self._must_agree(f"change {self.spec.google_project} and DT project {', '.join(self.spec.dt_projects)}?")
        secrets = self._apply(steps, before)
        observed, left = self._settled(before, steps, secrets)
        self._say("nothing is left to do" if not left else "after all that, a plan is not empty:")
        for step in left:
            self._say(f"  {step.resource}: {step.reason}")
        if verify:
            self._prove_after_up(observed)
        return FAILED if left else NOTHING_TO_DO

    def verify(self) -> int:
        """Prove the path."""
        self._prove(self._looking(Observer.for_proof))
        return NOTHING_TO_DO

    def down(self) -> int:
        """Remove what this deployment made, after asking."""
        observed = self._looking(Observer.for_removal)
        steps = plan_removal(self.spec, observed)
        self._show(steps)
        if pending(steps):
            self._must_agree(f"delete {len(pending(steps))} things for good?")
            self._apply(steps, observed)
        return NOTHING_TO_DO

    def status(self) -> int:
        """Show in one screen what is there and how it fares; in JSON every single thing."""
        observed = self._looking(Observer.everything)
        steps, broken = self._plan_or_broken(observed)
        rows = [*broken, *all_rows(self.spec, steps, observed, self._counted(observed), self.now())]
        rows += self._unread(observed)
        self.report.steps, self.report.status, self.report.healthy = steps, rows, health(rows)
        self.report.version = deployed_version(self.spec, observed)
        if not self.in_json:
            self.terminal.rows([(row.state, row.what, row.detail) for row in on_one_screen(rows, self.spec)])
            self.terminal.say(f"\n{observed.url(self.spec) or 'no function, no URL'}")
            if pending(steps) or broken:
                self.terminal.say("what up would mend: python -m deploy plan")
        return {True: NOTHING_TO_DO, False: UNHEALTHY, None: FAILED}[self.report.healthy]

    def _plan_or_broken(self, observed: Observed) -> tuple[tuple[Step, ...], list[Row]]:
        """Return a plan; or no steps and a row for each thing of ours that keeps a plan from being made.

        Raises:
            NotOurs: something of the names wanted is others'.

        """
        try:
            return plan(replace(self.spec, organization_id=self._organization()), observed), []
        except NotOurs as error:
            if not all(isinstance(failure, Unusable) for failure in error.failures):
                raise
            self.terminal.note(str(error))
            return (), broken_rows(error)

    def _planned(self) -> tuple[Observed, tuple[Step, ...]]:
        """Look and plan. Before anything is to be changed, or where looking fails, the preflight has its say."""
        try:
            self.spec = replace(self.spec, organization_id=self._organization())
            observed = self._looking(Observer.everything)
        except DtUnreachable:  # the machine's own connection: a preflight would only wait for the same
            raise
        except DeployError as error:
            self._ready(None, error if isinstance(error, DtUnanswered) else None)
            raise
        self.report.steps = steps = plan(self.spec, observed)
        if pending(steps):
            self._ready(observed)
            steps = plan(self.spec, observed)
        return observed, steps

    def _ready(self, observed: Observed | None, dt_silent: DtUnanswered | None = None) -> None:
        with self.terminal.busy("checking what has to hold"):
            preflight = Preflight(self.spec, self.google, self.dt, self.held, observed, dt_silent)
            self.spec = preflight.run()
        for warning in preflight.warnings:
            self.terminal.note(f"note: {warning}")

    def _looking(self, look: Callable[[Observer], Observed], what: str = "reading what is there") -> Observed:
        with self.terminal.busy(what):
            devices, vault = Devices(self._dt(), self.spec), Vault(self.spec, self.google)
            return look(Observer(self.spec, self.google, self._connectors(), devices, vault))

    def _dt(self) -> DtApi:
        if self.dt is None:
            raise no_credentials()
        return self.dt

    def _connectors(self) -> Connectors:
        return Connectors(self._dt(), self.sleep)

    def _organization(self) -> str:
        return self._dt().organization(self.spec.dt_projects[0])

    def _must_agree(self, question: str) -> None:
        if self.yes:
            return
        agreed = self.terminal.agrees(question)
        if agreed is None:
            raise Declined("this is not a terminal, and nothing was changed", mend=["pass --yes"])
        if not agreed:
            raise Declined("nothing was changed")

    def _apply(self, steps: Sequence[Step], before: Observed) -> tuple[Secret, ...]:
        """Carry the steps out; gives the secrets that are then in force, as far as they are known."""
        with self.staged() as source:
            vault, known = Vault(self.spec, self.google), (before.url(self.spec), before.secrets)
            devices = Devices(self._dt(), self.spec)
            executor = Executor(
                self.spec, self.google, self._connectors(), devices, vault, source, *known, sleep=self.sleep
            )
            executor.apply(steps, self.terminal)
            self.report.done = pending(tuple(steps))
            return executor.secrets

    def _settled(
        self, before: Observed, steps: Sequence[Step], secrets: tuple[Secret, ...]
    ) -> tuple[Observed, tuple[Step, ...]]:
        """Read again what was changed, and plan. DT's lists may lag behind: what is left there is looked at again."""
        observed = self._looking(lambda each: each.again(before, steps, secrets), "reading again what was changed")
        for pause_s in (*SETTLES_S, None):
            self.report.left = left = pending(plan(self.spec, observed))
            if pause_s is None or not any(isinstance(each.call, DtCall) for each in left):
                break
            self.sleep(pause_s)
            observed = self._listed_again(observed)
        return observed, left

    def _listed_again(self, before: Observed) -> Observed:
        return self._looking(lambda each: each.connectors_again(before), "waiting for DT's lists")

    def _prove(self, observed: Observed) -> None:
        url, secret = observed.url(self.spec), self._provable(observed)
        verifier = self._verifier(observed)
        connectors = {
            project: verifier.must_deliver(project, observed.connectors[project], url)
            for project in self.spec.dt_projects
        }
        verifier.remove_leftovers()
        with self.terminal.busy("an unsigned request"):
            verifier.unsigned_is_refused(url)
        self._say("an unsigned request is refused: 401 unsigned")
        with self.terminal.busy("a request signed with the secret"):
            verifier.secret_is_accepted(url, secret)
        self._say("the function accepts the newest secret, by a request of which nothing is published")
        proofs = self.report.verified = []
        for project, connector in connectors.items():
            with self.terminal.busy(f"an event of DT project {project}"):
                proofs.append(verifier.event_arrives(project, connector, url, secret))
            self._say(proofs[-1].sentence())

    def _provable(self, observed: Observed) -> Secret:
        """Return the newest secret. Raises ``DeployError`` if there is none of use, or no function."""
        secret = SignatureSecret(self.spec)
        if refusal := unusable(observed.of(secret)):
            raise DeployError(refusal, where=secret.title, mend=["python -m deploy up"])
        if not observed.url(self.spec) or not observed.secrets:
            raise DeployError("there is nothing to verify yet", mend=["python -m deploy up"])
        return observed.secrets[0]

    def _verifier(self, observed: Observed) -> Verifier:
        deployed = observed.of(Function(self.spec)).get("function") or {}
        variables = deployed.get("serviceConfig", {}).get("environmentVariables", {})
        both = bool(variables.get("DT_ORGANIZATION_ID"))
        dt, tell = self._dt(), self.terminal.note
        return Verifier(self.spec, self.google, dt, self.post, both, tell, self.sleep, self.now)

    def _prove_after_up(self, observed: Observed) -> None:
        """Prove it; a failure says beside its own words that what was made stays, and how to look further."""
        try:
            self._prove(observed)
        except DeployError as error:
            what = f"{error.what}\n  both ends are made and stay as they are; it is the proof that failed"
            again = "python -m deploy verify"
            raise NotProven(what, where=error.where, mend=[*error.mend, again]) from error

    def _counted(self, observed: Observed) -> dict[str, Metrics | None]:
        """Ask what became of the deliveries of this deployment's connectors; None where DT does not tell."""
        counted: dict[str, Metrics | None] = {}
        for project in observed.connectors:
            for connector in owned_by(self.spec, observed.connectors[project], observed.url(self.spec)):
                try:
                    counted[connector.id] = self._connectors().metrics(project, connector.id)
                except DtFailed as error:
                    self.terminal.note(str(error))
                    counted[connector.id] = None
        return counted

    def _unread(self, observed: Observed) -> list[Row]:
        """Ask what waits to be read. What cannot be read is a row, too; its remedy is told beside it."""
        names = [name for name in (self.spec.topic, self.spec.rejected_topic) if _is_there(observed, name)]
        if not names:
            return []
        try:
            token = Secret(self.google.read_text(("auth", "print-access-token")).strip())
            series = [
                self.measured(self.spec.google_project, question(metric, names, self.now()), token)
                for metric in (MESSAGES, OLDEST)
            ]
            return unread_rows(self.spec, unread_in(*series))
        except (KeyError, TypeError, ValueError) as error:
            what = f"answered in another shape than it should ({type(error).__name__})"
            return unreadable_rows(self.spec, DeployError(what, where="Cloud Monitoring"))
        except DeployError as error:
            self.terminal.note(str(error))
            return unreadable_rows(self.spec, error)

    def _show(self, steps: Sequence[Step]) -> None:
        self.report.steps = steps
        if not self.in_json:
            self.terminal.table(steps)

    def _say(self, text: str) -> None:
        if not self.in_json:
            self.terminal.say(text)


def _is_there(observed: Observed, subscription: str) -> bool:
    return bool(observed.facts.get(subscription_id(subscription), {}).get("subscription"))
