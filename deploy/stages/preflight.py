"""Checks before anything is changed. It only reads; a failure is one line, with one command that fixes it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from deploy.dt.api import ROLE as DT_ROLE
from deploy.dt.api import DtApi
from deploy.errors import DeployError, DtFailed, DtUnanswered, GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.google.org_policy import OrganizationPolicy
from deploy.google.permissions import DT_PERMISSIONS, allow_unchecked, grant, let_build
from deploy.google.regions import KNOWN_REGIONS
from deploy.google.rest import Held
from deploy.parallel import wait_for, worker_pool
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


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: a spec, and both clouds.

    What ``observed`` shows to be in order is not read again; DT is not, if it was ``dt_silent``.
    """

    spec: Spec
    google: Gcloud
    dt: DtApi
    held: Held
    observed: Observed | None = None
    dt_silent: DtUnanswered | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What all checks came to: failures, warnings, and the spec, completed if there are no failures.

    The spec then has DT's organization, and the way in which everybody may call the function.
    """

    failures: tuple[DeployError, ...]
    warnings: tuple[str, ...]
    spec: Spec


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one check found out, beside that all is well or not."""

    failure: DeployError | None = None
    is_of_dt: bool = False
    warnings: tuple[str, ...] = ()
    organizations: frozenset[str] = frozenset()
    is_public_forbidden: bool = False


_Check = Callable[[Subject], _Finding]
"""One check. It raises ``DeployError`` if something has to be fixed first."""


def check(subject: Subject) -> Result:
    """Run all checks, several at a time."""
    with worker_pool() as pool:
        running = [pool.submit(_finding, one, subject) for one in _checks(subject)]
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
    """Return whether allUsers may call already, and nothing else was asked for."""
    if subject.observed is None or subject.spec.invocation == "unchecked":
        return False
    return is_public(subject.observed.of(Invocation(subject.spec)))


def _is_unchecked(subject: Subject) -> bool:
    """Return whether the check is off and allUsers has no role; ``auto`` leaves it so."""
    facts = subject.observed.of(Invocation(subject.spec)) if subject.observed else {}
    return is_unchecked(facts) and not is_public(facts)


def _is_deployed(subject: Subject) -> bool:
    observed = subject.observed
    return observed is not None and bool(observed.of(Function(subject.spec)).get(Function.key))


def _project(subject: Subject) -> _Finding:
    where = f"project {subject.spec.google_project}"
    try:
        found = subject.google.read(("projects", "describe", subject.spec.google_project))
    except GcloudFailed as error:
        if error.code not in {"PERMISSION_DENIED", "PROJECT", "ELSEWHERE"} or error.fix[0].count(" undelete "):
            raise
        what = "does not exist, or you may not see it"
        raise DeployError(what, where=where, fix=["gcloud projects list"]) from None
    if found is None or found.get("lifecycleState", "ACTIVE") != "ACTIVE":
        state = "does not exist" if found is None else f"is {found['lifecycleState']}"
        raise DeployError(state, where=where, fix=["gcloud projects list"])
    return _Finding()


def _billing(subject: Subject) -> _Finding:
    project = subject.spec.google_project
    try:
        found = subject.google.read(("billing", "projects", "describe", project))
    except GcloudFailed:
        return _Finding(warnings=("whether billing is on could not be read",))
    if found is not None and not found.get("billingEnabled"):
        fix = f"gcloud billing projects link {project} --billing-account=ACCOUNT"
        raise DeployError("billing is off", where=f"project {project}", fix=[fix])
    return _Finding()


def _permissions(subject: Subject) -> _Finding:
    project = subject.spec.google_project
    token = Secret(subject.google.read_text(("auth", "print-access-token")).strip())
    try:
        needed = deployer_permissions()
        missing = set(needed) - subject.held(f"projects/{project}", needed, token)
    except DeployError as error:
        return _Finding(warnings=(f"which permissions you have could not be read: {error}",))
    if ACT_AS in missing and _may_act_as_the_account(subject, token):
        missing.remove(ACT_AS)
    if missing:
        what = f"you lack {', '.join(sorted(missing))}"
        raise DeployError(what, where=f"project {project}", fix=[grant(project)])
    return _Finding()


def _may_act_as_the_account(subject: Subject, token: Secret) -> bool:
    """Return whether ``actAs`` is granted on the function's own account, which has to be there for that."""
    account = f"projects/{subject.spec.google_project}/serviceAccounts/{subject.spec.runtime_account}"
    try:
        return ACT_AS in subject.held(account, [ACT_AS], token)
    except DeployError:
        return False


def _public_access(subject: Subject) -> _Finding:
    """Check whether organization policy forbids allUsers, before minutes are spent on a build."""
    policy = OrganizationPolicy(subject.google, subject.spec)
    try:
        forbidding = policy.against_all_users()
    except GcloudFailed:
        return _Finding(warnings=("organization policy on public access could not be read: public is tried",))
    if not forbidding:
        return _Finding()
    is_forced, warnings = _check_is_forced(policy)
    if is_forced:
        raise DeployError(
            "organization policies forbid allUsers, and to switch the invoker check off: DT could not call",
            where="public invocation",
            fix=[allow_unchecked(subject.spec.google_project)],
        )
    if subject.spec.invocation == "public":
        raise DeployError(
            f"organization policy {forbidding} forbids allUsers",
            where="public invocation",
            fix=["python -m deploy up --invocation=unchecked"],
        )
    return _Finding(warnings=warnings, is_public_forbidden=True)


def _check_is_forced(policy: OrganizationPolicy) -> tuple[bool, tuple[str, ...]]:
    """Return whether the invoker check has to stay on, and a warning if that could not be read."""
    try:
        return policy.forces_the_check(), ()
    except GcloudFailed:
        return False, ("whether the invoker check may be switched off could not be read: it is tried",)


def _region(subject: Subject) -> _Finding:
    project = subject.spec.project_flag
    what, fix = "has no functions", f"gcloud functions regions list --gen2 {project}"
    names = _regions(subject, project)
    if names is None:
        names = set(KNOWN_REGIONS)
        what = "is not known, and Google cannot be asked while the API is off"
        fix = f"gcloud services enable cloudfunctions.googleapis.com {project}"
    if subject.spec.region not in names:
        raise DeployError(what, where=f"region {subject.spec.region}", fix=[fix])
    return _Finding()


def _build_account(subject: Subject) -> _Finding:
    """Check whether the build account may build. A role that it inherits is not seen, so this is only a note."""
    if not _is_on(subject, "builds"):
        return _Finding()
    try:
        account = build_account(subject.google, subject.spec)
        if not account or may_build(subject.google, subject.spec, account):
            return _Finding()
    except GcloudFailed:
        what = "whether the account that builds the function may do so could not be read: it is tried"
        return _Finding(warnings=(what,))
    line = let_build(subject.spec.google_project, account)
    what = f"{account} builds the function, and has no role in the project that lets it; unless it inherits one:"
    return _Finding(warnings=(f"{what}\n  {line}",))


def _is_on(subject: Subject, group: str) -> bool:
    observed = subject.observed
    return observed is not None and service_of_group()[group] in services_on(observed.facts[APIS])


def _regions(subject: Subject, project: str) -> set[str] | None:
    """Return the regions that have functions, or None if Google cannot be asked."""
    if subject.observed is not None and not _is_on(subject, "functions"):
        return None
    try:
        listed = subject.google.read(("functions", "regions", "list", "--gen2", project)) or []
    except GcloudFailed:
        return None
    return {region.get("locationId") or last_segment(region["name"]) for region in listed}


def _dt(subject: Subject) -> _Finding:
    """Read the organization of each project, and what the service account may do there."""
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
            f"the projects belong to {len(set(organizations))} organizations: make one deployment for each",
            where="DT",
            fix=["python -m deploy up --name=ANOTHER-NAME --dt-project=DT-PROJECT"],
        )
    return _Finding(warnings=tuple(warnings), organizations=frozenset(organizations))


def _dt_role(dt: DtApi, project: str) -> list[str]:
    """Return a warning if the role could not be read. Raises ``DeployError`` if it is not enough."""
    try:
        held = set(dt.pages(f"/projects/{project}/permissions", "permissions"))
    except DtFailed as error:
        if error.status in {401, 403}:
            raise
        return [f"the role in DT project {project} could not be read"]
    if missing := [permission for permission in DT_PERMISSIONS if permission not in held]:
        what = f"the service account lacks {', '.join(missing)}"
        raise DeployError(what, where=f"DT project {project}", fix=[DT_ROLE])
    return []


def _failures(findings: Sequence[_Finding]) -> tuple[DeployError, ...]:
    """Return each failure once. Without a login of gcloud, all its commands fail: then only one of them is kept."""
    google = [finding.failure for finding in findings if finding.failure and not finding.is_of_dt]
    dt = [finding.failure for finding in findings if finding.failure and finding.is_of_dt]
    google = [failure for _, failure in sorted({str(failure): failure for failure in google}.items())]
    logged_out = [
        failure for failure in google if isinstance(failure, GcloudFailed) and failure.code == "UNAUTHENTICATED"
    ]
    return (logged_out[0], *dt) if logged_out else tuple(sorted([*google, *dt], key=str))
