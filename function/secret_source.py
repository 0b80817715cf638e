"""The signature secrets: fixed ones from the environment, and those of a file that is read again and again.

Cloud Run mounts a Secret Manager secret as a file whose every read gives the newest version, so a rotation needs no
new deployment: https://cloud.google.com/run/docs/configuring/services/secrets. Each read may be a network call, and
anybody can cause one with a made-up signature: so their number is bounded.
"""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

from function.errors import KeysUnavailable, SettingsError
from function.secret_text import MAX_TEXT_BYTES, SecretLines, read_secrets
from function.threads import daemon_thread, in_daemon_thread

REREAD_AFTER_S = 30.0
"""Seconds that a reading of the file is good for: a secret that was taken out is refused within a minute."""

REREAD_ON_MISS_S = 1.0
"""Seconds between readings for the sake of a signature that no known secret made."""

MISS_BURST = 3
"""Readings for such signatures that may follow one another at that pace: a rotation is seen at once."""

MISS_REFILL_S = 15.0
"""Seconds after which one more is allowed, so that forgeries without end cause four readings a minute."""

LONGEST_PAUSE_S = 10.0
"""Seconds between readings while the file cannot be used; the first pause is a second, and each one is doubled."""

READ_TIMEOUT_S = 1.0
"""Seconds that one reading may take."""


class SecretSource:
    """Gives the secrets there are, newest first: those of the environment, then those of the file.

    ``monotonic`` gives seconds of a clock that never steps back; ``warn`` is told of a file that cannot be used,
    ``remark`` of lines that are left out while others are used.
    """

    def __init__(
        self,
        fixed: tuple[bytes, ...],
        file: Path | None,
        *,
        monotonic: Callable[[], float],
        warn: Callable[[str], None],
        remark: Callable[[str], None],
    ) -> None:
        self._fixed = fixed
        self._file = file
        self._monotonic = monotonic
        self._warn = warn
        self._remark = remark
        self._from_file = SecretLines((), ())
        self._read_at = -math.inf
        self._good_for_s = REREAD_AFTER_S
        self._pause_s = REREAD_ON_MISS_S
        self._misses_paid_until = -math.inf
        self._reading = asyncio.Lock()
        self._unanswered: tuple[asyncio.Future[bytes], float] | None = None

    async def secrets(self) -> tuple[bytes, ...]:
        """Give the secrets, from a reading of the file that is at most ``REREAD_AFTER_S`` old.

        Raises:
            KeysUnavailable: there is none: the file cannot be used now and never could.

        """
        return await self._read_if(lambda: self._age_s() >= self._good_for_s)

    async def secrets_after_miss(self) -> tuple[bytes, ...]:
        """Give them after a signature that none of them made.

        The file is read anew if the last reading is over ``REREAD_ON_MISS_S`` ago, ``MISS_BURST`` times in a row and
        then once in ``MISS_REFILL_S``.
        """
        return await self._read_if(self._may_reread_after_miss, for_miss=True)

    async def _read_if(self, is_due: Callable[[], bool], *, for_miss: bool = False) -> tuple[bytes, ...]:
        if self._file is not None and is_due():
            async with self._reading:
                if is_due():  # else somebody has read it while we waited
                    if for_miss:
                        self._misses_paid_until = max(self._misses_paid_until, self._monotonic()) + MISS_REFILL_S
                    await self._read(self._file)
        secrets = self._fixed + self._from_file.secrets
        if not secrets:
            raise KeysUnavailable("the secret file cannot be used, and never could since the start")
        return secrets

    def _may_reread_after_miss(self) -> bool:
        is_paid = self._misses_paid_until - self._monotonic() <= (MISS_BURST - 1) * MISS_REFILL_S
        return is_paid and self._age_s() >= REREAD_ON_MISS_S

    def _age_s(self) -> float:
        return self._monotonic() - self._read_at

    async def _read(self, file: Path) -> None:
        reading = self._reading_of(file)
        answered, _ = await asyncio.wait([reading], timeout=READ_TIMEOUT_S)
        if answered:
            self._unanswered = None
        try:
            if not answered:
                raise TimeoutError
            self._take(read_secrets(reading.result()))
            self._good_for_s, self._pause_s = REREAD_AFTER_S, REREAD_ON_MISS_S
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            self._warn(str(error) if isinstance(error, ValueError) else _unreadable(error))
            self._good_for_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._read_at = self._monotonic()

    def _take(self, lines: SecretLines) -> None:
        """Use what the file holds from now on; its lines that cannot be used are told once. Raises ValueError."""
        if not lines.secrets:
            raise ValueError(f"the secret file cannot be used: {'; '.join(lines.faults)}")
        if lines.faults and lines.faults != self._from_file.faults:
            self._remark(f"the secret file is used without some of its lines: {'; '.join(lines.faults)}")
        self._from_file = lines

    def _reading_of(self, file: Path) -> "asyncio.Future[bytes]":
        """Begin to read, or go on waiting for a read that hangs: it is joined by another one after a while only."""
        if self._unanswered is None or self._monotonic() - self._unanswered[1] >= REREAD_AFTER_S:
            reading = asyncio.ensure_future(in_daemon_thread(lambda: _content(file)))
            self._unanswered = reading, self._monotonic()
        return self._unanswered[0]


def check_secret_file(file: Path | None) -> None:
    """Refuse a secret file none of whose lines can be used; one that cannot be read now may be there later.

    Raises:
        SettingsError: it holds text, but no secret that could be used.

    """
    if file is None:
        return
    try:
        content = daemon_thread(lambda: _content(file)).result(READ_TIMEOUT_S)
    except OSError:  # TimeoutError is one
        return
    lines = read_secrets(content)
    if lines.is_refused:
        raise SettingsError([f"DT_SIGNATURE_SECRET_FILE: {fault}" for fault in lines.faults])


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_TEXT_BYTES + 1)


def _unreadable(error: OSError) -> str:
    return f"the secret file cannot be read: {error.strerror or type(error).__name__}"
