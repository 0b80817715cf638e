"""Subscriptions and topics with this deployment's label that its settings do not name, such as those taken out.

A plan shows such a subscription, and leaves it alone: it may have unread messages and subscribers, and another
deploy.toml of this deployment may name it. Only ``down`` deletes it. Of a topic only ``down`` takes notice.

The two subscriptions of BigQuery are in no settings either if a plan is run without ``--bigquery``. To delete them by
hand would end the storing of the events and lose some, so a plan shows no command for that.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from deploy.program import UP
from deploy.resources.bigquery.subscription import dataset_of
from deploy.resources.pubsub import PUBSUB, UNREAD, Subscription, Topic, loss_words
from deploy.resources.resource import CommandGroup, Facts, Resource, is_marked
from deploy.spec import MARK, last_segment
from deploy.steps import Argv, GcloudCall, ResourceId, Step, delete, keep

Kind = Literal["subscription", "topic"]


@dataclass(frozen=True, slots=True)
class Unlisted(Resource):
    """All of one kind together; each part is one of them. ``known``: the names of those in the settings."""

    groups: ClassVar[tuple[CommandGroup, ...]] = (PUBSUB,)
    permissions: ClassVar[tuple[str, ...]] = (
        "pubsub.subscriptions.delete",
        "pubsub.subscriptions.list",
        "pubsub.topics.delete",
        "pubsub.topics.list",
    )
    key: ClassVar[str] = "labelled"
    has_separate_parts: ClassVar[bool] = True

    kind: Kind
    known: frozenset[str]

    @property
    def id(self) -> ResourceId:
        """The id of all of them together."""
        return ResourceId(f"{self.kind}s in no settings", one=self.kind)

    @property
    def describe(self) -> Argv:
        """The command that lists all that have the label."""
        return ("pubsub", f"{self.kind}s", "list", f"--filter=labels.{MARK}={self.spec.name}", self.spec.project_flag)

    def owner(self, of: ResourceId) -> Subscription | Topic:
        """Return the subscription or the topic that a part names."""
        return self._resource(of.part)

    def labelled(self, facts: Facts) -> list[str]:
        """Return the full names of all that have the label, also of those in the settings."""
        return sorted(str(found["name"]) for found in self.found(facts) or [] if is_marked(self.spec, found))

    def names(self, facts: Facts) -> list[str]:
        """Return the names of those in no settings."""
        return [name for name in map(last_segment, self.labelled(facts)) if name not in self.known]

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that show them, each with the command that deletes it or ends the storing of events."""
        storing = self.storing(facts)
        reasons = {name: storing.get(name) or self._left(name) for name in self.names(facts)}
        return tuple(keep(self.id.part_named(name), why) for name, why in reasons.items())

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that delete them."""
        return tuple(self._deletion(name, facts) for name in self.names(facts))

    def deletion_line(self, name: str) -> str:
        """Return the command that deletes one of them, with its unread messages."""
        return GcloudCall(self._resource(name).command("delete")).line()

    def storing(self, facts: Facts) -> dict[str, str]:
        """Return what to say of the subscriptions of BigQuery, by their names; nothing if no events are stored."""
        writer, refused = self.spec.bigquery_subscription, self.spec.unwritten_topic
        found = {last_segment(str(one["name"])): one for one in self.found(facts) or [] if is_marked(self.spec, one)}
        dataset = dataset_of(found.get(writer, {}))
        if self.kind != "subscription" or not dataset or self.spec.bigquery.is_removed:
            return {}
        how = f"not compared; {UP} --bigquery={dataset} compares it, {UP} --bigquery=none ends the storing"
        return {
            writer: f"stores events in BigQuery dataset {dataset}, {how}",
            refused: f"gets the events that BigQuery dataset {dataset} refuses, {how}",
        }

    def _left(self, name: str) -> str:
        why = "is in no settings, so it is left alone, and still gets messages; this deletes them with it"
        return f"{why}: {self.deletion_line(name)}"

    def _deletion(self, name: str, facts: Facts) -> Step:
        unread = facts.get(UNREAD) or {}
        lost = loss_words(unread.get(name)) if self.kind == "subscription" else ""
        call = GcloudCall(self._resource(name).command("delete"))
        return delete(self.id.part_named(name), f"marked {self.spec.mark}, in no settings{lost}", call)

    def _resource(self, name: str) -> Subscription | Topic:
        return Topic(self.spec, name) if self.kind == "topic" else Subscription(self.spec, name, None, "")
