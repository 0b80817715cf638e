"""foreign_lines: log records of libraries become log lines, without their arguments."""

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

Lines = list[tuple[str, str]]


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.time_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(clock: Clock) -> Iterator[Lines]:
    lines: Lines = []
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in LIBRARIES}
    redirect_loggers(lambda sentence, severity: lines.append((sentence, severity)), monotonic=clock)
    yield lines
    for name, (handlers, propagates) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagates


def test_a_librarys_message_is_logged_without_its_arguments(lines: Lines, capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("google.auth.compute_engine._metadata").warning("unavailable. Reason: %s", "canary")
    logging.getLogger("grpc._cython.cygrpc").error("callback raised\ncanary")
    assert lines == [
        ("google.auth.compute_engine._metadata: unavailable. Reason: %s", "WARNING"),
        ("grpc._cython.cygrpc: callback raised", "ERROR"),
    ]
    assert capfd.readouterr() == ("", "")


def test_the_type_of_an_error_is_logged_without_its_text(lines: Lines) -> None:
    try:
        int("canary")
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved\ncanary")
    assert lines == [("asyncio: Task exception was never retrieved (ValueError)", "ERROR")]


def test_each_logger_has_at_most_one_line_a_second(lines: Lines, clock: Clock) -> None:
    for _ in range(3):
        logging.getLogger("asyncio").error("a")
    logging.getLogger("urllib3.connectionpool").warning("b")
    clock.time_s += SAMPLE_S
    logging.getLogger("asyncio").error("c")
    assert [sentence for sentence, _ in lines] == ["asyncio: a", "urllib3.connectionpool: b", "asyncio: c"]
    assert SAMPLE_S == 1.0


class Page(logging.Handler):
    """Another handler, such as that of functions-framework, which keeps the messages that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of one record."""
        self.sentences.append(record.getMessage())


@pytest.fixture
def page() -> Iterator[Page]:
    handler = Page()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_only_the_libraries_loggers_are_redirected_and_no_other_handler_gets_their_records(
    page: Page, lines: Lines
) -> None:
    logging.getLogger("asyncio").error("a library's")
    assert (lines, page.sentences) == ([("asyncio: a library's", "ERROR")], [])
    logging.getLogger("uvicorn.error").error("the server's")
    assert (len(lines), page.sentences) == (1, ["the server's"])


@pytest.mark.parametrize("name", ["asyncio", "concurrent.futures", "google", "grpc", "requests", "urllib3"])
def test_the_loggers_of_all_used_libraries_are_redirected(name: str, lines: Lines) -> None:
    logging.getLogger(f"{name}.some_module").error("a")
    assert lines == [(f"{name}.some_module: a", "ERROR")]


def test_a_record_without_an_error_has_no_type(lines: Lines) -> None:
    logging.getLogger("asyncio").error("a", exc_info=(None, None, None))
    assert lines == [("asyncio: a", "ERROR")]


def test_records_below_warning_are_not_logged(lines: Lines) -> None:
    logger = logging.getLogger("google")
    logger.setLevel(logging.DEBUG)
    logger.info("small talk")
    logger.setLevel(logging.NOTSET)
    assert lines == []


def test_a_long_message_is_cut(lines: Lines) -> None:
    logging.getLogger("grpc").error("x" * 5000)
    assert len(lines[0][0]) < 250


def test_after_a_second_redirection_only_the_last_one_gets_the_records(lines: Lines, clock: Clock) -> None:
    later: Lines = []
    redirect_loggers(lambda sentence, severity: later.append((sentence, severity)), monotonic=clock)
    logging.getLogger("asyncio").error("a")
    assert (lines, later) == ([], [("asyncio: a", "ERROR")])


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


def test_libraries_write_nothing_to_standard_error_while_they_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_pythons_warnings_become_log_lines(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("canary", stacklevel=1)
        logging.captureWarnings(capture=False)
    ((sentence, severity),) = lines
    assert (sentence.split(": ")[0], sentence.split(": ")[-1], severity) == ("py.warnings", "UserWarning", "WARNING")
