"""Which failures of Google's APIs pass by themselves, and the repetition of a call after them."""

from collections.abc import Callable, Sequence

from deploy.errors import Code
from deploy.google.calls import Answer

SERVER_FAULTS = frozenset({500, 502, 503, 504})
"""HTTP statuses that say that the server could not answer."""

TRANSIENT = SERVER_FAULTS | {408, 429}
"""HTTP statuses of failures that pass by themselves."""

TRANSIENT_OR_SILENT = TRANSIENT | {0}
"""The same, with 0: there is no answer."""

TRANSIENT_CODES: frozenset[Code] = frozenset({"RESOURCE_EXHAUSTED", "UNAVAILABLE", "NETWORK"})
"""Reasons of failures that pass by themselves. Google sends "too many requests" also with the status 403."""


def repeated(
    send: Callable[[], Answer],
    pauses_s: Sequence[float],
    is_transient: Callable[[Answer], bool],
    sleep: Callable[[float], None],
    notice: Callable[[Answer, float], None] = lambda _answer, _pause_s: None,
) -> Answer:
    """Send a call until its answer is no transient failure, with a pause after each of these; return the last answer.

    ``pauses_s``: in seconds; there is one attempt more. ``notice``: called with a failure and the pause after it.
    """
    for pause_s in pauses_s:
        answer = send()
        if not is_transient(answer):
            return answer
        notice(answer, pause_s)
        sleep(pause_s)
    return send()
