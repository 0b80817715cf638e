"""The event types that a user names by ``--type``."""

from collections.abc import Sequence

from deploy.cli.options import EVENT_TYPES, MAX_NAME
from deploy.cli.spelling import suggestion
from deploy.context import Context


def doubt_types(context: Context, types: Sequence[str]) -> None:
    """Say which types are unknown: they may be newer than this version, or mistyped."""
    for name in types:
        if name not in EVENT_TYPES:
            hint = suggestion([name[:MAX_NAME]], EVENT_TYPES)
            context.terminal.info(f"--type {name[:MAX_NAME]}: this version knows no such event type{hint}")
