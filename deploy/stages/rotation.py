"""Replaces the signature secret without refusing an event: phase by phase, each of which can be repeated.

The note of the rotation is an annotation of the secret. Every phase reads it, does its work, and writes the next phase
if no other command has gone on meanwhile. So a command that is killed anywhere is continued by the next one, and two at
the same time do the same work. Versions are read by number: ``latest`` may lag behind.
"""

import secrets as random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from deploy.errors import DeployError, NotProven
from deploy.google.secret_annotations import MAX_ATTEMPTS, PAUSE_S, SecretAnnotations
from deploy.google.secret_versions import SecretVersions
from deploy.program import UP
from deploy.resources.connector import Connector
from deploy.resources.rotation import MIN_GRACE_S, ROTATE, ROTATION, Rotation, rotation_in
from deploy.resources.signature_secret import SignatureSecret
from deploy.secret import Secret, new_secret
from deploy.spec import Spec
from deploy.stages.connector_secrets import ConnectorSecrets
from deploy.stages.convergence import Convergence

ADDING_S = 60
"""Seconds that another command gets to add the new secret, before it counts as killed."""

WAIT_S = 5.0
"""Seconds between two reads of the note, while another command adds the secret."""

HOUR_S = 3600

MAX_PHASES = 60
"""Maximum phases of one command; waiting for another command counts, too."""


@dataclass
class Rotator:
    """Rotates the secret of one deployment.

    ``proves``: lets an event go through a connector, and raises ``NotProven`` unless the secret has signed it.
    ``old_is_used``: why the function's log since a time does not prove that the old secret is unused, in words, or "".
    ``say`` prints a result, ``progress`` shows a running task. ``run``: the id of this command.
    """

    spec: Spec
    versions: SecretVersions
    annotations: SecretAnnotations
    connectors: ConnectorSecrets
    convergence: Convergence
    proves: Callable[[str, Connector, Secret], None]
    old_is_used: Callable[[float], str]
    say: Callable[[str], None]
    notice: Callable[[str], None]
    progress: Callable[[str], AbstractContextManager[None]]
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    run: str = field(default_factory=lambda: random.token_hex(4))
    _written: Rotation | None = None

    def rotate(self, grace_s: int | None = None) -> Rotation:
        """Begin a rotation, or go on with the one that has begun, until it is done or waits for the grace period.

        ``grace_s``: the seconds for which the old secret is kept; None: as noted, or ``GRACE_S``.

        Raises:
            DeployError: a phase failed. What was done stays, and the next command goes on.

        """
        for _ in range(MAX_ATTEMPTS):
            note = self._note()
            if note is None or note.phase == "done":
                is_noted = self._begin(note, grace_s)
            else:
                is_noted = grace_s in {None, note.grace} or self._put(note, replace(note, grace=grace_s))
            if is_noted:  # otherwise another command has begun or gone on meanwhile
                break
        return self.go_on()

    def go_on(self) -> Rotation:
        """Go on with the rotation that has begun, until it is done or waits for the grace period.

        Raises:
            DeployError: a phase failed, or there is no rotation.

        """
        phases = {
            "adding": self._add_new,
            "spreading": self._wait_for_function,
            "switching": self._switch_connectors,
            "keeping": self._end_grace,
            "retiring": self._retire_old,
            "clearing": self._destroy_older,
        }
        for _ in range(MAX_PHASES):
            note, self._written = self._written or self._note(), None
            if note is None:
                raise DeployError("no rotation has begun", where=self._title, fix=[ROTATE])
            if note.phase == "done" or note.waits(self.now()):
                return note
            phases[note.phase](note)
        raise DeployError("other commands change it all the time", where=self._title, fix=[f"{ROTATE} --status"])

    # ---- phases

    def _begin(self, before: Rotation | None, grace_s: int | None) -> bool:
        """Note that a rotation begins, and return whether it was noted.

        A version with several secrets, which was made by hand, counts as a rotation that has begun.
        """
        number = self.versions.highest(0)
        count = len(self._secrets_of(number))
        begun = Rotation("adding", int(self.now()), old=number, run=self.run)
        if count > 1:
            self.say(
                f"version {number} has {count} secrets already: its first one is the new secret, and no other is made"
            )
            begun = replace(begun, phase="spreading", old=max(number - 1, 0), new=number, run="")
        return self._put(before, begun if grace_s is None else replace(begun, grace=grace_s))

    def _add_new(self, note: Rotation) -> None:
        if note.run != self.run:
            self._take_over(note)
            return
        number = self.versions.highest(note.old)
        if number == note.old:
            secrets = (new_secret(), *self._secrets_of(note.old))
            if self._note() != note:  # this command was slow, and another one has taken over
                return
            number = self._added(secrets)
            self.say(f"version {number} of the secret has the new and the old secret")
        elif len(self._secrets_of(number)) < 2:  # added by hand: it is the old one of this rotation
            self._put(note, replace(note, old=number))
            return
        if not self._put(note, replace(note, phase="spreading", new=number, run="")):
            self._give_way(number)

    def _take_over(self, note: Rotation) -> None:
        """Take over from a command that was killed while it added the new secret; wait if it may still be alive."""
        left_s = note.since + ADDING_S - self.now()
        if 0 < left_s <= ADDING_S:
            self.notice(f"another command is adding the new secret: waiting for it, up to {left_s:.0f} s more")
            self.sleep(min(WAIT_S, left_s))
            return
        self._put(note, replace(note, since=int(self.now()), run=self.run))

    def _wait_for_function(self, note: Rotation) -> None:
        if self._is_overtaken(note, note.new):
            return
        secret = self._secrets_of(note.new)[0]
        with self.progress("waiting until the function knows the new secret everywhere, at least 165 s"):
            converged = self.convergence.wait(secret)
        self.say(converged.sentence("the function knows the new secret"))
        self._put(note, replace(note, phase="switching"))

    def _switch_connectors(self, note: Rotation) -> None:
        secrets = self._secrets_of(note.new)
        for project, connector in self.connectors.owned(secrets):
            if self._is_overtaken(note, note.new):
                return
            if not self.connectors.shows(project, connector, secrets[0]):
                self.connectors.give(project, connector, secrets[0])
                self.say(f"connector {connector.id} of {project} has the new secret")
        for project, connector in self.connectors.until_they_show(secrets):
            if project in self.spec.dt_projects:
                self.proves(project, connector, secrets[0])
        self.say(self.connectors.failures(secrets))
        if not self._is_overtaken(note, note.new):
            self._put(note, replace(note, phase="keeping", switched=int(self.now())))

    def _end_grace(self, note: Rotation) -> None:
        """Begin to retire the old secret, if it is proven that nothing uses it any more, or in an emergency.

        Raises:
            NotProven: something uses the old secret or may do so. It stays, and so do all its versions.

        """
        if self._is_overtaken(note, note.new):
            return
        secrets = self._secrets_of(note.new)
        if names := self.connectors.without(secrets):
            self.notice(
                f"connector {names} does not have the new secret: it gets it now, and the grace period begins again"
            )
            self._put(note, replace(note, phase="switching", switched=0))
            return
        if not note.is_emergency and (doubts := self._doubts(note, secrets)):
            what = f"the old secret stays, because it is in use, or may be: {'; '.join(doubts)}"
            raise NotProven(what, where=self._title, fix=[f"{ROTATE} --emergency"])
        self._put(note, replace(note, phase="retiring"))

    def _doubts(self, note: Rotation, secrets: tuple[Secret, ...]) -> list[str]:
        """Return in words what speaks against retiring the old secret.

        DT's own repetitions may have its signature for ``MIN_GRACE_S``. The log is read from then on, but at least for
        an hour.
        """
        since = min(note.switched + MIN_GRACE_S, self.now() - HOUR_S)
        return [doubt for doubt in (*self.connectors.may_need_old(secrets), self.old_is_used(since)) if doubt]

    def _retire_old(self, note: Rotation) -> None:
        if not note.last:
            self._leave_only_new(note)
            return
        secret = self._secrets_of(note.last)[0]
        both = self.versions.version(note.new)
        if both:  # otherwise a command that was killed has destroyed it, as the last of the older ones
            gone = [old for old in both.secrets if not old.equals(secret.reveal())]
            with self.progress("waiting until the function has forgotten the old secret everywhere, at least 165 s"):
                converged = self.convergence.wait(secret, gone)
            self.say(converged.sentence("the function knows only the new secret"))
        if self._is_overtaken(note, note.last):
            return
        if note.is_emergency:
            self._destroy_older(note)
            return
        for number in [number for number in self.versions.live() if number < note.new]:
            self.versions.destroy(number)
        self._put(note, replace(note, phase="clearing"))

    def _destroy_older(self, note: Rotation) -> None:
        """Destroy all versions that are older than the one with the new secret alone."""
        older = [number for number in self.versions.live() if number < note.last]
        for number in sorted(older, key=lambda number: (number == note.new, number)):
            self.versions.destroy(number)
        self._put(note, replace(note, phase="done", new=0))
        self.say(f"the old secret is gone; version {note.last} has the new one alone")

    def _leave_only_new(self, note: Rotation) -> None:
        """Add the version with the new secret alone, unless a command that was killed has added it."""
        secret = self._secrets_of(note.new)[0]
        number = self.versions.highest(note.new)
        if number == note.new:
            number = self._added((secret,))
        elif [found.reveal() for found in self._secrets_of(number)] != [secret.reveal()]:
            self._is_overtaken(note, note.new)
            return
        if not self._put(note, replace(note, last=number)):
            self._give_way(number)

    # ---- the secret

    def _note(self) -> Rotation | None:
        return rotation_in(self.annotations.read().annotations)

    def _put(self, before: Rotation | None, after: Rotation) -> bool:
        """Write the note, and return whether it was written: not if another command has gone on with the rotation."""
        after = replace(after, moved=int(self.now()))
        for _ in range(MAX_ATTEMPTS):
            read = self.annotations.read()
            if rotation_in(read.annotations) != before:
                self.notice("another command goes on with this rotation, too")
                return False
            if self.annotations.replace(read, {ROTATION: after.note()}):
                self._written = after
                return True
            self.sleep(PAUSE_S)
        raise DeployError("other commands change it all the time", where=self._title, fix=[ROTATE])

    def _secrets_of(self, number: int) -> tuple[Secret, ...]:
        """Return the secrets of a version, the newest first; at least one."""
        version = self.versions.version(number) if number else None
        if version is None:
            enable = f"gcloud secrets versions enable {number} --secret={self.spec.secret} {self.spec.project_flag}"
            what = f"version {number} is not enabled" if number else "has no version"
            raise DeployError(what, where=self._title, fix=[enable] if number else [UP])
        if version.refusal:
            raise DeployError(version.refusal, where=self._title, fix=[UP])
        return version.secrets

    def _added(self, secrets: Sequence[Secret]) -> int:
        """Add a version, and read it by its number; return the number."""
        number = self.versions.add(secrets)
        if [found.reveal() for found in self._secrets_of(number)] != [secret.reveal() for secret in secrets]:
            raise DeployError(f"version {number} is not the one that was added", where=self._title, fix=[ROTATE])
        return number

    def _is_overtaken(self, note: Rotation, noted: int) -> bool:
        """Return whether another version than the noted one is the newest. Then the rotation goes on with that one.

        Another command or a person may have added a version. If it lacks a secret of this rotation, one more version is
        added with all of them, so that no secret in use is refused.
        """
        number = self.versions.highest(noted)
        if number == noted:
            return False
        if self._note() != note:  # another command has added it, and goes on
            return True
        newest, known = self._secrets_of(number), self.versions.version(noted)
        lost = [secret for secret in (known.secrets if known else ()) if not _has(newest, secret)]
        if lost:
            number = self._added((*newest, *lost))
            self.say(
                f"another version was added meanwhile: version {number} has its secrets and those of this rotation"
            )
        self._put(note, replace(note, phase="spreading", new=number, last=0, switched=0, run=""))
        return True

    def _give_way(self, added: int) -> None:
        """Make another command's version the newest again: it went on while this command added a version.

        Nothing uses the new secret of this command yet. If both versions have the same secrets, that of this command
        takes the place of the other.
        """
        note = self._note()
        noted = (note.last or note.new) if note else 0
        if note is None or not 0 < noted < added:
            return
        secrets = self._secrets_of(noted)
        if [secret.reveal() for secret in secrets] != [secret.reveal() for secret in self._secrets_of(added)]:
            added = self._added(secrets)
            self.say(
                f"another command rotates the secret, too: version {added} has its secrets, and this command goes on "
                "with them"
            )
        if note.phase in {"retiring", "clearing", "done"}:
            self._put(note, replace(note, phase="retiring", new=note.new or noted, last=added))
        else:
            self._put(note, replace(note, new=added))

    @property
    def _title(self) -> str:
        return SignatureSecret(self.spec).title


def _has(secrets: Sequence[Secret], wanted: Secret) -> bool:
    return any(wanted.equals(secret.reveal()) for secret in secrets)
