"""The secret of ``X-Dt-Signature``: made here, kept in Secret Manager, handed over by standard input alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.resource import Facts, Reads, foreign, label_changes, label_words
from deploy.secret import SecretVersion
from deploy.spec import MARK, Spec
from deploy.steps import Argv, GcloudCall, Step, create, delete, keep, update

READ = "read"
"""The key in the facts for the newest version as a ``SecretVersion``: no command's answer, because it holds secrets."""


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
        """Make it with a first version, add one if the function could not use the newest, or update its labels."""
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
        if reason := self._unusable(facts):
            argv = (*("secrets", "versions", "add", self.spec.secret, "--data-file=-"), self._project)
            steps.append(create(f"{self.title}, a version", reason, GcloudCall(argv, feeds_secret=True)))
        return tuple(steps) or (keep(self.title, _as_it_is(facts)),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it with all its versions."""
        found = facts["secret"]
        if found is None:
            return (keep(self.title, "is not there"),)
        if found.get("labels", {}).get(MARK) != self.spec.name:
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        return (delete(self.title, f"marked {self.spec.mark}", GcloudCall(self._argv("delete"))),)

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
