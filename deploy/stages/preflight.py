"""Checks before anything is changed. It only reads; each failure is one line, with one command that fixes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from deploy.dt.api import ROLE as DT_ROLE
from deploy.dt.api import DtApi, no_credentials
from deploy.errors import DeployError, DtFailed, DtUnanswered, GcloudFailed, NotReady
from deploy.google.gcloud import Gcloud
from deploy.google.org_policy import OrganizationPolicy
from deploy.google.permissions import DT_PERMISSIONS, allow_unchecked, grant, let_build
from deploy.google.regions import KNOWN_REGIONS
from deploy.google.rest import Held
from deploy.parallel import answer, beside_one_another
from deploy.resources.catalog import deployer_permissions, service_of_group
from deploy.resources.connector import check_room
from deploy.resources.function import Function
from deploy.resources.invocation import Invocation
from deploy.resources.invokers import is_public, is_unchecked
from deploy.resources.runtime_account import ACT_AS
from deploy.resources.services import APIS, services_on
from deploy.secret import Secret
from deploy.spec import Spec, last_segment
from deploy.stages.build_account import build_account, may_build
from deploy.stages.observed import Observed


@dataclass
class Preflight:
    """All checks. What ``observed`` shows to be in order is not read again; DT is not, if it was ``dt_silent``."""

    spec: Spec
    google: Gcloud
    dt: DtApi | None
    held: Held
    observed: Observed | None = None
    dt_silent: DtUnanswered | None = None
    failures: list[DeployError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    organizations: set[str] = field(default_factory=set)
    public_forbidden: bool = False

    def run(self) -> Spec:
        """Check everything; return the spec, with DT's organization and the way in which everybody may call.

        Raises:
            NotReady: with everything that has to be fixed.

        """
        checks: list[Callable[[], None]] = [self._project, self._billing, self._permissions, self._dt]
        if not self._is_public():
            checks.append(self._public_access)
        if not self._is_deployed():
            checks += [self._region, self._build_account]
        with beside_one_another() as pool:
            for done in [pool.submit(self._guarded, check) for check in checks]:
                answer(done)
        if self.failures:
            raise NotReady(_without_repetitions(self.failures))
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
        """Return whether allUsers may call already, and nothing else was asked for."""
        if self.observed is None or self.spec.invocation == "unchecked":
            return False
        return is_public(self.observed.of(Invocation(self.spec)))

    def _is_unchecked(self) -> bool:
        """Return whether the check is off and allUsers has no role; ``auto`` leaves it so."""
        facts = self.observed.of(Invocation(self.spec)) if self.observed else {}
        return is_unchecked(facts) and not is_public(facts)

    def _is_deployed(self) -> bool:
        return self.observed is not None and bool(self.observed.of(Function(self.spec)).get(Function.key))

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
            needed = deployer_permissions()
            missing = set(needed) - self.held(f"projects/{project}", needed, token)
        except DeployError as error:
            self.warnings.append(f"which permissions you have could not be read: {error}")
            return
        if ACT_AS in missing and self._may_act_as_the_account(token):
            missing.remove(ACT_AS)
        if missing:
            what = f"you lack {', '.join(sorted(missing))}"
            raise DeployError(what, where=f"project {project}", mend=[grant(project)])

    def _may_act_as_the_account(self, token: Secret) -> bool:
        """Return whether ``actAs`` is granted on the function's own account, which has to be there for that."""
        account = f"projects/{self.spec.google_project}/serviceAccounts/{self.spec.runtime_account}"
        try:
            return ACT_AS in self.held(account, [ACT_AS], token)
        except DeployError:
            return False

    def _public_access(self) -> None:
        """Check whether organization policy forbids allUsers, before minutes are spent on a build."""
        policy = OrganizationPolicy(self.google, self.spec)
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
        project = self.spec.project_flag
        what, mend = "has no functions", f"gcloud functions regions list --gen2 {project}"
        names = self._regions(project)
        if names is None:
            names = set(KNOWN_REGIONS)
            what = "is not known, and Google cannot be asked while the API is off"
            mend = f"gcloud services enable cloudfunctions.googleapis.com {project}"
        if self.spec.region not in names:
            raise DeployError(what, where=f"region {self.spec.region}", mend=[mend])

    def _build_account(self) -> None:
        """Check whether the build account may build. A role that it inherits is not seen, so this is only a note."""
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
        return self.observed is not None and service_of_group()[group] in services_on(self.observed.facts[APIS])

    def _regions(self, project: str) -> set[str] | None:
        """Return the regions that have functions, or None if Google cannot be asked."""
        if self.observed is not None and not self._is_on("functions"):
            return None
        try:
            listed = self.google.read(("functions", "regions", "list", "--gen2", project)) or []
        except GcloudFailed:
            return None
        return {region.get("locationId") or last_segment(region["name"]) for region in listed}

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


def _without_repetitions(failures: Sequence[DeployError]) -> list[DeployError]:
    """Return each failure once. Without a login of gcloud, all its commands fail: then only one of them is kept."""
    different = [failure for _, failure in sorted({str(failure): failure for failure in failures}.items())]
    logged_out = [
        failure for failure in different if isinstance(failure, GcloudFailed) and failure.code == "UNAUTHENTICATED"
    ]
    if logged_out:
        return [
            logged_out[0],
            *(failure for failure in different if isinstance(failure, DtFailed) or failure.where == "DT"),
        ]
    return different
