"""The report of ``verify --report``: what it will make, the question, the run, and its summary on the terminal."""

from dataclasses import dataclass
from pathlib import Path

from deploy.context import Context
from deploy.errors import DeployError
from deploy.first_contact.choice import check_room, event_type_for
from deploy.first_contact.document import Document, exists_already
from deploy.first_contact.findings import Redaction
from deploy.first_contact.run import carry_out, explanation, rows_of
from deploy.first_contact.site import Deployed, Site
from deploy.program import UP
from deploy.proof.fixtures import Fixtures
from deploy.resources.function import Function
from deploy.resources.invokers import is_unchecked, run_service
from deploy.secret import Secret
from deploy.stages.observed import Observed
from deploy.verbs.applying import confirm


@dataclass(frozen=True, slots=True)
class FirstContact:
    """The report of one ``verify``. ``path``: its file."""

    context: Context
    path: Path

    @classmethod
    def of(cls, context: Context) -> "FirstContact | None":
        """Return the report that the flags ask for, or None.

        Raises:
            DeployError: its file exists already, or its folder does not.

        """
        if context.flags.report is None:
            return None
        path = context.folder / context.flags.report
        if path.exists():
            raise exists_already(path)
        if not path.parent.is_dir():
            raise DeployError("is not a folder", where=str(path.parent), fix=[f"mkdir -p {path.parent}"])
        return cls(context, path)

    def agreed(self, observed: Observed) -> Site:
        """Show what a run makes, how long it takes and what it costs, and ask; return its site.

        Raises:
            Aborted: the user did not agree.
            DeployError: there is no deployment, or no room for a connector.

        """
        context = self.context
        if not observed.url(context.spec):
            raise DeployError("there is nothing to report on yet", fix=[UP])
        project = context.spec.dt_projects[0]
        check_room(project, observed.connectors.get(project, ()))
        with context.terminal.progress("reading the devices of the DT project"):
            devices = context.dt.pages(f"/projects/{project}/devices", "devices")
            organization = context.dt.organization(project)
        event_type, real_devices = event_type_for(devices)
        site = self._site(observed, organization, event_type)
        context.terminal.info(explanation(site, real_devices))
        confirm(context, "make the report?")
        return site

    def report(self, site: Site) -> bool:
        """Make the report, print its summary, and return whether it is complete. A partial one is written as well."""
        document = Document(self.path, self.context.spec.version, self.context.now, self.context.terminal.info)
        document.begin()
        self.context.report.first_contact = document
        try:
            carry_out(site, document)
        finally:
            self._summarize(document)
        return document.is_complete

    def _summarize(self, document: Document) -> None:
        if not self.context.flags.json:
            self.context.terminal.table(rows_of(document))
        answered, missing = len(document.answers), len(document.missing)
        rest = f"; {missing} missing: {', '.join(document.missing)}" if missing else ""
        rest += "" if document.is_finished else "; the run was interrupted, so the last figures are preliminary"
        self.context.print(f"\n{document.path}: {answered} of {answered + missing} questions are answered{rest}")

    def _site(self, observed: Observed, organization: str, event_type: str) -> Site:
        context, spec = self.context, self.context.spec
        described = observed.of(Function(spec)).get(Function.key) or {}
        service = context.google.read(run_service(spec, "describe"))
        ids = (spec.google_project, *spec.dt_projects, organization, spec.runtime_account, observed.url(spec))
        hidden = (*observed.secrets, *context.dt.hidden, *(Secret(text) for text in ids if text))
        return Site(
            spec=spec,
            google=context.google,
            dt=context.dt,
            connectors=context.connectors,
            devices=context.devices,
            fixtures=Fixtures(spec, context.google, context.devices, context.terminal.info, context.now),
            post=context.post,
            redaction=Redaction(hidden),
            organization=organization,
            deployed=Deployed.of(described, is_unchecked=is_unchecked({"service": service})),
            event_type=event_type,
            progress=context.terminal.progress,
            notice=context.terminal.info,
            sleep=context.sleep,
            now=context.now,
        )
