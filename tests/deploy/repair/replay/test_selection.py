"""What a user asked for, among rejected messages: reason, device, type, and the time of the receipt."""

import pytest

from deploy.google.pubsub_api import Pulled
from deploy.repair.replay.selection import Selection, received_at

AT = 1_762_071_196.5
ATTRIBUTES = {"reason": "expired", "deviceId": "d1", "eventType": "touch", "receivedAt": "2025-11-02T08:13:16.5Z"}


def message(**changes: str) -> Pulled:
    return Pulled("ack", "1", b"", {**ATTRIBUTES, **changes}, 99.0)


@pytest.mark.parametrize(
    ("selection", "is_included"),
    [
        (Selection(), True),
        (Selection(reasons=("malformed", "expired"), devices=("d1",), types=("touch",)), True),
        *((selection, False) for selection in (Selection(reasons=("malformed",)), Selection(devices=("d2",)))),
        (Selection(types=("humidity",)), False),
        *((Selection(since=AT), True), (Selection(since=AT + 0.1), False)),
        *((Selection(until=AT), False), (Selection(until=AT + 0.1), True)),
    ],
)
def test_a_message_is_included_if_every_given_field_fits(selection: Selection, *, is_included: bool) -> None:
    assert selection.includes(message()) is is_included


def test_a_message_without_an_attribute_that_was_asked_for_is_not_included() -> None:
    bare = Pulled("ack", "1", b"", {}, 99.0)
    assert Selection().includes(bare)
    assert not any(bare_fits.includes(bare) for bare_fits in (Selection(reasons=("a",)), Selection(devices=("d1",))))


@pytest.mark.parametrize(
    ("text", "at"),
    [("2025-11-02T08:13:16.5Z", AT), ("2025-11-02T09:13:16.5+01:00", AT), ("", 99.0), ("2025-11-02T08:13:16", 99.0)],
)
def test_a_foreign_message_counts_as_received_when_it_was_published(text: str, at: float) -> None:
    assert received_at(message(receivedAt=text)) == at
