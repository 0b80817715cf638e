"""The signature secrets: those of the environment, and those of a file that is read repeatedly.

Cloud Run mounts a Secret Manager secret as a file, and each read returns the newest version. So a rotation needs no new
deployment: https://cloud.google.com/run/docs/configuring/services/secrets. Each read may be a network call, and any
client can cause one with a forged signature. So the number of reads is limited.
"""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

from function.errors import KeysUnavailable, SettingsError
from function.secret_text import MAX_TEXT_BYTES, SecretLines, read_secrets
from function.threads import daemon_thread, in_daemon_thread

REREAD_AFTER_S = 30.0
"""The file is read again after this many seconds, so that a removed secret is refused within a minute."""

REREAD_ON_MISS_S = 1.0
"""Minimum seconds between reads because of a signature that no known secret made (a miss)."""

MISS_BURST = 3
"""Maximum number of consecutive reads at that pace, so that a rotation is noticed at once."""

MISS_REFILL_S = 15.0
"""Seconds after which one more read because of a miss is allowed: constant forgeries cause four reads a minute."""

LONGEST_PAUSE_S = 10.0
"""Maximum seconds between reads while the file cannot be used. The first is 1 s, and each doubles the last one."""

READ_TIMEOUT_S = 1.0
"""Timeout of one read in seconds."""


class SecretSource:
    """Holds the secrets, newest first: those of the environment, then those of the file.

    ``monotonic`` returns seconds of a clock that never steps back. ``warn`` is called with a sentence if the file
    cannot be used, and ``remark`` if lines are left out while others are used.
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
        """Return the secrets. The file was read at most ``REREAD_AFTER_S`` ago, if it can be used.

        Raises:
            KeysUnavailable: there is no secret, because the file cannot be used and never could.

        """
        return await self._read_if(lambda: self._age_s() >= self._good_for_s)

    async def secrets_after_miss(self) -> tuple[bytes, ...]:
        """Return the secrets after a signature that none of them made.

        The file is read again if the last read was at least ``REREAD_ON_MISS_S`` ago, ``MISS_BURST`` times in a row and
        then once in ``MISS_REFILL_S``.
        """
        return await self._read_if(self._may_reread_after_miss, for_miss=True)

    async def _read_if(self, is_due: Callable[[], bool], *, for_miss: bool = False) -> tuple[bytes, ...]:
        if self._file is not None and is_due():
            async with self._reading:
                if is_due():  # otherwise another request has read it meanwhile
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
        """Use the secrets of these lines from now on, and report the other lines once.

        Raises:
            ValueError: no line can be used.

        """
        if not lines.secrets:
            raise ValueError(f"the secret file cannot be used: {'; '.join(lines.faults)}")
        if lines.faults and lines.faults != self._from_file.faults:
            self._remark(f"the secret file is used without some of its lines: {'; '.join(lines.faults)}")
        self._from_file = lines

    def _reading_of(self, file: Path) -> "asyncio.Future[bytes]":
        """Start a read, or return the pending one. A read that is pending for ``REREAD_AFTER_S`` is given up."""
        if self._unanswered is None or self._monotonic() - self._unanswered[1] >= REREAD_AFTER_S:
            reading = asyncio.ensure_future(in_daemon_thread(lambda: _content(file)))
            self._unanswered = reading, self._monotonic()
        return self._unanswered[0]


def check_secret_file(file: Path | None) -> None:
    """Check a secret file before the process starts. A file that cannot be read is accepted, as it may appear later.

    Raises:
        SettingsError: the file contains text, but no usable secret.

    """
    if file is None:
        return
    try:
        content = daemon_thread(lambda: _content(file)).result(READ_TIMEOUT_S)
    except OSError:  # TimeoutError is an OSError
        return
    lines = read_secrets(content)
    if lines.is_refused:
        raise SettingsError([f"DT_SIGNATURE_SECRET_FILE: {fault}" for fault in lines.faults])


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_TEXT_BYTES + 1)


def _unreadable(error: OSError) -> str:
    return f"the secret file cannot be read: {error.strerror or type(error).__name__}"
