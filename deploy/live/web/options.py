"""How the live page of ``follow --web`` is opened; ``opening`` does it, and no other verb waits for its import."""

from collections.abc import Mapping
from dataclasses import dataclass

PORT = 8090
"""The page's port if none is given and this one is free."""


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How the page is opened. ``port``: None for the usual one. ``opens``: whether a browser is started."""

    port: int | None = None
    host_names: tuple[str, ...] = ()
    opens: bool = True


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Return whether a browser on this machine's screen can be started. ``platform``: as in ``sys.platform``."""
    if environ.get("SSH_CONNECTION") or environ.get("CLOUD_SHELL"):
        return False
    return platform in {"darwin", "win32"} or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
