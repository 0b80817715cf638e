"""The counts of an audit: when they are complete, and how they are printed as JSON."""

from dataclasses import replace

from deploy.repair.audit.counts import Counts


def test_an_audit_is_complete_if_every_event_of_dts_is_on_the_main_topic_once() -> None:
    whole = Counts(dt=3, main=3)
    assert Counts().is_complete
    assert whole.is_complete
    assert not replace(whole, main=2, missing=1).is_complete
    assert not replace(whole, double=1).is_complete


def test_json_has_every_count_by_its_name() -> None:
    counts = Counts(dt=6, main=1, missing=2, rejected=1, young=2, double=1)
    assert counts.as_json() == {"dt": 6, "main": 1, "missing": 2, "rejected": 1, "young": 2, "double": 1}
    assert set(Counts().as_json().values()) == {0}
