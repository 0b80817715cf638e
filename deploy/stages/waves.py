"""Which steps of a plan can be carried out side by side, because none of them needs another one. Pure.

Every gcloud command takes half a second and more to start, so a removal takes half the time, for example.
"""

from collections.abc import Callable, Sequence

from deploy.resources.resource import Resource
from deploy.steps import GcloudCall, ResourceId, Step

FREE = (("pubsub",), ("iam",), ("secrets", "add-iam-policy-binding"), ("secrets", "delete"))
"""The first words of the commands that change only their own resource, and whose answers no other step needs."""


def waves(steps: Sequence[Step], resource_of: Callable[[ResourceId], Resource | None]) -> list[list[Step]]:
    """Return the steps in groups, in their order: those of one group can be carried out side by side.

    A group has one action, so that it can be shown in one line.

    ``resource_of``: returns the resource with this id, or None if there is no class for it.
    """
    groups: list[list[Step]] = []
    for step in steps:
        if groups and all(_are_independent(step, other, resource_of) for other in groups[-1]):
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _are_independent(step: Step, other: Step, resource_of: Callable[[ResourceId], Resource | None]) -> bool:
    if not (_is_free(step) and _is_free(other)) or step.action != other.action or step.id.whole == other.id.whole:
        return False
    return not _needs(step, other, resource_of) and not _needs(other, step, resource_of)


def _is_free(step: Step) -> bool:
    return isinstance(step.call, GcloudCall) and any(step.call.argv[: len(words)] == words for words in FREE)


def _needs(step: Step, other: Step, resource_of: Callable[[ResourceId], Resource | None]) -> bool:
    """Return whether a step's resource can only exist while the other's does."""
    resource = resource_of(step.id.whole)
    return resource is not None and other.id.whole in resource.after
