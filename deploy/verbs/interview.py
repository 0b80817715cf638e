"""The questions of ``init``, one setting after the other: each answer narrows the next choices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from deploy.cli.options import refusal_of
from deploy.cli.questions import Asks, Choice, Defaults, Question, Refuse
from deploy.cli.settings import MARGIN, Known
from deploy.cli.settings_text import DEFAULT_NAME, Answers
from deploy.context import Context
from deploy.dt.api import EXPORT
from deploy.errors import DeployError, InvalidOptions
from deploy.program import PROGRAM
from deploy.spec import Spec
from deploy.stages import preflight
from deploy.verbs import discovery

SUGGESTED_REGION = "europe-west1"
"""A guess, which ``--yes`` does not take: where data may be is the user's decision."""


@dataclass
class Interview:
    """Finds the settings that identify a deployment, or asks for them. ``titles``: the names of DT projects by id."""

    context: Context
    known: Known
    asks: Asks
    titles: Mapping[str, str] = field(default_factory=dict)

    def answers(self) -> Answers:
        """Return the settings.

        Raises:
            InvalidOptions: ``--yes`` was given, and not everything is clear.
            DeployError: a setting that was given cannot be used, or a cloud does not answer.

        """
        project = self._one("project", self._refuse_project, self._project)
        existing = self._existing(project)
        name = self._one("name", _refuse_name, lambda: self._name(existing))
        found = next((deployment for deployment in existing if deployment.name == name), None)
        region = self._one("region", lambda it: self._refuse_region(project, it), lambda: self._region(project, found))
        dt_projects = self._settled("dt_projects", self._refuse_dt, lambda: self._dt_projects(found))
        if isinstance(self.asks, Defaults) and self.asks.faults:
            raise InvalidOptions(self.asks.faults, fix=[f"{PROGRAM} init --help"])
        return {"project": project, "region": region, "dt_projects": dt_projects, "name": name}

    def _one(self, place: str, refuse: Callable[[str], str], question: Callable[[], Question]) -> str:
        """Return the one value of a setting; "" if ``--yes`` was given, and it is not clear."""
        return next(iter(self._settled(place, lambda values: refuse(values[0]), question)), "")

    def _settled(self, place: str, refuse: Refuse, question: Callable[[], Question]) -> tuple[str, ...]:
        """Return a setting that has a flag or a variable, after a check; else ask for it.

        Raises:
            DeployError: the setting has a flag or a variable, and cannot be used.

        """
        given = self._given(place)
        if not (given and self.known.is_fixed(place)):
            asked = question()
            return self.asks.answer(replace(asked, default=given or asked.default), refuse)
        if refusal := refuse(given):
            raise DeployError(refusal, where=self.known.sources[place])
        return given

    def _given(self, place: str) -> tuple[str, ...]:
        """Return the values of a flag, a variable or the file; () if there are none."""
        value = self.known.values.get(place, ())
        return (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))

    def _project(self) -> Question:
        with self.context.terminal.progress("listing Google Cloud's projects"):
            choices = discovery.google_projects(self.context)
        usual = _usual(self.context, "core", "project")
        return Question("Google Cloud project", "--project", choices, usual)

    def _refuse_project(self, project: str) -> str:
        if wrong := refusal_of("project", project):
            return wrong
        with self.context.terminal.progress(f"checking {project}"):
            return discovery.refusal(self.context, preflight.OF_THE_PROJECT, google_project=project)

    def _existing(self, project: str) -> Sequence[Spec]:
        if not project:
            return ()
        with self.context.terminal.progress(f"looking for deployments in {project}"):
            return discovery.deployments(self.context, project)

    @staticmethod
    def _name(existing: Sequence[Spec]) -> Question:
        choices = [Choice(found.name, f"is in {found.region} already; go on with it") for found in existing]
        default = () if existing else (DEFAULT_NAME,)
        suggestion = (existing[0].name,) if existing else ()
        return Question("name of the deployment", "--name", choices, default, suggestion, is_open=True)

    def _region(self, project: str, found: Spec | None) -> Question:
        with self.context.terminal.progress("listing the regions of functions"):
            choices = discovery.regions(self.context, project)
        usual = (_usual(self.context, section, "region") for section in ("functions", "run", "compute"))
        default = (found.region,) if found else next(filter(None, usual), ())
        suggestion = (SUGGESTED_REGION,) if Choice(SUGGESTED_REGION) in choices else ()
        return Question("region of the function", "--region", choices, default, suggestion)

    def _refuse_region(self, project: str, region: str) -> str:
        wrong = refusal_of("region", region)
        if wrong or not project:
            return wrong
        with self.context.terminal.progress(f"checking {region}"):
            return discovery.refusal(self.context, preflight.OF_THE_REGION, google_project=project, region=region)

    def _dt_projects(self, found: Spec | None) -> Question:
        visible = {choice.value for choice in self._dt_choices}
        remembered = found.dt_projects if found else ()
        default = tuple(dt_project for dt_project in remembered if dt_project in visible or not visible)
        suggestion = tuple(visible) if len(visible) == 1 else ()
        return Question("DT projects", "--dt-project", self._dt_choices, default, suggestion, many=True)

    @cached_property
    def _dt_choices(self) -> Sequence[Choice]:
        """The DT projects of the service account; none without its key."""
        if self.context.dt.transport is None:
            what = "note: without DT's key, DT's projects can be neither listed nor checked"
            self.context.terminal.info(f"{what}\n  {EXPORT}")
            return ()
        with self.context.terminal.progress("listing DT's projects"):
            found = discovery.dt_projects(self.context)
        self.titles = {choice.value: choice.title for choice in found if choice.title}
        return found

    def _refuse_dt(self, dt_projects: tuple[str, ...]) -> str:
        wrong = next(filter(None, (refusal_of("dt_projects", dt_project) for dt_project in dt_projects)), "")
        if wrong or self.context.dt.transport is None:
            return wrong
        with self.context.terminal.progress("checking the service account's role at DT"):
            return discovery.refusal(self.context, preflight.OF_DT, dt_projects=dt_projects)


def _refuse_name(name: str) -> str:
    return refusal_of("name", name)


def _usual(context: Context, section: str, key: str) -> tuple[str, ...]:
    """Return a property of gcloud's configuration; () if it is not set."""
    text = str((context.configuration().get(section) or {}).get(key) or "").strip(MARGIN)
    return (text,) if text else ()
