"""The secret of ``X-Dt-Signature``: made here, kept in Secret Manager, handed over by standard input alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import DeployError
from deploy.resources.by_hand import on_secret, said
from deploy.resources.function import env_words
from deploy.resources.memory import BETWEEN, DEPLOYED, DT_PROJECTS, UNKNOWN_YET, read_memory
from deploy.resources.resource import Facts, Reads, foreign, is_marked, label_changes, label_words
from deploy.secret import SecretVersion
from deploy.spec import Spec
from deploy.steps import Argv, Change, GcloudCall, Step, create, delete, keep, update

READ = "read"
"""The key in the facts for the newest version as a ``SecretVersion``: no command's answer, because it holds secrets."""


@dataclass(frozen=True, slots=True)
class SignatureSecret:
    """The secret, with a version in force, and what the deployment remembers.

    ``dt_projects``: those to be remembered beside the ones that are named now.
    """

    spec: Spec
    dt_projects: tuple[str, ...] = ()
    upon: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """Say what it is."""
        return f"secret {self.spec.secret}"

    def reads(self) -> Reads:
        """Describe it and its versions."""
        found = yield "secret", self._argv("describe")
        if found is not None:
            yield "versions", ("secrets", "versions", "list", self.spec.secret, self._project)

    def removal_reads(self) -> Reads:
        """Describe it."""
        yield "secret", self._argv("describe")

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return the error for a secret without the mark of this deployment."""
        found = facts.get("secret")
        if found is None or is_marked(self.spec, found):
            return None
        adopt = GcloudCall(self._argv("update", f"--update-labels={self.spec.mark}"))
        return foreign(self.title, self.spec.mark, adopt.line())

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Make it with a first version, add one if the function cannot use the newest, or bring the rest up to date."""
        if error := self.not_ours(facts):
            raise error
        found = facts["secret"]
        if found is None:
            annotations = env_words(self._annotations(facts))
            flags = (f"--labels={label_words(self.spec.all_labels)}", f"--set-annotations={annotations}")
            argv = self._argv("create", "--replication-policy=automatic", *flags, "--data-file=-")
            return (create(self.title, "not there", GcloudCall(argv, feeds_secret=True)),)
        steps = self._brought_up_to_date(facts)
        if reason := self._unusable(facts):
            argv = (*("secrets", "versions", "add", self.spec.secret, "--data-file=-"), self._project)
            steps.append(create(f"{self.title}, a version", reason, GcloudCall(argv, feeds_secret=True)))
        return tuple(steps) or (keep(self.title, f"{_as_it_is(facts)}{said(on_secret(found))}"),)

    def remember(self, facts: Facts, deployed: str, before: str) -> Step:
        """Return the step that remembers which upload the function was deployed from; empty: it is still to come."""
        words = env_words({**self._annotations(facts), DEPLOYED: deployed or UNKNOWN_YET})
        call = GcloudCall(self._argv("update", f"--update-annotations={words}"), names_upload=not deployed)
        change = Change("upload noted", before, deployed or UNKNOWN_YET)
        return update(f"{self.title}, note of the upload", (change,), call)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it with all its versions."""
        found = facts["secret"]
        if found is None:
            return (keep(self.title, "is not there"),)
        if self.not_ours(facts):
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        return (delete(self.title, f"marked {self.spec.mark}", GcloudCall(self._argv("delete"))),)

    def _brought_up_to_date(self, facts: Facts) -> list[Step]:
        labels = label_changes(self.spec.all_labels, facts["secret"].get("labels"))
        known = read_memory(self.spec, facts).dt_projects
        flags = [f"--update-labels={label_words(self.spec.all_labels)}"] if labels else []
        changes = labels
        if set(known) != set(self._wanted):
            changes = (*labels, Change("DT projects", ", ".join(known), ", ".join(self._wanted)))
            flags.append(f"--update-annotations={env_words(self._annotations(facts))}")
        return [update(self.title, changes, GcloudCall(self._argv("update", *flags)))] if changes else []

    @property
    def _wanted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.spec.dt_projects, *self.dt_projects)))

    def _annotations(self, facts: Facts) -> dict[str, str]:
        """Return all annotations that are to be there: ``--update-annotations`` of gcloud 528 drops all others."""
        found = (facts["secret"] or {}).get("annotations") or {}
        return {**found, DT_PROJECTS: BETWEEN.join(self._wanted)}

    def _unusable(self, facts: Facts) -> str:
        if not newest_enabled(facts):
            return "its newest version is not in force"
        refused = unusable(facts)
        return refused and f"{refused}: a new random one takes its place"

    @property
    def _project(self) -> str:
        return f"--project={self.spec.google_project}"

    def _argv(self, verb: str, *flags: str) -> Argv:
        return ("secrets", verb, self.spec.secret, *flags, self._project)


def number_of(version: Mapping[str, Any]) -> int:
    """Return a version's number, by which alone it is certain to be read after it was made."""
    return int(version["name"].rpartition("/")[2])


def newest_version(facts: Facts) -> Facts | None:
    """Give the newest version, which is the one that ``latest`` means, in force or not."""
    versions = facts.get("versions") or []
    return max(versions, key=number_of, default=None)


def newest_enabled(facts: Facts) -> str:
    """Give the number of the newest version if it is in force."""
    newest = newest_version(facts)
    if newest is None or newest.get("state", "").upper() != "ENABLED":
        return ""
    return str(number_of(newest))


def unusable(facts: Facts) -> str:
    """Return why the function can use nothing of the newest version; an empty text if it can, or if it was not read."""
    read: SecretVersion | None = facts.get(READ)
    return read.refusal if read else ""


def _as_it_is(facts: Facts) -> str:
    read: SecretVersion | None = facts.get(READ)
    passed_over = f"; the function passes over a part of it: {'; '.join(read.faults)}" if read and read.faults else ""
    return f"version {newest_enabled(facts)} is in force{passed_over}"
