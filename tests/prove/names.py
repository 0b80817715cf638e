"""A name server that can fail, and a network namespace of this process's own in which it is the only name server.

``python -m tests.prove.names ENTRY_POINT SECONDS FAULT`` measures an outage of names on the function's way to Google,
and prints the result as one line of JSON. ``in_own_network`` runs it in a network namespace of its own, which needs a
Linux that allows this user to make namespaces.
"""

import contextlib
import json
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self, get_args

from function.credentials import METADATA_HOSTS
from tests.blackbox.serving import ROOT, Function
from tests.blackbox.stage import SECRET
from tests.emulators.clouds.authority import Authority
from tests.emulators.pubsub import EmbeddedPubSub
from tests.prove.metadata_server import MetadataServer
from tests.prove.production_path import key_file
from tests.prove.tls_pubsub import TlsPubSub
from tests.prove.traffic import send_new, traffic

Fault = Literal["none", "fails", "silent"]
"""``fails``: SERVFAIL; ``silent``: no answer at all."""

FAULTS: tuple[Fault, ...] = get_args(Fault)

TOPIC, REJECTED_TOPIC = "projects/p/topics/events", "projects/p/topics/rejected"
RATE = 5
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  # in a network namespace of its own
_SERVFAIL, _FOUND = b"\x81\x82", b"\x81\x80"
_IPV4 = 1


class NameServer:
    """A context manager on port 53 of the loopback address that answers 127.0.0.1 for every name."""

    def __init__(self) -> None:
        self.fault: Fault = "none"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, name="names")

    def __enter__(self) -> Self:
        self._socket.bind(("127.0.0.1", 53))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # this ends a blocked read although the socket is not connected
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            asked, sender = self._socket.recvfrom(4096)
            if not asked:
                return
            if self.fault != "silent":
                self._socket.sendto(answer(asked, fails=self.fault == "fails"), sender)


def answer(query: bytes, *, fails: bool) -> bytes:
    """Answer a query for one name (RFC 1035 §4.1): with 127.0.0.1 for a minute, with no address, or with SERVFAIL."""
    end = query.index(0, 12) + 5
    question = query[12:end]
    (kind,) = struct.unpack(">H", query[end - 4 : end - 2])
    if fails:
        return query[:2] + _SERVFAIL + struct.pack(">4H", 1, 0, 0, 0) + question
    record = b"\xc0\x0c" + struct.pack(">HHIH", _IPV4, 1, 60, 4) + socket.inet_aton("127.0.0.1")
    records = [record] if kind == _IPV4 else []
    return query[:2] + _FOUND + struct.pack(">4H", 1, len(records), 0, 0) + question + b"".join(records)


@dataclass(frozen=True)
class Outage:
    """The answers to the events of an outage, and how long the first delivery after it took."""

    statuses: dict[str, int]
    slowest_s: float
    back_s: float
    output: str


def measure(entry_point: str, seconds: float, fault: Fault) -> Outage:
    """Let the lookup of names fail from the first event on, for this many seconds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        embedded = stack.enter_context(EmbeddedPubSub())
        for topic in (TOPIC, REJECTED_TOPIC):
            embedded.create_topic(topic)
        authority = Authority(folder)
        metadata = stack.enter_context(MetadataServer(EVERY_ADDRESS, 80))
        stack.enter_context(TlsPubSub(embedded.host, key_file(authority, folder), metadata.grants, 443))
        names = stack.enter_context(NameServer())
        environ = {"PUBSUB_TOPIC": TOPIC, "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC, "DT_SIGNATURE_SECRET": SECRET}
        environ |= {"K_SERVICE": "f", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority.file), "THREADS": "64"}
        function = stack.enter_context(Function(entry_point, environ, folder))
        names.fault = fault
        with traffic(function.port, RATE) as sent:
            time.sleep(seconds)
            names.fault = "none"
            back_at = time.monotonic()
            while send_new(function.port).status != 200 and time.monotonic() - back_at < 60:
                time.sleep(0.05)
            back_s = time.monotonic() - back_at
        return Outage(sent.statuses(), max(event.seconds for event in sent.sent), back_s, function.output())


def why_not() -> str:
    """Return why no network namespace can be made here; an empty text if it can."""
    if missing := [command for command in ("unshare", "mount", "ip") if not shutil.which(command)]:
        return f"commands are missing (of util-linux and iproute2): {', '.join(missing)}"
    tried = subprocess.run([_path("unshare"), *_NAMESPACES, "true"], capture_output=True, text=True, check=False)
    return f"no network namespace can be made here: {tried.stderr.strip()}" if tried.returncode else ""


def _path(command: str) -> str:
    return shutil.which(command) or command


_NAMESPACES = ("--map-root-user", "--net", "--mount")


def in_own_network(entry_point: str, seconds: float, fault: Fault) -> Outage:
    """Run ``measure`` in namespaces of its own."""
    command = [
        _path("unshare"),
        *_NAMESPACES,
        sys.executable,
        "-m",
        "tests.prove.names",
        entry_point,
        str(seconds),
        fault,
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds + 120)
    assert ran.returncode == 0, ran.stderr
    return Outage(**json.loads(ran.stdout.splitlines()[-1]))


@contextlib.contextmanager
def _own_names() -> Iterator[None]:
    """Use only this machine's name server: in this mount namespace, which ends with the process."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in {
            "/etc/hosts": "127.0.0.1 localhost\n",
            "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        }.items():
            ours = Path(folder, Path(path).name)
            ours.write_text(text, "ascii")
            subprocess.run([_path("mount"), "--bind", str(ours), path], check=True)
        subprocess.run([_path("ip"), "link", "set", "lo", "up"], check=True)
        subprocess.run([_path("ip"), "address", "add", f"{METADATA_HOSTS[0]}/32", "dev", "lo"], check=True)
        yield


def main() -> None:
    """Measure what the command line names, in the namespaces of this process."""
    entry_point, seconds, wanted = sys.argv[1:]
    (fault,) = (fault for fault in FAULTS if fault == wanted)
    with _own_names():
        print(json.dumps(asdict(measure(entry_point, float(seconds), fault))))


if __name__ == "__main__":
    main()
