"""What has to hold before anything is touched. It reads only; a failure is one line and one command that mends it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from deploy.dt.api import ROLE as DT_ROLE
from deploy.dt.api import DtApi, no_credentials
from deploy.errors import DeployError, DtFailed, DtUnanswered, GcloudFailed, NotReady
from deploy.google.org_policy import OrganizationPolicy, Reads
from deploy.google.permissions import ACT_AS, DEPLOYER, DT_PERMISSIONS, allow_unchecked, grant, let_build
from deploy.google.regions import KNOWN_REGIONS
from deploy.google.rest import Held
from deploy.parallel import wait_for, worker_pool
from deploy.resources.connector import check_room
from deploy.resources.function import Function
from deploy.resources.invocation import Invocation
from deploy.resources.invokers import is_public, is_unchecked
from deploy.resources.services import Services, services_on
from deploy.secret import Secret
from deploy.spec import Spec
from deploy.stages.build_account import build_account, may_build
from deploy.stages.observe import SERVICE_OF_GROUP
from deploy.stages.plan import Observed
from deploy.steps import Argv


class ReadsText(Reads, Protocol):
    """Google Cloud, to be read, also as text."""

    def read_text(self, argv: Argv) -> str:
        """Give a command's standard output."""
        ...


@dataclass
class Preflight:
    """All checks; what was ``observed`` in order is not asked for again, nor DT where it has been ``dt_silent``."""

    spec: Spec
    google: ReadsText
    dt: DtApi | None
    held: Held
    observed: Observed | None = None
    dt_silent: DtUnanswered | None = None
    failures: list[DeployError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    organizations: set[str] = field(default_factory=set)
    public_forbidden: bool = False

    def run(self) -> Spec:
        """Check everything, and complete the spec by DT's organization and the way in which all may call.

        Raises:
            NotReady: with everything that has to be mended.

        """
        checks: list[Callable[[], None]] = [self._project, self._billing, self._permissions, self._dt]
        if not self._is_public():
            checks.append(self._public_access)
        if not self._is_deployed():
            checks += [self._region, self._build_account]
        with worker_pool() as pool:
            for done in [pool.submit(self._guarded, check) for check in checks]:
                wait_for(done)
        if self.failures:
            raise NotReady(_told_once(self.failures))
        is_unchecked_needed = self.spec.invocation == "auto" and (self.public_forbidden or self._is_unchecked())
        return replace(
            self.spec,
            organization_id=next(iter(self.organizations), ""),
            invocation="unchecked" if is_unchecked_needed else self.spec.invocation,
        )

    def _guarded(self, check: Callable[[], None]) -> None:
        try:
            check()
        except DeployError as error:
            self.failures.append(error)

    def _is_public(self) -> bool:
        """Whether allUsers may call already, and nothing else is asked for."""
        if self.observed is None or self.spec.invocation == "unchecked":
            return False
        return is_public(self.observed.facts[Invocation(self.spec).title])

    def _is_unchecked(self) -> bool:
        """Return whether the check is off, and allUsers was not granted anything: so it stays, unless asked for."""
        facts = self.observed.facts[Invocation(self.spec).title] if self.observed else {}
        return is_unchecked(facts) and not is_public(facts)

    def _is_deployed(self) -> bool:
        return self.observed is not None and bool(self.observed.facts[Function(self.spec).title].get("function"))

    def _project(self) -> None:
        try:
            found = self.google.read(("projects", "describe", self.spec.google_project))
        except GcloudFailed as error:
            if error.code not in {"PERMISSION_DENIED", "PROJECT", "ELSEWHERE"} or error.mend[0].count(" undelete "):
                raise
            what = "does not exist, or you may not see it"
            raise DeployError(
                what, where=f"project {self.spec.google_project}", mend=["gcloud projects list"]
            ) from None
        if found is None or found.get("lifecycleState", "ACTIVE") != "ACTIVE":
            state = "does not exist" if found is None else f"is {found['lifecycleState']}"
            raise DeployError(state, where=f"project {self.spec.google_project}", mend=["gcloud projects list"])

    def _billing(self) -> None:
        project = self.spec.google_project
        try:
            found = self.google.read(("billing", "projects", "describe", project))
        except GcloudFailed:
            self.warnings.append("whether billing is on could not be read")
            return
        if found is not None and not found.get("billingEnabled"):
            mend = f"gcloud billing projects link {project} --billing-account=ACCOUNT"
            raise DeployError("billing is off", where=f"project {project}", mend=[mend])

    def _permissions(self) -> None:
        project = self.spec.google_project
        token = Secret(self.google.read_text(("auth", "print-access-token")).strip())
        try:
            missing = set(DEPLOYER) - self.held(f"projects/{project}", DEPLOYER, token)
        except DeployError as error:
            self.warnings.append(f"which permissions you have could not be read: {error}")
            return
        if ACT_AS in missing and self._may_act_as_the_account(token):
            missing.remove(ACT_AS)
        if missing:
            what = f"you lack {', '.join(sorted(missing))}"
            raise DeployError(what, where=f"project {project}", mend=[grant(project)])

    def _may_act_as_the_account(self, token: Secret) -> bool:
        """Whether who may not act as every account of the project may as the function's, which has to be there then."""
        account = f"projects/{self.spec.google_project}/serviceAccounts/{self.spec.runtime_account}"
        try:
            return ACT_AS in self.held(account, [ACT_AS], token)
        except DeployError:
            return False

    def _public_access(self) -> None:
        """Find out whether organization policy forbids allUsers, before a build that would then be of no use."""
        policy = OrganizationPolicy(self.google, self.spec.google_project)
        try:
            forbidding = policy.against_all_users()
        except GcloudFailed:
            self.warnings.append("organization policy on public access could not be read: public is tried")
            return
        self.public_forbidden = bool(forbidding)
        if self.public_forbidden and self._check_is_forced(policy):
            raise DeployError(
                "organization policies forbid allUsers, and to switch the invoker check off: DT could not call",
                where="public invocation",
                mend=[allow_unchecked(self.spec.google_project)],
            )
        if self.public_forbidden and self.spec.invocation == "public":
            raise DeployError(
                f"organization policy {forbidding} forbids allUsers",
                where="public invocation",
                mend=["python -m deploy up --invocation=unchecked"],
            )

    def _check_is_forced(self, policy: OrganizationPolicy) -> bool:
        try:
            return policy.forces_the_check()
        except GcloudFailed:
            self.warnings.append("whether the invoker check may be switched off could not be read: it is tried")
            return False

    def _region(self) -> None:
        project = f"--project={self.spec.google_project}"
        what, mend = "has no functions", f"gcloud functions regions list --gen2 {project}"
        names = self._regions(project)
        if names is None:
            names = set(KNOWN_REGIONS)
            what = "is not known, and Google cannot be asked while the API is off"
            mend = f"gcloud services enable cloudfunctions.googleapis.com {project}"
        if self.spec.region not in names:
            raise DeployError(what, where=f"region {self.spec.region}", mend=[mend])

    def _build_account(self) -> None:
        """Find out whether the account that builds may. A role that it inherits is not seen here, so this is a note."""
        if not self._is_on("builds"):
            return
        try:
            account = build_account(self.google, self.spec)
            if not account or may_build(self.google, self.spec, account):
                return
        except GcloudFailed:
            self.warnings.append(
                "whether the account that builds the function may do so could not be read: it is tried"
            )
            return
        line = let_build(self.spec.google_project, account)
        what = f"{account} builds the function, and has no role in the project that lets it; unless it inherits one:"
        self.warnings.append(f"{what}\n  {line}")

    def _is_on(self, group: str) -> bool:
        services = self.observed.facts[Services(self.spec).title] if self.observed else None
        return services is not None and SERVICE_OF_GROUP[group] in services_on(services)

    def _regions(self, project: str) -> set[str] | None:
        """Give the regions that have functions, or None where Google does not tell."""
        if self.observed is not None and not self._is_on("functions"):
            return None
        try:
            listed = self.google.read(("functions", "regions", "list", "--gen2", project)) or []
        except GcloudFailed:
            return None
        return {each.get("locationId") or each["name"].rpartition("/")[2] for each in listed}

    def _dt(self) -> None:
        if self.dt is None:
            raise no_credentials()
        if self.dt_silent:
            raise self.dt_silent
        for project in self.spec.dt_projects:
            self.organizations.add(self.dt.organization(project))
            self._dt_role(self.dt, project)
            if self.observed is not None:
                check_room(self.spec, project, self.observed.connectors[project], self.observed.url(self.spec))
        if len(self.organizations) > 1:
            raise DeployError(
                f"the projects belong to {len(self.organizations)} organizations: make one deployment for each",
                where="DT",
                mend=["python -m deploy up --name=ANOTHER-NAME --dt-project=DT-PROJECT"],
            )

    def _dt_role(self, dt: DtApi, project: str) -> None:
        try:
            held = set(dt.pages(f"/projects/{project}/permissions", "permissions"))
        except DtFailed as error:
            if error.status in {401, 403}:
                raise
            self.warnings.append(f"the role in DT project {project} could not be read")
            return
        if missing := [permission for permission in DT_PERMISSIONS if permission not in held]:
            what = f"the service account lacks {', '.join(missing)}"
            raise DeployError(what, where=f"DT project {project}", mend=[DT_ROLE])


def _told_once(failures: Sequence[DeployError]) -> list[DeployError]:
    """Give each failure once; without gcloud's login, of Google's that alone: every command says it in other words."""
    told = [failure for _, failure in sorted({str(each): each for each in failures}.items())]
    logged_out = [each for each in told if isinstance(each, GcloudFailed) and each.code == "UNAUTHENTICATED"]
    if logged_out:
        return [logged_out[0], *(each for each in told if isinstance(each, DtFailed) or each.where == "DT")]
    return told
