"""What was typed before a question is no answer to it."""

import os
import pty
import threading
import time
from io import StringIO

from deploy.cli.terminal import Terminal


def test_an_answer_that_was_typed_before_the_question_does_not_confirm_it() -> None:
    keyboard, terminal = pty.openpty()
    with os.fdopen(keyboard, "wb", buffering=0) as typing, os.fdopen(terminal, "r") as source:
        typing.write(b"y\n")
        time.sleep(0.1)  # the line has arrived
        typed_later = threading.Timer(0.5, typing.write, [b"n\n"])
        typed_later.start()
        assert Terminal(StringIO(), StringIO(), source).confirm("delete everything?") is False
        typed_later.join()


def test_an_answer_that_is_typed_after_the_question_counts() -> None:
    keyboard, terminal = pty.openpty()
    with os.fdopen(keyboard, "wb", buffering=0) as typing, os.fdopen(terminal, "r") as source:
        typed_later = threading.Timer(0.5, typing.write, [b"y\n"])
        typed_later.start()
        assert Terminal(StringIO(), StringIO(), source).confirm("delete everything?") is True
        typed_later.join()
