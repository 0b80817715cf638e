"""One revision of a function: its source is unpacked, compiled, and started by functions-framework.

It runs with the packages of this Python: its requirements.txt has to exist, but is not installed. A revision without
requests rests, as Cloud Run scales it to zero: its process ends, and starts again when it gets requests.
"""

import contextlib
import io
import os
import py_compile
import socket
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.emulators import processes
from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.data_plane import DataPlane, Gate
from tests.emulators.clouds.google.estate import timestamp
from tests.emulators.clouds.google.problems import Problem, invalid

START_S = 60.0
MAX_UNPACKED_BYTES = 512 * 2**20
_INHERITED = ("PATH", "LANG", "TMPDIR")

ReadSecret = Callable[[str, str], bytes]
"""Secret id, version -> the value that the revision's service account reads. Raises ``Problem``."""


def build(source: bytes, folder: Path) -> None:
    """Unpack and compile a function's source. Raises the ``Problem`` of a failed build."""
    try:
        with zipfile.ZipFile(io.BytesIO(source)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise _build_failed("the source is too large")
            archive.extractall(folder)  # zipfile keeps members inside the folder
    except zipfile.BadZipFile as error:
        raise _build_failed(f"the source is no zip file: {error}") from error
    for name in ("main.py", "requirements.txt"):
        if not (folder / name).is_file():
            raise _build_failed(f"missing {name} in the function's source")
    for file in sorted(folder.rglob("*.py")):
        try:
            py_compile.compile(str(file), doraise=True)
        except py_compile.PyCompileError as error:
            raise _build_failed(error.msg.strip()) from error


def _build_failed(reason: str) -> Problem:
    return invalid(
        f"Build failed with status: FAILURE and message: {reason}. For more details see the logs at "
        "https://console.cloud.google.com/cloud-build/builds"
    )


class Revision:
    """A revision. The constructor builds it. The thread that calls ``start`` or ``wake`` has to live as long as it.

    ``config``: the settings of the function's service that it was deployed with. ``port``: 0 while it rests.
    """

    def __init__(self, name: str, source: bytes, plane: DataPlane, may_publish: Callable[[str], bool]) -> None:
        self.name = name
        self.port = 0
        self.last_words = ""
        self.config: Json = {}
        self.created_at = timestamp()
        self._folder = tempfile.TemporaryDirectory(prefix="offline-revision-")
        self._mounts: dict[Path, tuple[str, str]] = {}
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._running = contextlib.ExitStack()
        self._launch: Callable[[], None] = lambda: None
        self._stack.callback(self._folder.cleanup)
        with self._ended_on_failure():
            build(source, self.root / "source")
        self._gate = Gate(plane, may_publish)
        self._stack.callback(self._gate.close)

    @property
    def root(self) -> Path:
        """The folder with the source, the log and the mounted secrets."""
        return Path(self._folder.name)

    def start(self, service: str, config: Json, build_config: Json, read_secret: ReadSecret, proxy: Json) -> None:
        """Start the function, and wait until it listens. If it fails, end it and raise ``Problem``."""
        self.config = config
        self._launch = lambda: self._start(service, config, build_config, read_secret, proxy)
        with self._ended_on_failure():
            self._launch()

    def wake(self) -> None:
        """Start the function again if it rests, with the secrets of now. Raises ``Problem``."""
        if not self.port:
            self._launch()

    def rest(self) -> None:
        """End the process of the function. It can be started again."""
        self.port = 0
        self._running.close()

    def _start(self, service: str, config: Json, build_config: Json, read_secret: ReadSecret, proxy: Json) -> None:
        environ = self._environ(service, config, build_config, read_secret)
        port = processes.free_port()
        command = [
            *(sys.executable, "-m", "functions_framework", f"--target={build_config.get('entryPoint', '')}"),
            *(f"--source={self.root / 'source' / 'main.py'}", "--host=127.0.0.1", f"--port={port}"),
        ]
        log = self._running.enter_context((self.root / "log").open("ab"))
        whole = {**_inherited(), **proxy, "HOME": str(self.root), "PORT": str(port), **environ}
        process = processes.start(command, output=log, environ=whole)
        self._running.callback(processes.end, process)
        self._wait_until_it_listens(service, process, port)
        self.port = port

    def refresh_secrets(self, read_secret: ReadSecret) -> None:
        """Write the current values of the mounted secrets. The file of a secret that cannot be read is removed."""
        with self._lock:
            for file, (secret, version) in self._mounts.items():
                try:
                    value = read_secret(secret, version)
                except Problem:
                    file.unlink(missing_ok=True)
                    continue
                new = file.with_name(f".{file.name}.new")
                new.touch(mode=0o600)
                new.write_bytes(value)
                new.replace(file)

    def log(self) -> str:
        """Return the function's output so far."""
        file = self.root / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def end(self) -> None:
        """End the function, and remove its folder."""
        self.rest()
        self._stack.close()

    @contextlib.contextmanager
    def _ended_on_failure(self) -> Iterator[None]:
        try:
            yield
        except Problem:
            self.last_words = self.log()
            self.end()
            raise

    def _environ(self, service: str, config: Json, build_config: Json, read_secret: ReadSecret) -> dict[str, str]:
        environ = dict(config.get("environmentVariables", {}))
        for variable in config.get("secretEnvironmentVariables", []):
            value = read_secret(variable["secret"], variable.get("version", "latest"))
            environ[variable["key"]] = value.decode()
        for volume in config.get("secretVolumes", []):
            self._mount(volume, read_secret)
            environ = {name: self._moved(value, volume["mountPath"]) for name, value in environ.items()}
        return {
            **environ,
            "PUBSUB_EMULATOR_HOST": self._gate.host,
            "FUNCTION_TARGET": build_config.get("entryPoint", ""),
            "FUNCTION_SIGNATURE_TYPE": "http",
            "K_SERVICE": service,
            "K_REVISION": self.name,
            "K_CONFIGURATION": service,
        }

    def _mount(self, volume: Json, read_secret: ReadSecret) -> None:
        folder = Path(self._moved(volume["mountPath"], volume["mountPath"]))
        folder.mkdir(parents=True, exist_ok=True)
        versions = volume.get("versions") or [{"path": volume["secret"], "version": "latest"}]
        for version in versions:
            value = read_secret(volume["secret"], version["version"])
            file = folder / version["path"].lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_bytes(value)
            if version["version"] == "latest":
                self._mounts[file] = (volume["secret"], "latest")

    def _moved(self, value: str, mount_path: str) -> str:
        """Return a path under a mount as a path under the folder of this revision; any other value unchanged."""
        is_under = value == mount_path or value.startswith(mount_path.rstrip("/") + "/")
        return f"{self.root}/mounts{value}" if is_under else value

    def _wait_until_it_listens(self, service: str, process: processes.Process, port: int) -> None:
        give_up_at = time.monotonic() + START_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise invalid(
                    f"Could not create or update Cloud Run service {service}, Container Healthcheck failed. Revision "
                    f"'{self.name}' is not ready and cannot serve traffic. The user-provided container failed to start "
                    "and listen on the port defined provided by the PORT=8080 environment variable within the allocated"
                    " timeout. Logs for this revision might contain more information."
                )
            time.sleep(0.05)


def _inherited() -> Mapping[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
