"""The context of a verb: built once, and immutable."""

from dataclasses import FrozenInstanceError, replace

import pytest

from tests.deploy.stage import Stage


def test_the_objects_of_a_context_are_built_once_and_shared() -> None:
    context = Stage().deployment().context
    observer = context.observer
    assert observer is context.observer
    assert observer.connectors is context.connectors is context.connectors
    assert observer.devices is context.devices
    assert observer.secret_versions is context.secret_versions


def test_replacing_the_spec_makes_another_context_and_keeps_the_first() -> None:
    context = Stage().deployment().context
    before = context.spec
    other = replace(context, spec=replace(before, organization_id="another"))
    assert other.observer.spec.organization_id == other.secret_versions.spec.organization_id == "another"
    assert context.observer.spec is context.spec is before


def test_a_context_cannot_be_changed() -> None:
    context = Stage().deployment().context
    with pytest.raises(FrozenInstanceError):
        context.spec = context.spec  # type: ignore[misc]  # this is what is refused


@pytest.mark.parametrize("in_json", [False, True])
def test_a_result_is_printed_only_without_json(in_json: bool) -> None:  # noqa: FBT001
    stage = Stage()
    context = stage.deployment(in_json=in_json).context
    context.print("a result")
    context.show([])
    assert ("a result" in stage.shown, "nothing to do" in stage.shown) == (not in_json, not in_json)
    assert context.report.steps == []
