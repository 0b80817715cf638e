"""Google's client for Node.js works with the embedded Pub/Sub."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.emulators.pubsub import EmbeddedPubSub

CLIENT = Path(__file__).with_name("pubsub_client.js")
LOCK = Path(__file__).parents[1] / "bench" / "variants" / "node"

pytestmark = [
    pytest.mark.node,
    pytest.mark.timeout(300),  # npm installs the client
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Node.js is not installed"),
]


def test_googles_client_for_node_works_with_the_embedded_pubsub(embedded: EmbeddedPubSub, tmp_path: Path) -> None:
    for file in (*LOCK.glob("package*.json"), CLIENT):
        shutil.copy(file, tmp_path)
    install = [shutil.which("npm") or "npm", "ci", "--ignore-scripts", "--silent", "--no-audit", "--no-fund"]
    subprocess.run(install, cwd=tmp_path, check=True)

    done = subprocess.run(
        [shutil.which("node") or "node", CLIENT.name],
        cwd=tmp_path,
        env={**os.environ, "PUBSUB_EMULATOR_HOST": embedded.host},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
