"""The signature secrets: fixed ones from the environment, and those of a file that is read again and again.

Cloud Run mounts a Secret Manager secret as a file whose every read gives the newest version, so a rotation needs no
new deployment: https://cloud.google.com/run/docs/configuring/services/secrets.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from function.background import daemon_thread, in_daemon_thread
from function.errors import KeysUnavailable, SettingsError
from function.setting_values import parse_secrets

REREAD_AFTER_S = 30.0
"""Seconds that a reading of the file is good for: a secret that was taken out is refused within a minute."""

REREAD_ON_MISS_S = 1.0
"""Seconds between readings for the sake of a signature that no known secret made."""

READ_TIMEOUT_S = 1.0
"""Seconds that one reading may take; the mounted file is a network call."""


class SecretSource:
    """Gives the secrets there are, newest first: those of the environment, then those of the file.

    ``monotonic`` gives seconds of a clock that never steps back; ``warn`` is told of a file that cannot be used.
    """

    def __init__(
        self,
        fixed: tuple[bytes, ...],
        file: Path | None,
        *,
        monotonic: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        self._fixed = fixed
        self._file = file
        self._monotonic = monotonic
        self._warn = warn
        self._from_file: tuple[bytes, ...] = ()
        self._read_at = float("-inf")
        self._good_for_s = REREAD_AFTER_S
        self._reading = asyncio.Lock()
        self._unanswered: asyncio.Future[str] | None = None
        self._begun_at = float("-inf")

    async def secrets(self) -> tuple[bytes, ...]:
        """Give the secrets, from a reading of the file that is at most ``REREAD_AFTER_S`` old.

        Raises:
            KeysUnavailable: there is none: the file cannot be used now and never could.

        """
        return await self._reread(self._good_for_s)

    async def secrets_after_miss(self) -> tuple[bytes, ...]:
        """Give them after a signature that none of them made: the file is read anew, once a second at most."""
        return await self._reread(REREAD_ON_MISS_S)

    async def _reread(self, max_age_s: float) -> tuple[bytes, ...]:
        if self._file is not None and self._age_s() >= max_age_s:
            async with self._reading:
                if self._age_s() >= max_age_s:  # else somebody has read it while we waited
                    await self._read(self._file)
        secrets = self._fixed + self._from_file
        if not secrets:
            raise KeysUnavailable("the secret file cannot be used, and never could since the start")
        return secrets

    def _age_s(self) -> float:
        return self._monotonic() - self._read_at

    async def _read(self, file: Path) -> None:
        self._good_for_s = REREAD_ON_MISS_S
        reading = self._reading_of(file)
        answered, _ = await asyncio.wait([reading], timeout=READ_TIMEOUT_S)
        if answered:
            self._unanswered = None
        try:
            if not answered:
                raise TimeoutError
            self._from_file = parse_secrets(reading.result())
            self._good_for_s = REREAD_AFTER_S
        except OSError as error:  # TimeoutError is one
            self._warn(f"the secret file cannot be read: {error.strerror or type(error).__name__}")
        except ValueError as error:
            self._warn(f"the secret file cannot be used: {_without_text(error)}")
        self._read_at = self._monotonic()

    def _reading_of(self, file: Path) -> "asyncio.Future[str]":
        """Begin to read, or go on waiting for a read that hangs: it is joined by another one after a while only."""
        if self._unanswered is None or self._monotonic() - self._begun_at >= REREAD_AFTER_S:
            self._begun_at = self._monotonic()
            self._unanswered = asyncio.ensure_future(in_daemon_thread(lambda: file.read_text("utf-8-sig")))
        return self._unanswered


def require_strong(file: Path | None) -> None:
    """Refuse a secret file that holds a weak secret now; one that cannot be read now may be there later.

    Raises:
        SettingsError: a secret in it is too short.

    """
    if file is None:
        return
    text = ""
    try:
        text = daemon_thread(lambda: file.read_text("utf-8-sig")).result(READ_TIMEOUT_S)
        parse_secrets(text)
    except (OSError, UnicodeError):  # TimeoutError is an OSError
        return
    except ValueError as error:
        if text.strip():
            raise SettingsError([f"DT_SIGNATURE_SECRET_FILE: {error}"]) from error


def _without_text(error: ValueError) -> str:
    """A decoding error's own text quotes the bytes it stumbled over, which are a secret's."""
    return "not UTF-8" if isinstance(error, UnicodeError) else str(error)
