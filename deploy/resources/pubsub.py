"""Topics, and on each a pull subscription that never expires: a topic without one keeps nothing."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.errors import DeployError
from deploy.resources.resource import Facts, Reads, foreign, label_changes, label_words
from deploy.spec import MARK, PROOF_MARK, Spec, seconds
from deploy.steps import Argv, Change, GcloudCall, Step, create, delete, keep, update


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic."""

    spec: Spec
    topic: str
    upon: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """Say what it is."""
        return f"topic {self.topic}"

    def reads(self) -> Reads:
        """Describe it."""
        yield "topic", self._argv("describe")

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Make it, or bring its labels up to date."""
        found = facts["topic"]
        words = label_words(self.spec.all_labels)
        if found is None:
            return (create(self.title, "not there", GcloudCall(self._argv("create", f"--labels={words}"))),)
        if found.get("labels", {}).get(MARK) != self.spec.name:
            adopt = GcloudCall(self._argv("update", f"--update-labels={self.spec.mark}"))
            raise foreign(self.title, self.spec.mark, adopt.line())
        if changes := label_changes(self.spec.all_labels, found.get("labels")):
            return (update(self.title, changes, GcloudCall(self._argv("update", f"--update-labels={words}"))),)
        return (keep(self.title, "is as it should be"),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it."""
        found = facts["topic"]
        if found is None:
            return (keep(self.title, "is not there"),)
        if found.get("labels", {}).get(MARK) != self.spec.name:
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        return (delete(self.title, f"marked {self.spec.mark}", GcloudCall(self._argv("delete"))),)

    def _argv(self, verb: str, *flags: str) -> Argv:
        return ("pubsub", "topics", verb, self.topic, *flags, f"--project={self.spec.google_project}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A pull subscription of the same id as its topic."""

    spec: Spec
    topic: str
    retention: str | None
    retention_at_first: str
    upon: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """Say what it is."""
        return f"subscription {self.topic}"

    def reads(self) -> Reads:
        """Describe it."""
        yield "subscription", self._argv("describe")

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Make it, or bring expiration, retention and labels up to date."""
        found = facts["subscription"]
        if found is None:
            return (create(self.title, "not there", GcloudCall(self._create())),)
        self._must_be_ours(found)
        changes = (*self._lasting(found), *label_changes(self.spec.all_labels, found.get("labels")))
        if not changes:
            return (keep(self.title, self._as_it_is(found)),)
        return (update(self.title, changes, GcloudCall(self._update(changes))),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it, with the messages it holds."""
        found = facts["subscription"]
        if found is None:
            return (keep(self.title, "is not there"),)
        if found.get("labels", {}).get(MARK) != self.spec.name:
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        reason = f"marked {self.spec.mark}; messages not yet read go with it"
        return (delete(self.title, reason, GcloudCall(self._argv("delete"))),)

    def _must_be_ours(self, found: Facts) -> None:
        if found.get("labels", {}).get(MARK) != self.spec.name:
            adopt = GcloudCall(self._argv("update", f"--update-labels={self.spec.mark}"))
            raise foreign(self.title, self.spec.mark, adopt.line())
        topic, what = f"projects/{self.spec.google_project}/topics/{self.topic}", ""
        if found.get("topic") != topic:
            what = f"reads from {found.get('topic')}, and a subscription cannot be moved: read it empty"
        if found.get("detached"):
            what = "is detached from its topic: it gets nothing, and cannot be attached again"
        if what:
            raise DeployError(what, where=self.title, mend=[GcloudCall(self._argv("delete")).line()])

    def _lasting(self, found: Facts) -> tuple[Change, ...]:
        expires = found.get("expirationPolicy")
        ttl = None if expires == {} else (expires or {}).get("ttl", "31 days unused")
        changes = [Change("expiration", ttl, "never")] if ttl else []
        held = found.get("messageRetentionDuration", "604800s")
        if self.retention and seconds(held) != seconds(self.retention):
            changes.append(Change("retention", held, self.retention))
        return tuple(changes)

    def _as_it_is(self, found: Facts) -> str:
        held = seconds(found.get("messageRetentionDuration", "604800s"))
        by_hand = "" if self.retention or held == seconds(self.retention_at_first) else ", set elsewhere"
        order = "; without message ordering, as it was made" if self._unordered(found) else ""
        sinks = (("pushConfig", "pushEndpoint"), ("bigqueryConfig", "table"), ("cloudStorageConfig", "bucket"))
        pushed = "".join(
            f"; pushes to {to}, set elsewhere" for how, where in sinks if (to := found.get(how, {}).get(where))
        )
        return f"never expires, keeps {held / 86400:g} days{by_hand}{order}{pushed}"

    def _unordered(self, found: Facts) -> bool:
        return self.spec.ordered and not found.get("enableMessageOrdering")

    def _create(self) -> Argv:
        return self._argv(
            "create",
            f"--topic={self.topic}",
            "--expiration-period=never",
            f"--message-retention-duration={self.retention or self.retention_at_first}",
            *(["--enable-message-ordering"] if self.spec.ordered else []),
            f"--labels={label_words(self.spec.all_labels)}",
        )

    def _update(self, changes: tuple[Change, ...]) -> Argv:
        settings = {change.setting for change in changes}
        flags = ["--expiration-period=never"] if "expiration" in settings else []
        flags += [f"--message-retention-duration={self.retention}"] if "retention" in settings else []
        if any(setting.startswith("label ") for setting in settings):
            flags.append(f"--update-labels={label_words(self.spec.all_labels)}")
        return self._argv("update", *flags)

    def _argv(self, verb: str, *flags: str) -> Argv:
        return ("pubsub", "subscriptions", verb, self.topic, *flags, f"--project={self.spec.google_project}")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Subscriptions of proofs that were killed before they could remove them. Read where all is removed, alone."""

    spec: Spec
    title: ClassVar[str] = "subscriptions of proofs"
    upon: ClassVar[str] = ""

    def reads(self) -> Reads:
        """List them."""
        yield "left", self.listing

    @property
    def listing(self) -> Argv:
        """The command that lists them."""
        mark = f"--filter=labels.{PROOF_MARK}={self.spec.name}"
        return ("pubsub", "subscriptions", "list", mark, f"--project={self.spec.google_project}")

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Nothing: nobody wants them."""
        del facts
        return ()

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete them."""
        names = [each["name"].rpartition("/")[2] for each in facts.get("left") or []]
        group, project = ("pubsub", "subscriptions", "delete"), f"--project={self.spec.google_project}"
        return tuple(
            delete(f"subscription {name}", "left by a proof that was interrupted", GcloudCall((*group, name, project)))
            for name in names
        )
