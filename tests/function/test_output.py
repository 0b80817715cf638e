"""output: lines are written whole and at once if there is room, and a stalled reader delays no writer."""

import contextlib
import fcntl
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from function import output
from function.output import LAST_WRITES_S, QUEUE_BYTES, LineWriter
from tests.blackbox.serving import ROOT
from tests.pace import in_time

LINE = b"x" * 199 + b"\n"


def dropped_line(count: int) -> bytes:
    return b"%d dropped\n" % count


@dataclass
class Pipe:
    """A pipe of 64 KiB, and the bytes that were read from it."""

    reader: int
    writer: int

    def fileno(self) -> int:
        """Return the descriptor of the end for writing."""
        return self.writer

    def lines(self, count: int = 0) -> list[bytes]:
        """Read what the pipe has. If a number of lines is expected, read until they are there, and a moment longer."""
        if not count:
            return self._rest(bytearray())
        return self.lines_until(lambda lines: sum(line.endswith(b"\n") for line in lines) >= count)

    def lines_until(self, are_all: Callable[[list[bytes]], bool]) -> list[bytes]:
        """Read until the expected lines are there, and for a moment longer."""
        read = bytearray()
        gives_up_at = time.monotonic() + 60
        while not are_all(self._rest(read)) and time.monotonic() < gives_up_at:
            time.sleep(0.01)
        time.sleep(0.02)
        return self._rest(read)

    def _rest(self, read: bytearray) -> list[bytes]:
        with contextlib.suppress(BlockingIOError):
            while True:
                read += os.read(self.reader, 1_000_000)
        return bytes(read).splitlines(keepends=True)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield Pipe(reader, writer)
    for end in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(end)


def writer_to(pipe: Pipe) -> LineWriter:
    return LineWriter.to(pipe, dropped_line=dropped_line)


def test_a_line_is_written_before_write_returns_and_without_a_thread(pipe: Pipe) -> None:
    threads = threading.active_count()

    writer_to(pipe).write(LINE)

    assert pipe.lines() == [LINE]
    assert threading.active_count() == threads


def test_the_writer_does_not_make_a_shared_pipe_non_blocking_for_others(pipe: Pipe) -> None:
    writer_to(pipe)

    assert not fcntl.fcntl(pipe.writer, fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_stalled_reader_delays_no_write_and_loses_no_line_that_fits_into_the_queue(pipe: Pipe) -> None:
    writer, count = writer_to(pipe), (65_536 + QUEUE_BYTES // 2) // len(LINE)
    began_at = time.thread_time()

    for number in range(count):
        writer.write(b"%0199d\n" % number)

    assert time.thread_time() - began_at < 5
    assert pipe.lines(count) == [b"%0199d\n" % number for number in range(count)]


def dropped_of(lines: list[bytes]) -> int:
    """Return the number of dropped lines that the lines report."""
    return sum(int(line.split()[0]) for line in lines if line.endswith(b" dropped\n"))


def test_lines_beyond_the_queue_are_dropped_and_the_next_ones_say_how_many(pipe: Pipe) -> None:
    writer, count = writer_to(pipe), 2 * QUEUE_BYTES // len(LINE)

    for _ in range(count):
        writer.write(LINE)

    lines = pipe.lines_until(lambda lines: lines.count(LINE) + dropped_of(lines) >= count)
    dropped, whole = dropped_of(lines), lines.count(LINE)
    assert whole + dropped == count
    assert dropped > 0
    assert len(lines) - whole == 1, "they are reported once"
    writer.write(b"afterwards\n")
    assert pipe.lines(1) == [b"afterwards\n"]


def test_a_line_longer_than_the_pipe_arrives_whole(pipe: Pipe) -> None:
    writer = writer_to(pipe)
    long = b"y" * 200_000 + b"\n"

    writer.write(long)
    writer.write(LINE)

    assert pipe.lines(2) == [long, LINE]


def test_lines_of_many_threads_stay_whole_while_the_reader_is_slow(pipe: Pipe) -> None:
    writer = writer_to(pipe)

    def write(letter: bytes) -> None:
        for _ in range(500):
            writer.write(letter * 150 + b"\n")

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = pipe.lines(2000)
    assert len(lines) == 2000
    assert {len(line) for line in lines} == {151}
    assert {len(set(line)) for line in lines} == {2}


def test_a_flush_waits_for_the_queue_with_a_timeout(pipe: Pipe) -> None:
    writer = writer_to(pipe)
    for _ in range(1000):
        writer.write(LINE)
    began_at = time.monotonic()

    writer.flush(0.2)

    assert time.monotonic() - began_at >= 0.2
    reading = threading.Thread(target=pipe.lines, args=(1000,))
    reading.start()
    writer.flush(5.0)
    assert writer.is_idle
    reading.join()
    assert LAST_WRITES_S == 2.0


def test_a_closed_pipe_loses_lines_and_causes_no_error(pipe: Pipe) -> None:
    writer = writer_to(pipe)
    os.close(pipe.reader)

    for _ in range(100):
        writer.write(LINE)

    writer.flush(5.0)
    assert writer.is_idle


def test_a_pipe_that_was_closed_before_the_start_does_not_prevent_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    pipe = Pipe(reader, os.open(tmp_path / "log", os.O_WRONLY))
    os.close(reader)
    writer = writer_to(pipe)
    writer.write(LINE)
    writer.flush(5)
    assert writer.is_idle
    os.close(pipe.writer)


def test_a_stream_that_is_neither_pipe_nor_file_is_written_by_a_thread() -> None:
    ours, theirs = os.openpty()
    LineWriter.to(Pipe(ours, theirs), dropped_line=dropped_line).write(b"to a terminal\n")
    assert os.read(ours, 100).strip() == b"to a terminal"
    os.close(ours)
    os.close(theirs)


def test_a_line_in_a_shared_file_is_written_at_once_and_overwrites_no_other(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as file:
        writer = LineWriter.to(file, dropped_line=dropped_line)
        file.write(b"theirs\n")
        writer.write(b"ours\n")
        file.write(b"theirs\n")
    assert (tmp_path / "log").read_bytes() == b"theirs\nours\ntheirs\n"


def test_lines_are_discarded_without_standard_output() -> None:
    writer = LineWriter.to(None, dropped_line=dropped_line)
    writer.write(LINE)
    writer.flush(5.0)
    assert writer.is_idle


def fill(pipe: Pipe) -> None:
    """Fill the pipe with other bytes."""
    os.set_blocking(pipe.writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe.writer, b"." * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe.writer, b".")


def later_lines(pipe: Pipe, count: int = 1) -> list[bytes]:
    """Return the lines after these bytes."""
    return [line.lstrip(b".") for line in pipe.lines(count)]


def test_exactly_the_allowed_number_of_bytes_may_wait(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "QUEUE_BYTES", 20)
    writer = writer_to(pipe)
    fill(pipe)
    for line in (b"012345678\n", b"987654321\n", b"\n", b"\n"):
        writer.write(line)
    assert not writer.is_idle
    assert later_lines(pipe, 3) == [b"012345678\n", b"987654321\n", b"2 dropped\n"]


def test_a_line_longer_than_the_queue_is_dropped_and_the_next_line_says_so(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "QUEUE_BYTES", 20)
    writer = writer_to(pipe)
    fill(pipe)
    writer.write(b"x" * 20 + b"\n")
    writer.write(b"next\n")
    assert later_lines(pipe, 2) == [b"next\n", b"1 dropped\n"]


def test_each_of_several_lines_that_are_dropped_at_once_is_counted(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "QUEUE_BYTES", 20)
    writer = writer_to(pipe)
    fill(pipe)
    writer.write(b"one of three lines\n" * 3)
    writer.write(b"next\n")
    assert later_lines(pipe, 2) == [b"next\n", b"3 dropped\n"]


def test_what_has_been_written_makes_room_for_the_next_lines(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "QUEUE_BYTES", 1000)
    writer = writer_to(pipe)
    for _ in range(4):
        fill(pipe)
        for _ in range(5):
            writer.write(LINE)
        assert later_lines(pipe, 5) == [LINE] * 5
        writer.flush(5.0)


def test_lines_lost_on_a_full_disk_are_counted_and_reported_when_there_is_room(tmp_path: Path) -> None:
    disk = os.open("/dev/full", os.O_WRONLY)
    writer = LineWriter(disk, dropped_line=dropped_line, is_direct=True)
    for lines in (LINE, LINE, LINE * 2):
        writer.write(lines)
        writer.flush(5.0)
    with (tmp_path / "log").open("wb") as file:
        os.dup2(file.fileno(), disk)
    for line in (b"again\n", b"at once\n"):
        writer.write(line)
        writer.flush(5.0)
    os.close(disk)
    assert (tmp_path / "log").read_bytes() == b"again\n4 dropped\nat once\n"


def test_a_waiting_writer_thread_uses_no_processor_time_and_lets_the_process_end(pipe: Pipe) -> None:
    writer, before = writer_to(pipe), threading.enumerate()
    fill(pipe)
    writer.write(LINE)
    (thread,) = (thread for thread in threading.enumerate() if thread not in before)
    assert thread.name == "log"
    assert thread.daemon
    began_at = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - began_at < 0.2
    assert later_lines(pipe) == [LINE]


def test_only_one_thread_writes_however_often_the_reader_stalls(pipe: Pipe) -> None:
    writer, threads = writer_to(pipe), threading.active_count()
    for _ in range(3):
        fill(pipe)
        writer.write(LINE)
        assert threading.active_count() == threads + 1
        assert later_lines(pipe) == [LINE]


def test_a_line_does_not_overtake_queued_lines_even_if_there_is_room(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, goes_on = writer_to(pipe), threading.Event()
    monkeypatch.setattr(output, "_wait_until_writable", lambda _: goes_on.wait(5))
    fill(pipe)
    writer.write(b"first\n")
    early = [line for line in later_lines(pipe, 0) if line]  # the thread may have written when there was room
    writer.write(b"second\n")
    goes_on.set()
    assert [*early, *pipe.lines(2 - len(early))] == [b"first\n", b"second\n"]


def test_a_stalled_reader_loses_no_line_even_if_the_process_has_more_than_1024_descriptors(pipe: Pipe) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2000)), hard))
    taken = [os.dup(pipe.reader) for _ in range(1100)]
    try:
        writer, count = writer_to(pipe), (65_536 + QUEUE_BYTES // 2) // len(LINE)
        for number in range(count):
            writer.write(b"%0199d\n" % number)
        assert pipe.lines(count) == [b"%0199d\n" % number for number in range(count)]
    finally:
        for descriptor in taken:
            os.close(descriptor)


def test_only_the_thread_writes_if_a_write_may_wait(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writer, dropped_line=dropped_line, is_direct=False)
    fill(pipe)
    os.set_blocking(pipe.writer, True)
    writer.write(b"first\n")
    assert not writer.is_idle
    assert later_lines(pipe) == [b"first\n"]


def test_a_flush_ends_as_soon_as_the_queue_is_empty(pipe: Pipe) -> None:
    writer = writer_to(pipe)
    fill(pipe)
    writer.write(LINE)
    reading = threading.Timer(0.1, pipe.lines, args=(1,))
    reading.start()
    began_at = time.monotonic()
    writer.flush(20.0)
    in_time(time.monotonic() - began_at, 10)
    assert writer.is_idle
    reading.join()


AT_THE_END = """
import sys
from function.output import LineWriter
writer = LineWriter.to(sys.__stdout__, dropped_line=lambda count: b"dropped\\n")
for number in range(2000):
    writer.write(b"%0199d\\n" % number)
sys.stderr.write("written\\n")
"""


def test_the_end_of_the_process_loses_no_queued_line() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", AT_THE_END], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == b"written\n"
        lines = process.stdout.readlines()
    assert lines == [b"%0199d\n" % number for number in range(2000)]
