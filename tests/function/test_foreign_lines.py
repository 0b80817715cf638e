"""foreign_lines: what libraries log becomes lines of ours, without what was filled in."""

import importlib
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest

import function
from function.foreign_lines import LIBRARIES, SAMPLE_S, redirect_loggers

Told = list[tuple[str, str]]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.time_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told(clock: Clock) -> Iterator[Told]:
    lines: Told = []
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in LIBRARIES}
    redirect_loggers(lambda sentence, severity: lines.append((sentence, severity)), monotonic=clock)
    yield lines
    for name, (handlers, propagates) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagates


def test_a_librarys_sentence_is_told_without_what_was_filled_in(told: Told, capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("google.auth.compute_engine._metadata").warning("unavailable. Reason: %s", "canary")
    logging.getLogger("grpc._cython.cygrpc").error("callback raised\ncanary")
    assert told == [
        ("google.auth.compute_engine._metadata: unavailable. Reason: %s", "WARNING"),
        ("grpc._cython.cygrpc: callback raised", "ERROR"),
    ]
    assert capfd.readouterr() == ("", "")


def test_an_errors_kind_is_told_and_not_its_text(told: Told) -> None:
    try:
        int("canary")
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved\ncanary")
    assert told == [("asyncio: Task exception was never retrieved (ValueError)", "ERROR")]


def test_each_logger_is_told_of_once_a_second(told: Told, clock: Clock) -> None:
    for _ in range(3):
        logging.getLogger("asyncio").error("a")
    logging.getLogger("urllib3.connectionpool").warning("b")
    clock.time_s += SAMPLE_S
    logging.getLogger("asyncio").error("c")
    assert [sentence for sentence, _ in told] == ["asyncio: a", "urllib3.connectionpool: b", "asyncio: c"]
    assert SAMPLE_S == 1.0


class Page(logging.Handler):
    """Another handler, such as that of functions-framework, and what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record down."""
        self.sentences.append(record.getMessage())


@pytest.fixture
def page() -> Iterator[Page]:
    handler = Page()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_only_the_libraries_are_taken_over_and_no_handler_but_ours_has_their_lines(page: Page, told: Told) -> None:
    logging.getLogger("asyncio").error("a library's")
    assert (told, page.sentences) == ([("asyncio: a library's", "ERROR")], [])
    logging.getLogger("uvicorn.error").error("the server's")
    assert (len(told), page.sentences) == (1, ["the server's"])


@pytest.mark.parametrize("name", ["asyncio", "concurrent.futures", "google", "grpc", "requests", "urllib3"])
def test_every_library_that_works_for_us_is_taken_over(name: str, told: Told) -> None:
    logging.getLogger(f"{name}.some_module").error("a")
    assert told == [(f"{name}.some_module: a", "ERROR")]


def test_an_error_that_is_none_has_no_kind(told: Told) -> None:
    logging.getLogger("asyncio").error("a", exc_info=(None, None, None))
    assert told == [("asyncio: a", "ERROR")]


def test_small_talk_is_not_told(told: Told) -> None:
    logger = logging.getLogger("google")
    logger.setLevel(logging.DEBUG)
    logger.info("small talk")
    logger.setLevel(logging.NOTSET)
    assert told == []


def test_a_long_sentence_is_cut(told: Told) -> None:
    logging.getLogger("grpc").error("x" * 5000)
    assert len(told[0][0]) < 250


def test_taken_over_twice_it_tells_the_last_one_alone(told: Told, clock: Clock) -> None:
    later: Told = []
    redirect_loggers(lambda sentence, severity: later.append((sentence, severity)), monotonic=clock)
    logging.getLogger("asyncio").error("a")
    assert (told, later) == ([], [("asyncio: a", "ERROR")])


SILENT = """
import sys
sys.path.insert(0, {root!r})
import function.pubsub
import asyncio, grpc, warnings
async def main():
    channel = grpc.aio.secure_channel("localhost:1", grpc.ssl_channel_credentials(b"no certificate"))
    try:
        await channel.unary_unary("/a/b")(b"", timeout=1)
    except grpc.aio.AioRpcError:
        warnings.warn("a library's warning")
    await channel.close()
asyncio.run(main())
"""


def test_libraries_are_silent_from_before_they_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)
    logging.captureWarnings(capture=False)
    importlib.reload(function)
    assert os.environ["GRPC_VERBOSITY"] == "NONE"
    assert warnings.showwarning.__module__ == "logging"
    logging.captureWarnings(capture=False)


def test_grpc_itself_and_warnings_leave_standard_error_alone() -> None:
    program = SILENT.format(root=str(sys.path[0]))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_warnings_are_ours_to_tell(told: Told) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("canary", stacklevel=1)
        logging.captureWarnings(capture=False)
    ((sentence, severity),) = told
    assert (sentence.split(": ")[0], sentence.split(": ")[-1], severity) == ("py.warnings", "UserWarning", "WARNING")
