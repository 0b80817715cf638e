"""Checks before anything is changed. It only reads; a failure is one line, with one command that fixes it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from deploy.dt.api import ROLE as DT_ROLE
from deploy.dt.api import DtApi
from deploy.errors import DeployError, DtFailed, DtUnanswered, GcloudFailed
from deploy.google.access_token import token_for_now
from deploy.google.calls import TestPermissions
from deploy.google.gcloud import Gcloud
from deploy.google.org_policy import OrganizationPolicy
from deploy.google.permissions import DT_PERMISSIONS, allow_unchecked, grants, let_build
from deploy.google.project import require_visible
from deploy.google.regions import KNOWN_REGIONS
from deploy.parallel import wait_for, worker_pool
from deploy.program import PROGRAM
from deploy.resources.catalog import IN_OWN_DATASET, deployer_permissions, service_of_group
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


@dataclass(frozen=True, slots=True)
class Subject:
    """The input of all checks: a spec, and both clouds.

    Checks that ``observed`` answers are skipped. ``dt_silent``: the error if DT did not answer before; then DT is not
    called again.
    """

    spec: Spec
    google: Gcloud
    dt: DtApi
    test_permissions: TestPermissions
    observed: Observed | None = None
    dt_silent: DtUnanswered | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The results of all checks: failures, warnings, and the completed spec.

    If there are no failures, the spec has DT's organization, and the way in which DT may call the function.
    """

    failures: tuple[DeployError, ...]
    warnings: tuple[str, ...]
    spec: Spec


@dataclass(frozen=True, slots=True)
class _Finding:
    """The result of one check."""

    failure: DeployError | None = None
    is_of_dt: bool = False
    warnings: tuple[str, ...] = ()
    organizations: frozenset[str] = frozenset()
    is_public_forbidden: bool = False


_Check = Callable[[Subject], _Finding]
"""One check. It raises ``DeployError`` if there is a problem to fix first."""


def check(subject: Subject, only: Sequence[_Check] = ()) -> Result:
    """Run all checks, or only some, several at a time."""
    with worker_pool() as pool:
        running = [pool.submit(_finding, run, subject) for run in only or tuple(_checks(subject))]
        findings = [wait_for(finding) for finding in running]
    warnings = tuple(warning for finding in findings for warning in finding.warnings)
    return Result(_failures(findings), warnings, _completed(subject, findings))


def _checks(subject: Subject) -> Iterator[_Check]:
    yield from (_project, _billing, _permissions, _dt)
    if not _is_public(subject):
        yield _public_access
    if not _is_deployed(subject):
        yield from (_region, _build_account)


def _finding(run: _Check, subject: Subject) -> _Finding:
    try:
        return run(subject)
    except DeployError as error:
        return _Finding(error, is_of_dt=run is _dt)


def _completed(subject: Subject, findings: Sequence[_Finding]) -> Spec:
    spec = subject.spec
    is_forbidden = any(finding.is_public_forbidden for finding in findings)
    is_unchecked_needed = spec.invocation == "auto" and (is_forbidden or _is_unchecked(subject))
    organizations = [name for finding in findings for name in finding.organizations]
    return replace(
        spec,
        organization_id=organizations[0] if organizations else "",
        invocation="unchecked" if is_unchecked_needed else spec.invocation,
    )


def _is_public(subject: Subject) -> bool:
    """Return whether allUsers may call already, and the spec does not require otherwise."""
    if subject.observed is None or subject.spec.invocation == "unchecked":
        return False
    return is_public(subject.observed.of(Invocation(subject.spec)))


def _is_unchecked(subject: Subject) -> bool:
    """Return whether the invoker check is off and allUsers has no role, which ``auto`` does not change."""
    facts = subject.observed.of(Invocation(subject.spec)) if subject.observed else {}
    return is_unchecked(facts) and not is_public(facts)


def _is_deployed(subject: Subject) -> bool:
    observed = subject.observed
    return observed is not None and bool(observed.of(Function(subject.spec)).get(Function.key))


def _project(subject: Subject) -> _Finding:
    require_visible(subject.google, subject.spec.google_project)
    return _Finding()


def _billing(subject: Subject) -> _Finding:
    project = subject.spec.google_project
    try:
        found = subject.google.read(("billing", "projects", "describe", project))
    except GcloudFailed:
        return _Finding(warnings=("the billing state of the project could not be read",))
    if found is not None and not found.get("billingEnabled"):
        fix = f"gcloud billing projects link {project} --billing-account=ACCOUNT"
        raise DeployError("billing is off", where=f"project {project}", fix=[fix])
    return _Finding()


def _permissions(subject: Subject) -> _Finding:
    project = subject.spec.google_project
    token = token_for_now(subject.google.read_text)
    try:
        needed = deployer_permissions(alerts=subject.spec.alerts.are_planned, spec=subject.spec)
        missing = {*needed} - IN_OWN_DATASET - subject.test_permissions(f"projects/{project}", needed, token)
    except DeployError as error:
        return _Finding(warnings=(f"your permissions could not be read: {error}",))
    if ACT_AS in missing and _may_act_as_the_account(subject, token):
        missing.remove(ACT_AS)
    if missing:
        what = f"you lack {', '.join(sorted(missing))}"
        raise DeployError(what, where=f"project {project}", fix=grants(project))
    return _Finding()


def _may_act_as_the_account(subject: Subject, token: Secret) -> bool:
    """Return whether ``actAs`` is granted on the function's own account. The account must exist for that."""
    account = f"projects/{subject.spec.google_project}/serviceAccounts/{subject.spec.runtime_account}"
    try:
        return ACT_AS in subject.test_permissions(account, [ACT_AS], token)
    except DeployError:
        return False


def _public_access(subject: Subject) -> _Finding:
    """Check whether organization policy forbids allUsers, before a build takes minutes."""
    policy = OrganizationPolicy(subject.google, subject.spec)
    try:
        forbidding = policy.against_all_users()
    except GcloudFailed:
        return _Finding(
            warnings=("the organization policy on public access could not be read; public access is tried",)
        )
    if not forbidding:
        return _Finding()
    is_forced, warnings = _check_is_forced(policy)
    if is_forced:
        raise DeployError(
            "organization policies forbid both allUsers and disabling the invoker check, so DT could not call",
            where="public invocation",
            fix=[allow_unchecked(subject.spec.google_project)],
        )
    if subject.spec.invocation == "public":
        raise DeployError(
            f"organization policy {forbidding} forbids allUsers",
            where="public invocation",
            fix=[f"{PROGRAM} up --invocation=unchecked"],
        )
    return _Finding(warnings=warnings, is_public_forbidden=True)


def _check_is_forced(policy: OrganizationPolicy) -> tuple[bool, tuple[str, ...]]:
    """Return whether the invoker check must stay on, and a warning if that could not be read."""
    try:
        return policy.forces_the_check(), ()
    except GcloudFailed:
        return False, ("the organization policy on the invoker check could not be read; disabling the check is tried",)


def _region(subject: Subject) -> _Finding:
    project = subject.spec.project_flag
    what, fix = "has no functions", f"gcloud functions regions list --gen2 {project}"
    names = regions(subject)
    if names is None:
        names = set(KNOWN_REGIONS)
        what = "is unknown, and the list of regions cannot be read while the API is disabled"
        fix = f"gcloud services enable cloudfunctions.googleapis.com {project}"
    if subject.spec.region not in names:
        raise DeployError(what, where=f"region {subject.spec.region}", fix=[fix])
    return _Finding()


def _build_account(subject: Subject) -> _Finding:
    """Check whether the build account may build. Inherited roles are not read, so the result is only a warning."""
    if not _is_on(subject, "builds"):
        return _Finding()
    try:
        account = build_account(subject.google, subject.spec)
        if not account or may_build(subject.google, subject.spec, account):
            return _Finding()
    except GcloudFailed:
        what = "the roles of the account that builds the function could not be read; the build is tried"
        return _Finding(warnings=(what,))
    line = let_build(subject.spec.google_project, account)
    what = f"{account} builds the function, but has no role in the project for that; unless it inherits one, run:"
    return _Finding(warnings=(f"{what}\n  {line}",))


def _is_on(subject: Subject, group: str) -> bool:
    observed = subject.observed
    return observed is not None and service_of_group()[group] in services_on(observed.facts[APIS])


def regions(subject: Subject) -> set[str] | None:
    """Return the regions of Cloud Functions, or None if they could not be read."""
    if subject.observed is not None and not _is_on(subject, "functions"):
        return None
    try:
        listed = subject.google.read(("functions", "regions", "list", "--gen2", subject.spec.project_flag)) or []
    except GcloudFailed:
        return None
    return {region.get("locationId") or last_segment(region["name"]) for region in listed}


def _dt(subject: Subject) -> _Finding:
    """Read the organization of each project, and the permissions of the service account there."""
    subject.dt.require_credentials()
    if subject.dt_silent:
        raise subject.dt_silent
    organizations, warnings = [], []
    for project in subject.spec.dt_projects:
        organizations.append(subject.dt.organization(project))
        warnings += _dt_role(subject.dt, project)
        if subject.observed is not None:
            url = subject.observed.url(subject.spec)
            check_room(subject.spec, project, subject.observed.connectors[project], url)
    if len(set(organizations)) > 1:
        raise DeployError(
            f"the projects belong to {len(set(organizations))} organizations; make one deployment for each",
            where="DT",
            fix=[f"{PROGRAM} up --name=ANOTHER-NAME --dt-project=DT-PROJECT"],
        )
    return _Finding(warnings=tuple(warnings), organizations=frozenset(organizations))


def _dt_role(dt: DtApi, project: str) -> list[str]:
    """Return a warning if the role could not be read. Raises ``DeployError`` if the role lacks a permission."""
    try:
        granted = dt.pages(f"/projects/{project}/permissions", "permissions")
    except DtFailed as error:
        if error.status in {401, 403}:
            raise
        return [f"the role in DT project {project} could not be read"]
    if missing := [permission for permission in DT_PERMISSIONS if permission not in granted]:
        what = f"the service account lacks {', '.join(missing)}"
        raise DeployError(what, where=f"DT project {project}", fix=[DT_ROLE])
    return []


def _failures(findings: Sequence[_Finding]) -> tuple[DeployError, ...]:
    """Return each failure once. Without a gcloud login, every command fails; then only one failure is returned."""
    google = [finding.failure for finding in findings if finding.failure and not finding.is_of_dt]
    dt = [finding.failure for finding in findings if finding.failure and finding.is_of_dt]
    google = [failure for _, failure in sorted({str(failure): failure for failure in google}.items())]
    logged_out = [
        failure for failure in google if isinstance(failure, GcloudFailed) and failure.code == "UNAUTHENTICATED"
    ]
    return (logged_out[0], *dt) if logged_out else tuple(sorted([*google, *dt], key=str))


OF_THE_PROJECT, OF_THE_REGION, OF_DT = (_project, _billing), (_region,), (_dt,)
"""The checks of one setting each."""
