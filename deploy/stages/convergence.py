"""Waits until every instance of the function reads the newest version of the secret.

Secret Manager shows a new version by its alias ``latest``, which the function mounts, only after a while: "typically
minutes, may take a few hours" (https://cloud.google.com/secret-manager/docs/reference/consistency). No API says when
every instance reads it, and one good answer comes from one instance only. So many requests are spread over minutes,
several at the same time, and all in a row have to succeed.

The requests publish nothing: each has the signature of another body. The function answers ``401 checksum`` if it knows
the secret, and ``401 signature`` if it does not.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal

from deploy.errors import NotProven
from deploy.function_client import FunctionClient
from deploy.parallel import wait_for, worker_pool
from deploy.secret import Secret

ROUNDS = 12
"""Rounds in a row without a wrong answer; they take 165 s."""

ROUND_S = 15.0
"""Seconds between two rounds. The function reads its secrets anew within 15 s of a signature that it does not know."""

AT_ONCE = 4
"""Requests at the same time for each secret, so that more than one instance may answer."""

GIVE_UP_S = 1800.0

Knowledge = Literal["known", "unknown", "unclear"]
"""Whether the function knows a secret; ``unclear`` if it did not answer, or answered something else."""

_Wanted = tuple[Secret, Knowledge]
"""A secret, and whether the function should know it."""


@dataclass(frozen=True, slots=True)
class Converged:
    """The result: ``asked`` requests in a row were answered as wanted, in ``seconds``, after ``refused`` others."""

    asked: int
    refused: int
    seconds: float

    def sentence(self, what: str) -> str:
        """Return the result in words. ``what``: its first words, such as ``the function knows the new secret``."""
        before = f", after {self.refused} that found it otherwise" if self.refused else ""
        return f"{what}: {self.asked} requests in a row within {self.seconds:.0f} s{before}; nothing was published"


@dataclass(frozen=True, slots=True)
class Convergence:
    """Asks one deployed function. ``again``: the command that goes on after this has given up."""

    function: FunctionClient
    again: str
    notice: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def wait(self, known: Secret, gone: Sequence[Secret] = ()) -> Converged:
        """Wait until the function knows a secret everywhere, and no longer knows those that are ``gone``.

        Raises:
            NotProven: that is not so within ``GIVE_UP_S``.

        """
        began_at = streak_since = self.now()
        streak = refused = 0
        wanted: list[_Wanted] = [(known, "known"), *((secret, "unknown") for secret in gone)]
        with worker_pool() as pool:
            while streak < ROUNDS:
                if streak or refused:
                    self.sleep(ROUND_S)
                streak_since = streak_since if streak else self.now()
                wrong = self._ask(pool, wanted)
                streak = 0 if wrong else streak + 1
                if wrong:
                    refused += wrong.total()
                    if self.now() - began_at > GIVE_UP_S:
                        raise self._gave_up(wrong)
                    self.notice(f"not everywhere yet: {_counted(wrong)}; again in {ROUND_S:.0f} s")
        return Converged(ROUNDS * AT_ONCE * len(wanted), refused, self.now() - streak_since)

    def _ask(self, pool: Executor, wanted: Sequence[_Wanted]) -> Counter[str]:
        """Ask about all secrets at the same time; return the answers that are not as wanted, each with its number."""
        asked = [(right, pool.submit(self._answer, secret)) for secret, right in wanted for _ in range(AT_ONCE)]
        answers = [(right, *wait_for(answer)) for right, answer in asked]
        return Counter(text for right, found, text in answers if found != right)

    def _answer(self, secret: Secret) -> tuple[Knowledge, str]:
        status, text, _ = self.function.send_signed(b"{}", secret, signed_body=b"another body")
        reason = _reason(text)
        shown = f"{status or 'no answer'} {reason}".strip()
        by_reason: dict[str, Knowledge] = {"checksum": "known", "signature": "unknown"}
        return (by_reason.get(reason, "unclear") if status == 401 else "unclear"), shown

    def _gave_up(self, wrong: Counter[str]) -> NotProven:
        what = f"the function did not use the newest version of the secret everywhere within {GIVE_UP_S / 60:.0f} min"
        return NotProven(f"{what}: {_counted(wrong)}", where=self.function.url, fix=[self.again])


def _counted(answers: Counter[str]) -> str:
    return ", ".join(f"{count} request{'s' * (count > 1)} answered {text}" for text, count in answers.most_common())


def _reason(text: str) -> str:
    """Return the reason in an answer of the function; "" if another server has answered."""
    try:
        answer = json.loads(text)
    except ValueError:
        return ""
    return str(answer.get("error", ""))[:40] if isinstance(answer, dict) else ""
