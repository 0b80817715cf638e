"""A further subscription, of ``[[subscriptions]]`` in deploy.toml: pulled or pushed, filtered, with dead letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.errors import Unusable
from deploy.resources.by_hand import ACK_DEADLINE_S, as_suffix, on_subscription
from deploy.resources.pubsub import Difference, Subscription, topic_id
from deploy.resources.resource import Facts
from deploy.spec import RETENTION_DEFAULTS, Spec, SubscriptionSettings
from deploy.steps import Argv, Change, GcloudCall, ResourceId
from deploy.times import seconds

ATTEMPTS = 20
"""How often Pub/Sub tries to deliver a message before it is a dead letter, if the subscription is new.

With the pauses of ``RETRY_FLAGS`` this takes about two hours. Google's default is 5 attempts without pauses, so that a
subscriber that fails for some seconds would lose good messages to the dead-letter topic."""

RETRY_FLAGS = ("--min-retry-delay=10s", "--max-retry-delay=600s")
"""Pauses between the attempts to deliver a message: they double from the first to the second."""

_OWN = {
    "filter": "filter",
    "ack_deadline": "ackDeadlineSeconds",
    "exactly_once": "enableExactlyOnceDelivery",
    "ordering": "enableMessageOrdering",
    "push": "pushConfig",
    "dead_letter": "deadLetterPolicy",
}
"""The settings, and the field of Google's description that each of them decides."""


@dataclass(frozen=True, slots=True)
class FurtherSubscription(Subscription):
    """A subscription on the main or on the rejected topic, as ``wanted`` describes it."""

    wanted: SubscriptionSettings

    @property
    def name(self) -> str:
        """The subscription's id."""
        return self.wanted.name

    @property
    def after(self) -> tuple[ResourceId, ...]:
        """Its topic, and its dead-letter topic."""
        return (topic_id(self.topic), *([topic_id(self.wanted.dead_letter)] if self.wanted.dead_letter else []))

    def creation_flags(self) -> list[str]:
        """Return the flags of ``create`` for its own settings."""
        wanted = self.wanted
        return [
            *([f"--message-filter={wanted.filter}"] if wanted.filter else []),
            *(["--enable-message-ordering"] if wanted.ordering else []),
            *(["--enable-exactly-once-delivery"] if wanted.exactly_once else []),
            *([_deadline_flag(wanted.ack_deadline)] if wanted.ack_deadline else []),
            *(_push_flags(wanted) if wanted.push else []),
            *(_dead_letter_flags(wanted.dead_letter) if wanted.dead_letter else []),
        ]

    def must_get_messages(self, found: Facts) -> None:
        """Check that it gets the messages that it is to get, and that all differences can be changed.

        Raises:
            Unusable: its topic, filter or order is another one. Pub/Sub can change none of them.

        """
        Subscription.must_get_messages(self, found)  # super() fails in a dataclass with slots
        fixed = [
            ("the filter", found.get("filter") or "", self.wanted.filter),
            ("message ordering", bool(found.get("enableMessageOrdering")), self.wanted.ordering),
        ]
        changes = [Change(what, old, new) for what, old, new in fixed if new is not None and new != old]
        if changes:
            what = f"Pub/Sub cannot change {', '.join(map(str, changes))}: give the new one another name, and delete"
            fix = [GcloudCall(self.command("delete")).line()]
            raise Unusable(f"{what} this one when it is read empty; or delete it now", where=self.title, fix=fix)

    def differences(self, found: Facts) -> list[Difference]:
        """Return what differs, and can be changed."""
        wanted = self.wanted
        differs = [
            self._deadline(found),
            _exactly_once(wanted, found),
            _push(wanted, found),
            self._dead_letter(found),
        ]
        return [*Subscription.differences(self, found), *(difference for difference in differs if difference)]

    def remarks(self, found: Facts) -> str:
        """Return what was set elsewhere. A setting of this deployment is left out."""
        ours = {field for setting, field in _OWN.items() if getattr(self.wanted, setting) is not None}
        ours |= {"retryPolicy"} if self.wanted.dead_letter else set()
        others = {field: value for field, value in found.items() if field not in ours}
        return as_suffix(on_subscription(others, ordered=False))

    def _deadline(self, found: Facts) -> Difference | None:
        there = found.get("ackDeadlineSeconds") or ACK_DEADLINE_S
        wanted = self.wanted.ack_deadline
        if not wanted or seconds(wanted) == there:
            return None
        return Change("ack deadline", f"{there}s", wanted), (_deadline_flag(wanted),)

    def _dead_letter(self, found: Facts) -> Difference | None:
        ours = f"projects/{self.spec.google_project}/topics/"
        there = str((found.get("deadLetterPolicy") or {}).get("deadLetterTopic") or "").removeprefix(ours)
        wanted = self.wanted.dead_letter
        if wanted is None or wanted == there:
            return None
        change = Change("dead-letter topic", there, wanted)
        return (change, tuple(_dead_letter_flags(wanted))) if wanted else (change, ("--clear-dead-letter-policy",))


def further_subscriptions(spec: Spec) -> list[FurtherSubscription]:
    """Return the further subscriptions of a deployment."""
    return [_subscription(spec, wanted) for wanted in spec.subscriptions]


def _subscription(spec: Spec, wanted: SubscriptionSettings) -> FurtherSubscription:
    topic = spec.topic if wanted.topic == "main" else spec.rejected_topic
    usual = RETENTION_DEFAULTS["events" if wanted.topic == "main" else "rejected"]
    return FurtherSubscription(spec, topic, wanted.retention, usual, wanted)


def _deadline_flag(duration: str) -> str:
    return f"--ack-deadline={seconds(duration)}"


def _dead_letter_flags(topic: str) -> Argv:
    return (f"--dead-letter-topic={topic}", f"--max-delivery-attempts={ATTEMPTS}", *RETRY_FLAGS)


def _exactly_once(wanted: SubscriptionSettings, found: Facts) -> Difference | None:
    there = bool(found.get("enableExactlyOnceDelivery"))
    if wanted.exactly_once is None or wanted.exactly_once == there:
        return None
    flag = "--enable-exactly-once-delivery" if wanted.exactly_once else "--no-enable-exactly-once-delivery"
    return Change("exactly-once delivery", there, wanted.exactly_once), (flag,)


def _push(wanted: SubscriptionSettings, found: Facts) -> Difference | None:
    """Return how the push differs. An update replaces the whole push, so that all its flags are given."""
    there = _push_words(found.get("pushConfig") or {})
    asked = {} if wanted.push is None else _push_words(_push_config(wanted))
    if wanted.push is None or asked == there:
        return None
    named = [name for name in asked if asked[name] != there[name]]
    old, new = ({name: words[name] for name in named} for words in (there, asked))
    change = Change("push to", old["push"], new["push"]) if named == ["push"] else Change("push", old, new)
    return change, tuple(_push_flags(wanted))


def _push_config(wanted: SubscriptionSettings) -> dict[str, Any]:
    """Return the settings of a push as Google describes them."""
    token = {"serviceAccountEmail": wanted.service_account, "audience": wanted.audience}
    return {
        "pushEndpoint": wanted.push,
        **({"oidcToken": token} if wanted.service_account else {}),
        **({"noWrapper": {"writeMetadata": True}} if wanted.no_wrapper else {}),
    }


def _push_words(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a push in the words of the settings. Google shows the URL as the audience if there is no other."""
    url, token, bare = config.get("pushEndpoint") or "", config.get("oidcToken") or {}, config.get("noWrapper")
    audience = token.get("audience") or ""
    return {
        "push": url,
        "service_account": token.get("serviceAccountEmail") or "",
        "audience": "" if audience == url else audience,
        "no_wrapper": False if bare is None else bare.get("writeMetadata") or "without attributes",
    }


def _push_flags(wanted: SubscriptionSettings) -> list[str]:
    account, audience = wanted.service_account, wanted.audience
    return [
        f"--push-endpoint={wanted.push}",
        *([f"--push-auth-service-account={account}"] if account else []),
        *([f"--push-auth-token-audience={audience}"] if audience else []),
        *(["--push-no-wrapper", "--push-no-wrapper-write-metadata"] if wanted.no_wrapper else []),
    ]
