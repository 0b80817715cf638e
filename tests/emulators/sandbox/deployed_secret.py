"""The secret of the function that is deployed in a sandbox, so that ``make sign`` in its shell signs for it."""

import subprocess

from tests.emulators.errors import SandboxRefused
from tests.emulators.sandbox.sandbox import PROJECT

NAME = "dt-signature"
"""The name of the secret that ``up`` makes."""


def deployed_secret() -> str:
    """Return the newest version of the secret, by the gcloud of this environment. Raises ``SandboxRefused``."""
    which = [f"--secret={NAME}", f"--project={PROJECT}"]
    command = ["gcloud", "secrets", "versions", "access", "latest", *which]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SandboxRefused(f"gcloud: {error.strerror}", "make sandbox") from None
    if done.returncode:
        raise SandboxRefused("nothing is deployed in this sandbox yet", "python -m deploy up")
    return done.stdout.strip()
