"""The secret of ``X-Dt-Signature``: generated here, passed to gcloud by standard input, stored in Secret Manager."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.by_hand import as_suffix, on_secret
from deploy.resources.function import env_words
from deploy.resources.marked import Marked
from deploy.resources.memory import (
    DEPLOYED,
    DT_PROJECTS,
    PAUSED_SINCE,
    SEPARATOR,
    UNKNOWN_YET,
    paused_words,
    read_memory,
)
from deploy.resources.resource import CommandGroup, Facts, Reads, label_changes, label_words
from deploy.secret import SecretVersion
from deploy.spec import last_segment
from deploy.steps import Argv, Change, GcloudCall, ResourceId, Step, create, keep, update

ANNOTATIONS_FLAG = "--update-annotations"

READ = "read"
"""The key of the newest version in the facts: a ``SecretVersion``, not a command's answer, as it holds secrets."""


SECRETS = CommandGroup(
    ("secrets",),
    "secretmanager.googleapis.com",
    r"Secret (?:Version )?\[projects/[^/\s]+/secrets/{name}(?:/versions/\w+)?\] not found",
)


@dataclass(frozen=True, slots=True)
class SignatureSecret(Marked):
    """The secret with an enabled version, and with the memory of the deployment in its annotations.

    ``dt_projects``: the remembered DT projects besides those of the spec.
    """

    groups: ClassVar[tuple[CommandGroup, ...]] = (SECRETS,)
    permissions: ClassVar[tuple[str, ...]] = (
        "secretmanager.secrets.create",
        "secretmanager.secrets.delete",
        "secretmanager.secrets.get",
        "secretmanager.secrets.update",
        "secretmanager.versions.access",
        "secretmanager.versions.add",
        "secretmanager.versions.destroy",
        "secretmanager.versions.list",
    )
    key: ClassVar[str] = "secret"

    dt_projects: tuple[str, ...] = ()

    @property
    def id(self) -> ResourceId:
        """The id of the secret."""
        return ResourceId("secret", self.spec.secret)

    def details(self, found: Any) -> Reads:
        """List the versions of the secret."""
        if found is not None:
            yield "versions", ("secrets", "versions", "list", self.spec.secret, self.spec.project_flag)

    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that creates the secret with a first version."""
        annotations = env_words(self._annotations(facts))
        flags = (f"--labels={label_words(self.spec.all_labels)}", f"--set-annotations={annotations}")
        argv = self.command("create", "--replication-policy=automatic", *flags, "--data-file=-")
        return GcloudCall(argv, secret_on_stdin=True)

    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that update labels and annotations, and replace a version that the function cannot use."""
        steps = self._updates(facts)
        if reason := self._unusable(facts):
            argv = (*("secrets", "versions", "add", self.spec.secret, "--data-file=-"), self.spec.project_flag)
            steps.append(create(self.id.part_named("a version"), reason, GcloudCall(argv, secret_on_stdin=True)))
        return tuple(steps) or (keep(self.id, f"{_kept_reason(facts)}{as_suffix(on_secret(self.found(facts)))}"),)

    def remember(self, facts: Facts, deployed: str, before: str) -> Step:
        """Return the step that remembers the upload of the deployed function. ``deployed``: "" if it is unknown yet."""
        call = self._annotated({DEPLOYED: deployed or UNKNOWN_YET}, self._annotations(facts), names_upload=not deployed)
        change = Change("number of the deployed source", before, deployed or UNKNOWN_YET)
        return update(self.id.part_named("record of the deployed source"), (change,), call)

    def remember_paused(self, facts: Facts, since: Mapping[str, str], resumed_at: str = "") -> Step:
        """Return the step that remembers which connectors ``pause`` has paused, and since when, or the ``resume``."""
        return self._remember_paused(facts, since, self.found(facts).get("annotations") or {}, resumed_at)

    def remember_made_paused(self, facts: Facts, since: Mapping[str, str]) -> Step:
        """Return the step that remembers connectors that ``up`` makes paused, and keeps what its own steps remember."""
        return self._remember_paused(facts, since, self._annotations(facts))

    def _remember_paused(
        self, facts: Facts, since: Mapping[str, str], known: Mapping[str, str], resumed_at: str = ""
    ) -> Step:
        was = read_memory(self.spec, facts).paused_since
        was_paused_at = min(was.values(), default="") if resumed_at else ""
        before, after = paused_words(was), paused_words(since, resumed_at, was_paused_at)
        call = self._annotated({PAUSED_SINCE: after}, known)
        return update(self.id.part_named("record of the pause"), (Change("paused since", before, after),), call)

    def command(self, verb: str, *flags: str) -> Argv:
        """Return a gcloud command on the secret."""
        return ("secrets", verb, self.spec.secret, *flags, self.spec.project_flag)

    def _updates(self, facts: Facts) -> list[Step]:
        labels = label_changes(self.spec.all_labels, self.found(facts).get("labels"))
        known = read_memory(self.spec, facts).dt_projects
        flags = [f"--update-labels={label_words(self.spec.all_labels)}"] if labels else []
        if set(known) != set(self._wanted):
            projects = Change("DT projects", ", ".join(known), ", ".join(self._wanted))
            call = self._annotated({DT_PROJECTS: SEPARATOR.join(self._wanted)}, self._annotations(facts), *flags)
            return [update(self.id, (*labels, projects), call)]
        return [update(self.id, labels, GcloudCall(self.command("update", *flags)))] if labels else []

    def _annotated(
        self, changes: Mapping[str, str], known: Mapping[str, str], *flags: str, names_upload: bool = False
    ) -> GcloudCall:
        """Return the call that changes annotations. It names all ``known``, because gcloud 528 drops the others."""
        words = env_words({**known, **changes})
        argv = self.command("update", *flags, f"{ANNOTATIONS_FLAG}={words}")
        return GcloudCall(argv, names_upload=names_upload, annotations=changes)

    @property
    def _wanted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.spec.dt_projects, *self.dt_projects)))

    def _annotations(self, facts: Facts) -> dict[str, str]:
        """Return all wanted annotations, because ``--update-annotations`` of gcloud 528 drops all others."""
        found = (self.found(facts) or {}).get("annotations") or {}
        return {**found, DT_PROJECTS: SEPARATOR.join(self._wanted)}

    def _unusable(self, facts: Facts) -> str:
        if not newest_enabled(facts):
            return "its newest version is not enabled"
        refused = unusable(facts)
        return refused and f"{refused}: a new random one takes its place"


def number_of(version: Mapping[str, Any]) -> int:
    """Return a version's number. A new version can be read reliably only by its number."""
    return int(last_segment(version["name"]))


def newest_version(facts: Facts) -> Facts | None:
    """Return the newest version, enabled or not: the version that ``latest`` means."""
    versions = facts.get("versions") or []
    return max(versions, key=number_of, default=None)


def newest_enabled(facts: Facts) -> str:
    """Return the number of the newest version if it is enabled, else an empty text."""
    newest = newest_version(facts)
    if newest is None or newest.get("state", "").upper() != "ENABLED":
        return ""
    return str(number_of(newest))


def unusable(facts: Facts) -> str:
    """Return why the function cannot use the newest version; an empty text if it can, or if it was not read."""
    read: SecretVersion | None = facts.get(READ)
    return read.refusal if read else ""


def _kept_reason(facts: Facts) -> str:
    read: SecretVersion | None = facts.get(READ)
    ignored = f"; the function ignores a part of it: {'; '.join(read.faults)}" if read and read.faults else ""
    return f"version {newest_enabled(facts)} is enabled{ignored}"
