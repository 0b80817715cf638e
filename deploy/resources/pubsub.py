"""Topics, and on each a pull subscription that never expires: a topic without one keeps nothing."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.errors import DeployError, Unusable
from deploy.resources.by_hand import on_subscription, on_topic, said
from deploy.resources.resource import Facts, Reads, foreign, is_marked, label_changes, label_words
from deploy.spec import PROOF_MARK, PROOF_WORD, Spec, seconds
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

    def removal_reads(self) -> Reads:
        """Describe it, and list who subscribes to it: the subscriptions of others stay, and get nothing any more."""
        found = yield "topic", self._argv("describe")
        if found is not None and is_marked(self.spec, found):
            yield "subscriptions", self._argv("list-subscriptions")

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return the error for a topic without the mark of this deployment."""
        found = facts.get("topic")
        if found is None or is_marked(self.spec, found):
            return None
        adopt = GcloudCall(self._argv("update", f"--update-labels={self.spec.mark}"))
        return foreign(self.title, self.spec.mark, adopt.line())

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Make it, or bring its labels up to date."""
        if error := self.not_ours(facts):
            raise error
        found = facts["topic"]
        words = label_words(self.spec.all_labels)
        if found is None:
            return (create(self.title, "not there", GcloudCall(self._argv("create", f"--labels={words}"))),)
        if changes := label_changes(self.spec.all_labels, found.get("labels")):
            return (update(self.title, changes, GcloudCall(self._argv("update", f"--update-labels={words}"))),)
        return (keep(self.title, f"is as it should be{said(on_topic(found))}"),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it."""
        if facts["topic"] is None:
            return (keep(self.title, "is not there"),)
        if self.not_ours(facts):
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        reason = f"marked {self.spec.mark}{self._stranded(facts)}"
        return (delete(self.title, reason, GcloudCall(self._argv("delete"))),)

    def _stranded(self, facts: Facts) -> str:
        """Name the subscriptions of others, which stay, and get nothing any more once the topic is gone."""
        ours = f"projects/{self.spec.google_project}/subscriptions/{self.topic}"
        names = facts.get("subscriptions") or []
        others = sorted(name for name in names if name != ours and not name.startswith(f"{ours}-{PROOF_WORD}-"))
        return f"; others subscribe to it, and get nothing any more: {', '.join(others)}" if others else ""

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

    def removal_reads(self) -> Reads:
        """Describe it."""
        return self.reads()

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return the error for a subscription without the mark of this deployment."""
        found = facts.get("subscription")
        if found is None or is_marked(self.spec, found):
            return None
        adopt = GcloudCall(self._argv("update", f"--update-labels={self.spec.mark}"))
        return foreign(self.title, self.spec.mark, adopt.line())

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Make it, or bring expiration, retention and labels up to date."""
        if error := self.not_ours(facts):
            raise error
        found = facts["subscription"]
        if found is None:
            return (create(self.title, "not there", GcloudCall(self._create())),)
        self._must_get_messages(found)
        changes = (*self._lasting(found), *label_changes(self.spec.all_labels, found.get("labels")))
        if not changes:
            return (keep(self.title, self._as_it_is(found)),)
        return (update(self.title, changes, GcloudCall(self._update(changes))),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it, with the messages it holds."""
        if facts["subscription"] is None:
            return (keep(self.title, "is not there"),)
        if self.not_ours(facts):
            return (keep(self.title, f"is not marked {self.spec.mark}"),)
        reason = f"marked {self.spec.mark}; messages not yet read go with it"
        return (delete(self.title, reason, GcloudCall(self._argv("delete"))),)

    def _must_get_messages(self, found: Facts) -> None:
        topic, what = f"projects/{self.spec.google_project}/topics/{self.topic}", ""
        if found.get("topic") != topic:
            what = f"reads from {found.get('topic')}, and a subscription cannot be moved: read it empty"
        if found.get("detached"):
            what = "is detached from its topic: it gets nothing, and cannot be attached again"
        if what:
            raise Unusable(what, where=self.title, mend=[GcloudCall(self._argv("delete")).line()])

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
        rest = said(on_subscription(found, ordered=self.spec.ordered))
        return f"never expires, keeps {held / 86400:g} days{by_hand}{order}{rest}"

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

    def removal_reads(self) -> Reads:
        """List them."""
        return self.reads()

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return None: they are listed by their label."""
        del facts
        return None

    def is_one(self, found: Facts) -> bool:
        """Return whether a subscription bears the label of this deployment's proofs, however the list was filtered."""
        return (found.get("labels") or {}).get(PROOF_MARK) == self.spec.name

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
        left = [each for each in facts.get("left") or [] if self.is_one(each)]
        names = [each["name"].rpartition("/")[2] for each in left]
        group, project = ("pubsub", "subscriptions", "delete"), f"--project={self.spec.google_project}"
        return tuple(
            delete(f"subscription {name}", "left by a proof that was interrupted", GcloudCall((*group, name, project)))
            for name in names
        )
