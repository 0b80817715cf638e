"""The embedded Pub/Sub as a process of its own, which can be killed and restarted on its port."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.blackbox.serving import ROOT
from tests.emulators.processes import free_port


class Broker:
    """A context manager; after a restart it has the same ``host`` and record."""

    def __init__(self, record: Path, topics: Sequence[str]) -> None:
        self.host = f"127.0.0.1:{free_port()}"
        self._command = [sys.executable, "-m", "tests.emulators.pubsub", "--port", self.host.partition(":")[2]]
        self._command += ["--record", str(record), *(f"--topic={topic}" for topic in topics)]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        assert json.loads(self._process.stdout.readline())["host"] == self.host

    def kill(self) -> None:
        """Kill it, as in a crash."""
        if self._process and self._process.stdout:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
