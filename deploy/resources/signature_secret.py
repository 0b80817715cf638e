"""The secret of ``X-Dt-Signature``: made here, kept in Secret Manager, handed over by standard input alone."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.resources.resource import Facts, Reads, foreign, label_changes, label_words
from deploy.spec import MARK, Spec
from deploy.steps import Argv, GcloudCall, Step, create, delete, keep, update


@dataclass(frozen=True, slots=True)
class SignatureSecret:
    """The secret, with a version in force."""

    spec: Spec
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

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Make it with a first version, add one where none is in force, or bring its labels up to date."""
        found, words = facts["secret"], label_words(self.spec.all_labels)
        if found is None:
            argv = self._argv("create", "--replication-policy=automatic", f"--labels={words}", "--data-file=-")
            return (create(self.title, "not there", GcloudCall(argv, feeds_secret=True)),)
        if found.get("labels", {}).get(MARK) != self.spec.name:
            adopt = GcloudCall(self._argv("update", f"--update-labels={self.spec.mark}"))
            raise foreign(self.title, self.spec.mark, adopt.line())
        steps = []
        if changes := label_changes(self.spec.all_labels, found.get("labels")):
            steps.append(update(self.title, changes, GcloudCall(self._argv("update", f"--update-labels={words}"))))
        if not newest_enabled(facts):
            argv = (*("secrets", "versions", "add", self.spec.secret, "--data-file=-"), self._project)
            call = GcloudCall(argv, feeds_secret=True)
            steps.append(create(f"{self.title}, a version", "its newest version is not in force", call))
        return tuple(steps) or (keep(self.title, f"version {newest_enabled(facts)} is in force"),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it with all its versions."""
        found = facts["secret"]
        if found is None:
            return (keep(self.title, "is not there"),)
        if found.get("labels", {}).get(MARK) != self.spec.name:
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        return (delete(self.title, f"marked {self.spec.mark}", GcloudCall(self._argv("delete"))),)

    @property
    def _project(self) -> str:
        return f"--project={self.spec.google_project}"

    def _argv(self, verb: str, *flags: str) -> Argv:
        return ("secrets", verb, self.spec.secret, *flags, self._project)


def newest_version(facts: Facts) -> Facts | None:
    """Give the newest version, which is the one that ``latest`` means, in force or not."""
    versions = facts.get("versions") or []
    return max(versions, key=lambda version: int(version["name"].rpartition("/")[2]), default=None)


def newest_enabled(facts: Facts) -> str:
    """Give the number of the newest version if it is in force."""
    newest = newest_version(facts)
    if newest is None or newest.get("state", "").upper() != "ENABLED":
        return ""
    return str(newest["name"].rpartition("/")[2])
