"""The variants as data: their names, environments and settings."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.bench.brokers import PROJECT, ROOT, Broker
from tests.bench.requests import SECRET

Environment = Literal["project", "plain", "node"]
VARIANTS = Path(__file__).with_name("variants")


@dataclass(frozen=True)
class Environments:
    """The interpreters of this project and of a user's own function, and the folder of the Node.js variant."""

    project: Path = Path(sys.executable)
    plain: Path | None = None
    node: Path | None = None


@dataclass(frozen=True)
class Variant:
    """One function that is compared. ``publishes`` is false for the empty function, the upper limit."""

    name: str
    environment: Environment
    target: str
    source: Path
    publishes: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self, environments: Environments, port: int) -> list[str] | None:
        """Return the command that starts it on a port of this machine; ``None`` if its environment is missing."""
        if self.environment == "node":
            folder = environments.node
            if folder is None or not (folder / "node_modules").is_dir():
                return None
            framework = folder / "node_modules/.bin/functions-framework"
            return [str(framework), f"--target={self.target}", f"--source={folder}", f"--port={port}"]
        python = environments.project if self.environment == "project" else environments.plain
        if python is None or not python.exists():
            return None
        return [
            *(str(python), "-m", "functions_framework", f"--target={self.target}", f"--source={self.source}"),
            *("--host=127.0.0.1", f"--port={port}"),
        ]

    def environ(self, broker: Broker | None, topic: str, home: str) -> dict[str, str]:
        """Return its environment variables; the process gets no others."""
        given = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": home,
            "PYTHONPATH": str(ROOT),
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "PUBSUB_TOPIC": topic,
            "PUBSUB_REJECTED_TOPIC": f"{topic}-rejected",
            "DT_SIGNATURE_SECRET": SECRET,
            **self.settings,
        }
        return given | {"PUBSUB_EMULATOR_HOST": broker.host} if broker else given


OURS = Variant("ingest", "project", "ingest", ROOT / "main.py")
OURS_WSGI = Variant("ingest_wsgi", "project", "ingest_wsgi", ROOT / "main.py")
REFERENCE = Variant("reference", "plain", "reference", VARIANTS / "reference.py")
TUNED = Variant("reference, tuned", "plain", "tuned", VARIANTS / "tuned.py", settings={"THREADS": "80"})
NODE = Variant("Node.js", "node", "node", VARIANTS / "node")
EMPTY = Variant("empty", "plain", "empty", VARIANTS / "empty.py", publishes=False)
EMPTY_HERE = Variant("empty, our packages", "project", "empty", VARIANTS / "empty.py", publishes=False)

CONTESTANTS = (OURS, OURS_WSGI, REFERENCE, TUNED, NODE, EMPTY, EMPTY_HERE)
"""In the order in which they are measured and shown."""

PEERS = (REFERENCE, TUNED, NODE)
"""The variants that this project has to be faster than, at every point."""
