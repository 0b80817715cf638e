"""What both clouds have, as choices for ``init``. A list that is refused is not needed: the user then types a value."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from deploy.cli.questions import Choice
from deploy.cli.terminal import printable
from deploy.context import Context
from deploy.dt.api import ROLE, parsing_response
from deploy.errors import Code, DeployError, DtFailed, GcloudFailed
from deploy.google.regions import KNOWN_REGIONS
from deploy.resources.kinds import FUNCTION_KIND, SECRET_KIND
from deploy.spec import DT_STUDIO, NO_SETTINGS, Spec, last_segment
from deploy.stages import preflight
from deploy.stages.listing import list_deployments

REFUSED: frozenset[Code] = frozenset(
    {"PERMISSION_DENIED", "SERVICE_DISABLED", "PERIMETER", "POLICY", "PROJECT", "QUOTA_PROJECT", "ELSEWHERE"}
)
"""Reasons of gcloud's for which one list may be refused while another command works."""

IDENTIFYING = (FUNCTION_KIND, SECRET_KIND)
"""The kinds that say name, region and DT projects of a deployment."""


def google_projects(context: Context) -> Sequence[Choice]:
    """Return the projects that gcloud's account sees, by id; none if the list is refused.

    Raises:
        DeployError: gcloud is not logged in or cannot reach Google, or its account sees no project.

    """
    try:
        listed = context.google.read(("projects", "list"))
    except GcloudFailed as error:
        _refused(context, "Google Cloud's projects", error)
        return ()
    if not listed:
        what = "gcloud's account sees no project: make one, or log in with another account"
        fix = ["gcloud projects create MY-PROJECT-ID", "gcloud auth login"]
        raise DeployError(what, where="gcloud projects list", fix=fix)
    found = [Choice(str(project.get("projectId")), _title(project.get("name"))) for project in listed]
    return sorted(found, key=lambda choice: choice.value)


def regions(context: Context, project: str) -> Sequence[Choice]:
    """Return the regions of functions: those that Google lists, else those that were known when this was written."""
    found = preflight.regions(_subject(context, google_project=project)) if project else None
    return [Choice(region) for region in sorted(found or KNOWN_REGIONS)]


def deployments(context: Context, project: str) -> Sequence[Spec]:
    """Return name, region and remembered DT projects of the deployments of a project; none if a list is refused."""
    try:
        listing = list_deployments(replace(NO_SETTINGS, google_project=project), context.google, IDENTIFYING)
    except GcloudFailed as error:
        _refused(context, "the deployments", error)
        return ()
    return [deployment.spec for deployment in listing.deployments if not deployment.is_left_over]


def dt_projects(context: Context) -> Sequence[Choice]:
    """Return the projects in which DT's service account has a role; none if the list is refused.

    Raises:
        DeployError: it has a role in no project, or DT refuses the key.

    """
    try:
        found = context.dt.projects()
    except DtFailed as error:
        if error.status != 403:
            raise
        _note(context, "DT's projects", error)
        return ()
    if not found:
        what = "the service account has a role in no project"
        raise DeployError(what, where="DT", fix=[f"{ROLE}: {DT_STUDIO}"])
    with parsing_response("DT, GET /projects"):
        several = len({project["organization"] for project in found}) > 1
        choices = [Choice(last_segment(project["name"]), _dt_title(project, several=several)) for project in found]
    return sorted(choices, key=lambda choice: (choice.title.casefold(), choice.value))


def refusal(context: Context, checks: Sequence[Callable[..., Any]], **settings: Any) -> str:
    """Return what the preflight has against these settings, in its words; an empty text if it has nothing.

    Raises:
        DeployError: the checks did not work, whatever the settings are.

    """
    result = preflight.check(_subject(context, **settings), checks)
    for failure in result.failures:
        if isinstance(failure, GcloudFailed) and failure.code not in REFUSED:
            raise failure
        if isinstance(failure, DtFailed) and failure.status not in {403, 404}:
            raise failure
    for warning in result.warnings:
        context.terminal.info(f"note: {warning}")
    return "\n".join(str(failure) for failure in result.failures)


def _subject(context: Context, **settings: Any) -> preflight.Subject:
    spec = replace(context.spec, **settings)
    return preflight.Subject(spec, context.google, context.dt, context.test_permissions)


def _refused(context: Context, what: str, error: GcloudFailed) -> None:
    """Say that a list is refused. Raises the error if it is of another kind, which would stop every other command."""
    if error.code not in REFUSED:
        raise error
    _note(context, what, error)


def _note(context: Context, what: str, error: DeployError) -> None:
    context.terminal.info(f"note: {what} could not be listed ({error.what.splitlines()[0]})")


def _dt_title(project: Any, *, several: bool) -> str:
    organization = f", {_title(project.get('organizationDisplayName'))}" if several else ""
    return f"{_title(project.get('displayName'))}{organization}"


def _title(text: Any) -> str:
    return printable(str(text or ""), lines=False)
