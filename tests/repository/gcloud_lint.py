"""gcloud's own check of commands: whether it knows each command and flag. It sends nothing, and needs no login."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

GCLOUD = shutil.which("gcloud") or ""
"""The real gcloud; empty if there is none."""


def refused(commands: Sequence[str], folder: Path) -> list[str]:
    """Return gcloud's error for each command that it does not know. ``folder``: an empty one, for its settings."""
    (folder / "commands").write_text(json.dumps([{"command_string": command} for command in commands]))
    checked = subprocess.run(
        [GCLOUD, "meta", "lint-gcloud-commands", f"--commands-file={folder}/commands"],
        env={"PATH": "/usr/bin:/bin", "CLOUDSDK_CONFIG": str(folder), "HOME": str(folder)},
        capture_output=True,
        check=False,
    )
    results = json.loads(checked.stdout)
    assert len(results) == len(commands)
    return [result["error_message"] for result in results if not result["success"]]
