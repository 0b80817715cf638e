"""secret_source: a file that is read repeatedly, that may be absent or invalid, and whose text is never shown."""

import asyncio
import io
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from function.errors import KeysUnavailable, SettingsError
from function.secret_source import (
    LONGEST_PAUSE_S,
    MISS_BURST,
    MISS_REFILL_S,
    REREAD_AFTER_S,
    REREAD_ON_MISS_S,
    SecretSource,
    check_secret_file,
)
from tests.function.builders import OLD_SECRET, SECRET, WRONG_SECRET
from tests.function.fakes import FakeClock
from tests.pace import in_time

NEW, OLD = SECRET.encode(), OLD_SECRET.encode()


class Mounted:
    """A secret source with its file and a fake clock."""

    def __init__(self, file: Path, text: str | bytes | None = SECRET, fixed: tuple[bytes, ...] = ()) -> None:
        self.file = file
        self.clock = FakeClock()
        self.warnings: list[str] = []
        self.remarks: list[str] = []
        self.source = SecretSource(
            fixed, file, monotonic=self.clock, warn=self.warnings.append, remark=self.remarks.append
        )
        self.holds(text)

    def holds(self, text: str | bytes | None) -> None:
        """Write the file, or delete it."""
        self.file.unlink(missing_ok=True)
        if text is not None:
            self.file.write_bytes(text.encode() if isinstance(text, str) else text)

    def secrets(self) -> tuple[bytes, ...]:
        """Return the secrets."""
        return asyncio.run(self.source.secrets())

    def secrets_after_miss(self) -> tuple[bytes, ...]:
        """Return the secrets after a miss."""
        return asyncio.run(self.source.secrets_after_miss())


def given(
    fixed: tuple[bytes, ...],
    file: Path | None,
    monotonic: Callable[[], float] | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> SecretSource:
    """Return a source that does not report lines that it leaves out."""
    return SecretSource(fixed, file, monotonic=monotonic or FakeClock(), warn=warn, remark=lambda _: None)


class CountedPath(type(Path())):  # type: ignore[misc]
    """A file that counts its reads, each of which takes a while."""

    readings = 0
    slow_s = 0.05

    def open(self, *_: Any, **__: Any) -> io.BytesIO:
        """Open slowly."""
        type(self).readings += 1
        time.sleep(self.slow_s)
        return io.BytesIO(NEW)


@pytest.fixture
def counted() -> type[CountedPath]:
    CountedPath.readings, CountedPath.slow_s = 0, 0.05
    return CountedPath


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path / "secret")


UNUSABLE: dict[str, str | bytes | None] = {
    "missing": None,
    "empty": "",
    "blank": " \n\n",
    "weak": "hunter2",
    "weak in both lines": "hunter2\nchangeme",
    "in quotes": f'"{WRONG_SECRET}"',
    "not UTF-8": WRONG_SECRET.encode() + b"\xff\xfe",
    "UTF-16 cut off": WRONG_SECRET.encode("utf-16")[:-1],
    "endless": b"x" * 100_000,
}
unusable = pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)


def test_without_a_file_there_are_only_the_fixed_secrets() -> None:
    warnings: list[str] = []
    source = given((NEW, OLD), None, warn=warnings.append)
    assert asyncio.run(source.secrets()) == asyncio.run(source.secrets_after_miss()) == (NEW, OLD)
    assert warnings == []


def test_the_secrets_of_the_file_follow_the_fixed_ones_newest_first(tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "secret", f"{SECRET}\n{OLD_SECRET}\n", fixed=(b"f" * 32,))
    assert mounted.secrets() == (b"f" * 32, NEW, OLD)


def test_the_file_is_read_again_after_thirty_seconds(mounted: Mounted) -> None:
    assert mounted.secrets() == (NEW,)
    mounted.holds(OLD_SECRET)
    mounted.clock.advance(REREAD_AFTER_S - 0.001)
    assert mounted.secrets() == (NEW,)
    mounted.clock.advance(0.001)
    assert mounted.secrets() == (OLD,)
    assert REREAD_AFTER_S == 30


def test_the_file_is_read_again_after_a_miss_but_at_most_once_a_second(mounted: Mounted) -> None:
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
def test_the_last_secrets_stay_in_use_if_the_file_becomes_unusable(mounted: Mounted, text: str | bytes | None) -> None:
    mounted.secrets()
    mounted.holds(text)
    for _ in range(3):
        mounted.clock.advance(REREAD_AFTER_S)
        assert mounted.secrets() == mounted.secrets_after_miss() == (NEW,)
    assert len(mounted.warnings) == 3
    assert mounted.remarks == []


@unusable
def test_the_keys_are_unavailable_until_the_file_can_be_used(tmp_path: Path, text: str | bytes | None) -> None:
    mounted = Mounted(tmp_path / "secret", text)
    for ask in (mounted.secrets, mounted.secrets_after_miss):
        with pytest.raises(KeysUnavailable, match=r"^the secret file cannot be used, and never could since the start$"):
            ask()
    assert len(mounted.warnings) == 1
    mounted.holds(SECRET)
    mounted.clock.advance(REREAD_ON_MISS_S)
    assert mounted.secrets() == (NEW,)


@unusable
def test_the_fixed_secrets_are_used_while_the_file_cannot_be_used(tmp_path: Path, text: str | bytes | None) -> None:
    assert Mounted(tmp_path / "secret", text, fixed=(OLD,)).secrets() == (OLD,)


def test_a_directory_instead_of_the_file_is_only_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    source = given((OLD,), tmp_path, warn=warnings.append)
    assert asyncio.run(source.secrets()) == (OLD,)
    assert warnings == ["the secret file cannot be read: Is a directory"]


def test_the_file_is_read_again_one_second_after_a_failed_read(mounted: Mounted) -> None:
    mounted.secrets()
    mounted.holds(None)
    mounted.clock.advance(REREAD_AFTER_S)
    mounted.secrets()
    mounted.holds(OLD_SECRET)
    mounted.clock.advance(REREAD_ON_MISS_S)
    assert mounted.secrets() == (OLD,)


def test_the_pauses_grow_to_ten_seconds_while_the_file_is_unusable_and_are_reset_after_that(
    tmp_path: Path,
) -> None:
    mounted = Mounted(tmp_path / "secret", None, fixed=(OLD,))
    for _ in range(2):
        pauses = reading_times(mounted, mounted.secrets, 41)
        assert pauses == [0, 1, 3, 7, 15, 25, 35]
        mounted.holds(SECRET)
        mounted.clock.advance(LONGEST_PAUSE_S)
        assert mounted.secrets() == (OLD, NEW)
        mounted.holds(None)
        mounted.clock.advance(REREAD_AFTER_S)
    assert LONGEST_PAUSE_S == 10


def reading_times(mounted: Mounted, ask: Callable[[], object], seconds: int) -> list[float]:
    """Ask four times a second, and return the seconds of the reads, each of which has a warning."""
    began = mounted.clock()
    mounted.warnings.clear()
    readings = list[float]()
    for _ in range(4 * seconds):
        count = len(mounted.warnings)
        ask()
        readings += [mounted.clock() - began] * (len(mounted.warnings) - count)
        mounted.clock.advance(0.25)
    return readings


def test_constant_forgeries_cause_three_reads_and_then_four_a_minute(counted: type[CountedPath]) -> None:
    counted.slow_s = 0
    clock = FakeClock()
    source = given((), counted("x"), clock)

    async def forge(seconds: int) -> int:
        before = counted.readings
        for _ in range(10 * seconds):
            clock.advance(0.1)
            await source.secrets()
            await source.secrets_after_miss()
        return counted.readings - before

    async def forge_for_minutes() -> None:
        assert await forge(5) == 1 + MISS_BURST  # the first read is not caused by a miss
        assert 39 <= await forge(600) <= 41
        clock.advance(MISS_BURST * MISS_REFILL_S)
        assert await forge(5) == 1 + MISS_BURST

    asyncio.run(forge_for_minutes())
    assert (MISS_BURST, MISS_REFILL_S) == (3, 15)


def test_after_three_reads_because_of_forgeries_the_next_one_follows_after_exactly_fifteen_seconds(
    mounted: Mounted,
) -> None:
    mounted.secrets()
    for _ in range(MISS_BURST):
        mounted.clock.advance(1)
        mounted.secrets_after_miss()
    mounted.holds(OLD_SECRET)
    for passed_s, secret in ((12.5, NEW), (0.5, OLD)):  # the first of the three reads was two seconds before the last
        mounted.clock.advance(passed_s)
        assert mounted.secrets_after_miss() == (secret,)


def test_a_new_secret_is_known_within_fifteen_seconds_despite_constant_forgeries(mounted: Mounted) -> None:
    for _ in range(600):
        mounted.secrets_after_miss()
        mounted.clock.advance(0.1)
    mounted.holds(OLD_SECRET)
    for _ in range(150):
        mounted.secrets_after_miss()
        mounted.clock.advance(0.1)
    assert mounted.secrets_after_miss() == (OLD,)


@pytest.mark.parametrize("bad", ["hunter2", "changeme", f'"{WRONG_SECRET}"', b"\xff" * 40])
def test_an_unusable_line_is_left_out_and_reported_once(mounted: Mounted, bad: str | bytes) -> None:
    line = bad.encode() if isinstance(bad, str) else bad
    mounted.holds(line + b"\n" + NEW)
    for _ in range(3):
        assert mounted.secrets() == (NEW,)
        mounted.clock.advance(REREAD_AFTER_S)
    (remark,) = mounted.remarks
    assert remark.startswith("the secret file is used without some of its lines: line 1 ")
    assert "hunter2" not in remark
    assert WRONG_SECRET not in remark
    assert mounted.warnings == []


def test_another_unusable_line_is_reported_again(mounted: Mounted) -> None:
    for text in (f"{SECRET}\nhunter2", SECRET, f"{SECRET}\nhunter2", f"{SECRET}\n\nhunter2\nchangeme"):
        mounted.holds(text)
        mounted.secrets()
        mounted.clock.advance(REREAD_AFTER_S)
    weak, no_secret = "has 7 bytes: at least 32 are needed", "is a placeholder: replace it by the secret"
    begin = "the secret file is used without some of its lines"
    assert mounted.remarks == [
        f"{begin}: line 2 {weak}",
        f"{begin}: line 2 {weak}",
        f"{begin}: line 3 {weak}; line 4 {no_secret}",
    ]


def test_the_warning_about_a_file_without_a_usable_line_has_every_fault(tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "secret", "hunter2\nchangeme", fixed=(NEW,))
    mounted.secrets()
    weak, no_secret = "has 7 bytes: at least 32 are needed", "is a placeholder: replace it by the secret"
    assert mounted.warnings == [f"the secret file cannot be used: line 1 {weak}; line 2 {no_secret}"]


@unusable
def test_no_warning_contains_anything_of_the_file(tmp_path: Path, text: str | bytes | None) -> None:
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


def ask_at_once(source: SecretSource, times: int) -> list[tuple[bytes, ...]]:
    async def ask() -> list[tuple[bytes, ...]]:
        calls: list[Callable[[], Coroutine[Any, Any, tuple[bytes, ...]]]] = [source.secrets, source.secrets_after_miss]
        return await asyncio.gather(*(calls[number % 2]() for number in range(times)))

    return asyncio.run(ask())


def test_many_concurrent_first_requests_share_one_read(counted: type[CountedPath]) -> None:
    source = given((), counted("x"))
    assert ask_at_once(source, 100) == [(NEW,)] * 100
    assert counted.readings == 1


def test_many_concurrent_requests_share_the_failure_of_one_read(tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "secret", None, fixed=(OLD,))
    assert ask_at_once(mounted.source, 100) == [(OLD,)] * 100
    assert len(mounted.warnings) == 1


def test_a_read_that_hangs_times_out_after_a_second(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    warnings: list[str] = []
    source = given((), fifo, time.monotonic, warnings.append)

    async def ask() -> None:
        began = time.monotonic()
        with pytest.raises(KeysUnavailable):
            await source.secrets()
        took_s = time.monotonic() - began
        assert took_s > 0.9
        in_time(took_s, 1.5)

    asyncio.run(ask())
    assert warnings == ["the secret file cannot be read: TimeoutError"]
    fifo.write_text(SECRET)  # lets the thread end


def test_no_read_is_started_beside_one_that_hangs_and_its_late_answer_is_used(counted: type[CountedPath]) -> None:
    counted.slow_s = 1.2
    clock, warnings = FakeClock(), list[str]()
    source = given((), counted("x"), clock, warnings.append)

    async def ask_twice() -> tuple[bytes, ...]:
        with pytest.raises(KeysUnavailable):
            await source.secrets()
        clock.advance(1)
        return await source.secrets()

    assert asyncio.run(ask_twice()) == (NEW,)
    assert counted.readings == 1
    assert len(warnings) == 1


def test_another_read_starts_half_a_minute_after_one_that_never_answers(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    os.mkfifo(file)
    clock = FakeClock()
    source = given((), file, clock)

    async def ask() -> tuple[bytes, ...]:
        with pytest.raises(KeysUnavailable):
            await source.secrets()
        file.rename(tmp_path / "hung")
        file.write_text(SECRET)
        clock.advance(REREAD_AFTER_S)
        return await source.secrets()

    assert asyncio.run(ask()) == (NEW,)
    (tmp_path / "hung").write_text("")  # lets the thread end


def test_a_file_that_hangs_does_not_prevent_the_start(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    began = time.monotonic()

    check_secret_file(fifo)

    in_time(time.monotonic() - began, 1.5)
    fifo.write_text("")  # lets the thread end


def test_a_byte_order_mark_is_not_part_of_the_first_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET, "utf-8-sig")
    source = given((), file)

    assert asyncio.run(source.secrets()) == (NEW,)


class Endless(io.BytesIO):
    """A file without an end."""

    def read(self, size: int | None = -1) -> bytes:
        """Return as many bytes as requested."""
        if size is None or size < 0:
            raise MemoryError
        return b"x" * size


class EndlessPath(type(Path())):  # type: ignore[misc]
    """The path of that file."""

    def open(self, *_: Any, **__: Any) -> io.BytesIO:
        """Open it."""
        return Endless()


def test_an_endless_file_is_read_only_up_to_the_maximum_size() -> None:
    warnings: list[str] = []
    source = given((NEW,), EndlessPath("x"), warn=warnings.append)
    assert asyncio.run(source.secrets()) == (NEW,)
    assert warnings == ["the secret file cannot be used: the text has more than 65536 bytes"]


def test_a_read_that_hangs_does_not_block_the_event_loop(counted: type[CountedPath]) -> None:
    counted.slow_s = 0.5
    source = given((), counted("x"))

    async def count_while_reading() -> int:
        reading = asyncio.create_task(source.secrets())
        ticks = 0
        while not reading.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(count_while_reading()) > 5


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_with_an_editors_additions_has_the_same_secrets(tmp_path: Path, encoding: str) -> None:
    mounted = Mounted(tmp_path / "secret", f"{SECRET}\r\n{OLD_SECRET}\r\n".encode(encoding))
    check_secret_file(mounted.file)
    assert mounted.secrets() == (NEW, OLD)


@pytest.mark.parametrize(
    ("weak", "faults"),
    [
        ("hunter2", ["line 1 has 7 bytes: at least 32 are needed"]),
        (
            "\nhunter2\nchangeme",
            ["line 2 has 7 bytes: at least 32 are needed", "line 3 is a placeholder: replace it by the secret"],
        ),
    ],
)
def test_a_file_without_a_usable_line_prevents_the_start(tmp_path: Path, weak: str, faults: list[str]) -> None:
    file = tmp_path / "secret"
    file.write_text(weak)
    with pytest.raises(SettingsError) as caught:
        check_secret_file(file)
    assert caught.value.faults == tuple(f"DT_SIGNATURE_SECRET_FILE: {fault}" for fault in faults)


@pytest.mark.parametrize("text", [f"{SECRET}\nhunter2", f"changeme\n{SECRET}", b"\xff\n" + NEW])
def test_a_weak_line_beside_a_valid_one_does_not_prevent_the_start(tmp_path: Path, text: str | bytes) -> None:
    mounted = Mounted(tmp_path / "secret", text)
    check_secret_file(mounted.file)
    assert mounted.secrets() == (NEW,)


@pytest.mark.parametrize("text", [SECRET, f"{SECRET}\n{OLD_SECRET}", "", " \n", b"\xff"])
def test_a_file_that_may_become_valid_later_does_not_prevent_the_start(tmp_path: Path, text: str | bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    check_secret_file(file)
    check_secret_file(tmp_path / "missing")
    check_secret_file(tmp_path)
    check_secret_file(None)
