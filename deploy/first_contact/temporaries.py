"""Makes the temporary resources of a run, and removes them on every way out; sweeps those of runs that were killed."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from deploy.dt.connectors import POLL_PAUSES_S
from deploy.errors import DeployError, DtFailed, DtUnanswered, GcloudFailed
from deploy.first_contact.recorder.main import LABEL, MOUNTED
from deploy.first_contact.site import Site
from deploy.proof.checks import EMULATED
from deploy.resources.first_contact import (
    ABANDONED_AFTER_S,
    AbandonedContactSecrets,
    AbandonedRecorders,
    connector_name,
    connectors_left_by_runs,
    labels_of,
    left_by_runs,
)
from deploy.resources.function import function_url
from deploy.resources.invokers import INVOKER, run_service
from deploy.resources.kinds import place_of
from deploy.resources.resource import label_words
from deploy.secret import Secret
from deploy.spec import FUNCTION_DEFAULTS, SECRET_FOLDER, last_segment
from deploy.stages.source import source_files, staged
from deploy.steps import Argv, ConnectorCall, DeviceRemoval

ENTRY_POINT = "record"
RECORDER = Path(__file__).with_name("recorder") / "main.py"


def new_name() -> str:
    """Return the name of a new recorder and of its secret.

    It does not begin with the name of the deployment, because a connector to it must never look like the deployment's.
    """
    return f"first-contact-{secrets.token_hex(4)}"


def recorder_files() -> dict[str, bytes]:
    """Return the source: the recorder, and the deployed function's requirements, so that builds can be compared."""
    main = RECORDER.read_bytes().replace(b"\r\n", b"\n")
    return {"main.py": main, "requirements.txt": source_files()["requirements.txt"]}


@dataclass(slots=True)
class _Creation:
    """A creation at DT. ``id``: empty if it is not known. ``is_open``: it has begun, and DT may have carried it out."""

    id: str = ""
    is_open: bool = False

    def carry_out(self, create: Callable[[], str]) -> str:
        """Create a resource, and return its id. An interruption leaves the creation open; a refusal does not."""
        self.is_open = True
        try:
            self.id = create()
        except DtFailed as error:
            self.is_open = isinstance(error, DtUnanswered)
            raise
        self.is_open = not self.id
        return self.id


@dataclass(frozen=True, slots=True)
class Temporaries:
    """The temporary resources of one run. ``name``: that of the recorder. ``since``: when the run began.

    ``left_over``: called with the kind of a resource that could not be removed.
    """

    site: Site
    name: str
    since: int
    left_over: Callable[[str], None]

    @contextmanager
    def secret(self, content: Secret) -> Iterator[None]:
        """Create the secret, which the runtime account may read, and delete it when the context ends."""
        labels = label_words(labels_of(self.site.spec, self.since))
        flags = ("--replication-policy=automatic", f"--labels={labels}", "--data-file=-")
        member = f"--member=serviceAccount:{self.site.spec.runtime_account}"
        role = "--role=roles/secretmanager.secretAccessor"
        try:
            self.site.google.change(self._secrets("create", *flags), stdin=content)
            self.site.google.change(self._secrets("add-iam-policy-binding", member, role))
            yield
        finally:
            self._clean_up(lambda: self.site.google.change(self._secrets("delete")), "secret")

    def add_version(self, content: Secret) -> None:
        """Add a version to the secret."""
        argv = ("secrets", "versions", "add", self.name, "--data-file=-", self.site.spec.project_flag)
        self.site.google.change(argv, stdin=content)

    @contextmanager
    def recorder(self) -> Iterator[str]:
        """Deploy the recorder, which cannot be called yet, yield its URL, and delete it when the context ends."""
        try:
            yield function_url({"function": self.deploy()})
        finally:
            delete = self._functions("delete")
            self._clean_up(lambda: self.site.google.change(delete), "function")

    def deploy(self) -> Mapping[str, Any]:
        """Deploy the recorder, or deploy it again without changing its callers; return its description."""
        with staged(recorder_files()) as folder:
            made: Mapping[str, Any] = self.site.google.change(self._deploy(), folder=folder)
            return made

    def open(self) -> None:
        """Let everyone call the recorder, in the way in which everyone may call the deployment's function."""
        spec = replace(self.site.spec, name=self.name)
        granted = ("--member=allUsers", f"--role={INVOKER}", "--condition=None")
        if self.site.deployed.is_unchecked:
            self.site.google.change(run_service(spec, "update", "--no-invoker-iam-check"))
        else:
            self.site.google.change(run_service(spec, "add-iam-policy-binding", *granted))

    @contextmanager
    def connector(self, url: str, signature_secret: Secret) -> Iterator[str]:
        """Create the connector to the recorder, yield its id, and delete it when the context ends."""
        site, name = self.site, connector_name(self.site.spec, self.since)
        body = {
            "displayName": name,
            "type": "HTTP_PUSH",
            "status": "ACTIVE",
            "events": [site.event_type],
            "labels": [LABEL],
            "httpConfig": {"url": url, "signatureSecret": signature_secret.reveal()},
        }
        creation = _Creation()
        delete = partial(self._delete_connector, site.project)
        try:
            yield creation.carry_out(lambda: self._create_connector(body, name))
        finally:
            self._clean_up(lambda: self._remove_made(creation, lambda: self._named(name), delete), "connector")

    @contextmanager
    def device(self, status: int) -> Iterator[str]:
        """Create an emulated device whose events the recorder refuses with a status; remove it with the context."""
        site, label = self.site, f"{self.name}-{status}"
        kind = EMULATED[site.event_type][0]
        creation = _Creation()
        try:
            yield creation.carry_out(lambda: site.devices.make(site.project, kind, site.now(), {LABEL: label}))
        finally:
            self._clean_up(
                lambda: self._remove_made(creation, lambda: self._labelled(label), self._remove_device),
                "emulated device",
            )

    def sweep(self) -> None:
        """Remove the temporary resources of killed runs, but not those of a run that may still be going on."""
        site, before = self.site, self.site.now() - ABANDONED_AFTER_S
        try:
            for project in site.spec.dt_projects:
                for connector in connectors_left_by_runs(site.spec, site.connectors.list(project), before):
                    self._delete_connector(project, connector.id)
            for function in left_by_runs(site.spec, site.google.read(AbandonedRecorders(site.spec).describe), before):
                region, name = place_of(function)
                site.google.change(_functions("delete", name, region, site.spec.project_flag))
            for secret in left_by_runs(
                site.spec, site.google.read(AbandonedContactSecrets(site.spec).describe), before
            ):
                site.google.change(("secrets", "delete", last_segment(secret["name"]), site.spec.project_flag))
        except DeployError as error:
            site.notice(f"resources of killed runs could not be removed: {error}")

    def _deploy(self) -> Argv:
        site, path = self.site, f"{SECRET_FOLDER}/{self.name}"
        account = site.spec.build_account_name
        return self._functions(
            "deploy",
            "--source=.",
            f"--entry-point={ENTRY_POINT}",
            "--trigger-http",
            "--ingress-settings=all",
            f"--service-account={site.spec.runtime_account}",
            *([f"--build-service-account={account}"] if account else []),
            f"--runtime={site.deployed.runtime or FUNCTION_DEFAULTS['runtime']}",
            f"--memory={FUNCTION_DEFAULTS['memory']}",
            f"--cpu={FUNCTION_DEFAULTS['cpu']}",
            f"--concurrency={FUNCTION_DEFAULTS['concurrency']}",
            f"--timeout={FUNCTION_DEFAULTS['timeout']}",
            "--min-instances=0",
            "--max-instances=1",
            f"--update-secrets={path}={self.name}:latest",
            f"--update-env-vars={MOUNTED}={path}",
            f"--update-labels={label_words(labels_of(site.spec, self.since))}",
        )

    def _create_connector(self, body: Mapping[str, object], name: str) -> str:
        """Create the connector, and return its id. If DT does not answer, look for it instead of asking twice."""
        path = f"/projects/{self.site.project}/dataconnectors"
        try:
            return last_segment(str(self.site.dt.call("POST", path, body=body).get("name", "")))
        except DtUnanswered:
            found = self._polled(lambda: self._named(name))
            if not found:
                raise
            return found[0]

    def _polled(self, listed: Callable[[], list[str]]) -> list[str]:
        """Return the ids in a list of DT's, which may lag behind; none if it has none after all pauses."""
        for pause_s in POLL_PAUSES_S:
            self.site.sleep(pause_s)
            if found := listed():
                return found
        return []

    def _named(self, name: str) -> list[str]:
        return [found.id for found in self.site.connectors.list(self.site.project) if found.display_name == name]

    def _labelled(self, label: str) -> list[str]:
        return [device.id for device in self.site.devices.of_proofs(self.site.project) if device.contact == label]

    def _remove_made(self, creation: _Creation, listed: Callable[[], list[str]], remove: Callable[[str], None]) -> None:
        """Remove what a creation has made, and what DT has made although it did not answer.

        Raises:
            DeployError: it could not be removed, or DT does not show whether it has made it.

        """
        if not (creation.id or creation.is_open):
            return
        if creation.id:
            remove(creation.id)
        found = listed() if creation.id else self._polled(listed)
        if not (creation.id or found):
            raise DeployError("DT has not said whether it made it, and does not list it", where="DT")
        for other in found:
            if other != creation.id:
                remove(other)

    def _remove_device(self, device: str) -> None:
        self.site.devices.carry_out(DeviceRemoval(self.site.project, device))

    def _delete_connector(self, project: str, connector: str) -> None:
        call = ConnectorCall("DELETE", project, connector)
        self.site.connectors.carry_out(call, self.site.spec, url="", secret=Secret(""))

    def _clean_up(self, remove: Callable[[], object], kind: str) -> None:
        """Remove a resource. If that fails, or a second Ctrl-C ends it, the resource is noted as left over."""
        is_gone = False
        try:
            with self.site.progress(f"removing the temporary {kind}"):
                remove()
            is_gone = True
        except DeployError as error:
            is_gone = _is_absent(error)
            if not is_gone:
                self.site.notice(
                    f"the temporary {kind} may be left over; a run two hours later or `down` removes it: {error}"
                )
        finally:
            if not is_gone:
                self.left_over(kind)

    def _secrets(self, verb: str, *flags: str) -> Argv:
        return ("secrets", verb, self.name, *flags, self.site.spec.project_flag)

    def _functions(self, verb: str, *flags: str) -> Argv:
        return _functions(verb, self.name, self.site.spec.region, *flags, self.site.spec.project_flag)


def _functions(verb: str, name: str, region: str, *flags: str) -> Argv:
    return ("functions", verb, name, "--gen2", f"--region={region}", *flags)


def _is_absent(error: DeployError) -> bool:
    """Return whether the resource to remove does not exist: an error or Ctrl-C may come before it is made."""
    is_absent_at_google = isinstance(error, GcloudFailed) and error.code == "NOT_FOUND"
    return is_absent_at_google or (isinstance(error, DtFailed) and error.status == 404)
