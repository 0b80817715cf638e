"""secret_source: a file that is read again, that may be away or wrong, and whose text is never shown."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from function.errors import KeysUnavailable, SettingsError
from function.secret_source import REREAD_AFTER_S, REREAD_ON_MISS_S, SecretSource, require_strong
from tests.builders import OLD_SECRET, SECRET, WRONG_SECRET
from tests.fakes import FakeClock

NEW, OLD = SECRET.encode(), OLD_SECRET.encode()


class Mounted:
    """A secret file, a clock and the source that reads the one by the other."""

    def __init__(self, file: Path, text: str | bytes | None = SECRET, fixed: tuple[bytes, ...] = ()) -> None:
        self.file = file
        self.clock = FakeClock()
        self.warnings: list[str] = []
        self.source = SecretSource(fixed, file, monotonic=self.clock, warn=self.warnings.append)
        self.holds(text)

    def holds(self, text: str | bytes | None) -> None:
        """Write the file, or take it away."""
        self.file.unlink(missing_ok=True)
        if text is not None:
            self.file.write_bytes(text.encode() if isinstance(text, str) else text)

    def secrets(self) -> tuple[bytes, ...]:
        """Ask for the secrets."""
        return asyncio.run(self.source.secrets())

    def secrets_after_miss(self) -> tuple[bytes, ...]:
        """Ask for them after a miss."""
        return asyncio.run(self.source.secrets_after_miss())


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path / "secret")


UNUSABLE: dict[str, str | bytes | None] = {
    "missing": None,
    "empty": "",
    "blank": " \n\n",
    "weak": "hunter2",
    "weak in its second line": f"{WRONG_SECRET}\nhunter2",
    "not UTF-8": WRONG_SECRET.encode() + b"\xff\xfe",
    "UTF-16": WRONG_SECRET.encode("utf-16"),
}
unusable = pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)


def test_without_a_file_the_fixed_secrets_are_all_there_are() -> None:
    warnings: list[str] = []
    source = SecretSource((NEW, OLD), None, monotonic=FakeClock(), warn=warnings.append)
    assert asyncio.run(source.secrets()) == asyncio.run(source.secrets_after_miss()) == (NEW, OLD)
    assert warnings == []


def test_the_secrets_of_the_file_follow_the_fixed_ones_newest_first(tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "secret", f"{SECRET}\n{OLD_SECRET}\n", fixed=(b"f" * 32,))
    assert mounted.secrets() == (b"f" * 32, NEW, OLD)


def test_a_reading_is_good_for_thirty_seconds_and_no_longer(mounted: Mounted) -> None:
    assert mounted.secrets() == (NEW,)
    mounted.holds(OLD_SECRET)
    mounted.clock.advance(REREAD_AFTER_S - 0.001)
    assert mounted.secrets() == (NEW,)
    mounted.clock.advance(0.001)
    assert mounted.secrets() == (OLD,)
    assert REREAD_AFTER_S == 30


def test_after_a_miss_the_file_is_read_anew_but_once_a_second_at_most(mounted: Mounted) -> None:
    mounted.secrets()
    mounted.holds(OLD_SECRET)
    mounted.clock.advance(REREAD_ON_MISS_S - 0.001)
    assert mounted.secrets_after_miss() == (NEW,)
    mounted.clock.advance(0.001)
    assert mounted.secrets_after_miss() == (OLD,)
    mounted.holds(SECRET)
    assert mounted.secrets_after_miss() == (OLD,)
    assert REREAD_ON_MISS_S == 1


@unusable
def test_a_file_that_cannot_be_used_any_more_leaves_the_last_good_secrets(
    mounted: Mounted, text: str | bytes | None
) -> None:
    mounted.secrets()
    mounted.holds(text)
    for _ in range(3):
        mounted.clock.advance(REREAD_AFTER_S)
        assert mounted.secrets() == mounted.secrets_after_miss() == (NEW,)
    assert len(mounted.warnings) == 3


@unusable
def test_a_file_that_could_never_be_used_is_keys_unavailable_until_it_can(
    tmp_path: Path, text: str | bytes | None
) -> None:
    mounted = Mounted(tmp_path / "secret", text)
    for ask in (mounted.secrets, mounted.secrets_after_miss):
        with pytest.raises(KeysUnavailable):
            ask()
    assert len(mounted.warnings) == 1
    mounted.holds(SECRET)
    mounted.clock.advance(REREAD_ON_MISS_S)
    assert mounted.secrets() == (NEW,)


@unusable
def test_the_fixed_secrets_serve_while_the_file_cannot_be_used(tmp_path: Path, text: str | bytes | None) -> None:
    assert Mounted(tmp_path / "secret", text, fixed=(OLD,)).secrets() == (OLD,)


def test_a_directory_in_the_files_place_is_only_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    source = SecretSource((OLD,), tmp_path, monotonic=FakeClock(), warn=warnings.append)
    assert asyncio.run(source.secrets()) == (OLD,)
    assert warnings == ["the secret file cannot be read: Is a directory"]


def test_after_a_failed_reading_the_next_one_comes_in_a_second_and_not_in_thirty(mounted: Mounted) -> None:
    mounted.secrets()
    mounted.holds(None)
    mounted.clock.advance(REREAD_AFTER_S)
    mounted.secrets()
    mounted.holds(OLD_SECRET)
    mounted.clock.advance(REREAD_ON_MISS_S)
    assert mounted.secrets() == (OLD,)


@unusable
def test_no_warning_holds_anything_of_the_file(tmp_path: Path, text: str | bytes | None) -> None:
    mounted = Mounted(tmp_path / "secret", text, fixed=(NEW,))
    mounted.secrets()
    (warning,) = mounted.warnings
    for word in ("hunter2", WRONG_SECRET, "xff", "0x", str(tmp_path)):
        assert word not in warning


def test_a_rotation_is_followed_without_a_restart(mounted: Mounted) -> None:
    for text, secrets in ((f"{OLD_SECRET}\n{SECRET}", (OLD, NEW)), (OLD_SECRET, (OLD,))):
        mounted.holds(text)
        mounted.clock.advance(REREAD_AFTER_S)
        assert mounted.secrets() == secrets


class CountedPath(type(Path())):  # type: ignore[misc]
    """A file that counts its readings, each of which takes a while."""

    readings = 0
    slow_s = 0.05

    def read_text(self, *_: Any, **__: Any) -> str:
        """Read slowly."""
        type(self).readings += 1
        time.sleep(self.slow_s)
        return SECRET


@pytest.fixture
def counted() -> type[CountedPath]:
    CountedPath.readings, CountedPath.slow_s = 0, 0.05
    return CountedPath


def ask_at_once(source: SecretSource, times: int) -> list[tuple[bytes, ...]]:
    async def ask() -> list[tuple[bytes, ...]]:
        calls: list[Callable[[], Coroutine[Any, Any, tuple[bytes, ...]]]] = [source.secrets, source.secrets_after_miss]
        return await asyncio.gather(*(calls[number % 2]() for number in range(times)))

    return asyncio.run(ask())


def test_many_first_readers_at_once_all_get_the_secrets_from_one_reading(counted: type[CountedPath]) -> None:
    source = SecretSource((), counted("x"), monotonic=FakeClock(), warn=lambda _: None)
    assert ask_at_once(source, 100) == [(NEW,)] * 100
    assert counted.readings == 1


def test_many_readers_at_once_share_the_failure_of_one_reading(tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "secret", None, fixed=(OLD,))
    assert ask_at_once(mounted.source, 100) == [(OLD,)] * 100
    assert len(mounted.warnings) == 1


def test_a_reading_that_hangs_is_given_up_after_a_second(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    warnings: list[str] = []
    source = SecretSource((), fifo, monotonic=time.monotonic, warn=warnings.append)

    async def ask() -> None:
        began = time.monotonic()
        with pytest.raises(KeysUnavailable):
            await source.secrets()
        assert 0.9 < time.monotonic() - began < 1.5

    asyncio.run(ask())
    assert warnings == ["the secret file cannot be read: TimeoutError"]
    fifo.write_text(SECRET)  # lets the thread end


def test_a_reading_that_hangs_is_joined_by_no_other_and_used_when_it_answers(counted: type[CountedPath]) -> None:
    counted.slow_s = 1.2
    clock, warnings = FakeClock(), list[str]()
    source = SecretSource((), counted("x"), monotonic=clock, warn=warnings.append)

    async def ask_twice() -> tuple[bytes, ...]:
        with pytest.raises(KeysUnavailable):
            await source.secrets()
        clock.advance(1)
        return await source.secrets()

    assert asyncio.run(ask_twice()) == (NEW,)
    assert counted.readings == 1
    assert len(warnings) == 1


def test_a_reading_that_never_answers_is_followed_by_another_after_half_a_minute(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    os.mkfifo(file)
    clock = FakeClock()
    source = SecretSource((), file, monotonic=clock, warn=lambda _: None)

    async def ask() -> tuple[bytes, ...]:
        with pytest.raises(KeysUnavailable):
            await source.secrets()
        file.rename(tmp_path / "hung")
        file.write_text(SECRET)
        clock.advance(REREAD_AFTER_S)
        return await source.secrets()

    assert asyncio.run(ask()) == (NEW,)
    (tmp_path / "hung").write_text("")  # lets the thread end


def test_a_file_that_hangs_does_not_keep_the_process_from_starting(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    began = time.monotonic()

    require_strong(fifo)

    assert time.monotonic() - began < 1.5
    fifo.write_text("")  # lets the thread end


def test_a_byte_order_mark_before_the_first_secret_is_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET, "utf-8-sig")
    source = SecretSource((), file, monotonic=FakeClock(), warn=lambda _: None)

    assert asyncio.run(source.secrets()) == (NEW,)


def test_while_a_reading_hangs_the_loop_goes_on(counted: type[CountedPath]) -> None:
    counted.slow_s = 0.2
    source = SecretSource((), counted("x"), monotonic=FakeClock(), warn=lambda _: None)

    async def count_while_reading() -> int:
        reading = asyncio.create_task(source.secrets())
        ticks = 0
        while not reading.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(count_while_reading()) > 5


@pytest.mark.parametrize("weak", ["hunter2", f"{SECRET}\nhunter2"])
def test_a_weak_secret_in_the_file_keeps_the_process_from_starting(tmp_path: Path, weak: str) -> None:
    file = tmp_path / "secret"
    file.write_text(weak)
    with pytest.raises(SettingsError) as caught:
        require_strong(file)
    (fault,) = caught.value.faults
    assert fault.startswith("DT_SIGNATURE_SECRET_FILE: secret ")
    assert "hunter2" not in fault


@pytest.mark.parametrize("text", [SECRET, f"{SECRET}\n{OLD_SECRET}", "", " \n", b"\xff"])
def test_a_file_that_may_be_sound_later_does_not_keep_it_from_starting(tmp_path: Path, text: str | bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    require_strong(file)
    require_strong(tmp_path / "missing")
    require_strong(tmp_path)
    require_strong(None)
