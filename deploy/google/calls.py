"""A call to a Google API, its answer, and what sends it, as types: ``google.https`` has the sender itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.secret import Secret

READ_S = 30.0
"""Seconds without a byte after which an ordinary call is given up."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call. ``body``: sent as JSON. ``read_s``: seconds to wait for the answer."""

    method: str
    url: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    read_s: float = READ_S


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call: its status, and its JSON, or None if the body is not JSON.

    Status 0: there is no answer, for the reason ``why``, and ``fix`` is a command that may help. ``is_silent``: the
    server took the call, and did not answer in time. ``at``: the unix time in its header ``Date``, in whole seconds;
    None if it has none.
    """

    status: int
    body: Any = None
    why: str = ""
    fix: str = ""
    is_silent: bool = False
    at: float | None = field(default=None, compare=False)


Send = Callable[[Call], Answer]
"""Sends a call once, and returns the answer."""

TestPermissions = Callable[[str, Sequence[str], Secret], frozenset[str]]
"""Returns those permissions that the owner of an access token has on a resource: ``google.rest`` asks Google."""
