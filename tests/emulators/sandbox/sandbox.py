"""Starts both clouds with the names of the documentation, and makes the environment in which programs reach them."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.backend import Choice
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.dt.tenant import Tenant
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.errors import SandboxRefused
from tests.emulators.sandbox import control, exports, shell

PROJECT, REGION, DT_PROJECT = "my-project", "europe-west1", "c0md3pm0p7bet3vico8g"
"""The names of the documentation, so that its commands can be pasted as they are."""

NEW_ROLE_S = 1.0
"""Seconds after which a new role has an effect; Google takes up to minutes."""

EXPORTS_SH, EXPORTS_FISH = "exports.sh", "exports.fish"
GCLOUD = "https://cloud.google.com/sdk/docs/install"


@dataclass(frozen=True)
class Sandbox:
    """Both clouds, and a folder for all files of the sandbox.

    ``variables``: those by which programs reach the clouds; ``PATH`` has only the folder to put first. ``environ``: the
    whole environment for child processes.
    """

    clouds: Clouds
    folder: Path
    variables: Mapping[str, str]
    environ: Mapping[str, str]


@contextlib.contextmanager
def sandbox(choice: Choice, environ: Mapping[str, str], say: Callable[[str], object]) -> Iterator[Sandbox]:
    """Start both clouds, and end them with the context. Raises ``OfflineError``."""
    if not shutil.which("gcloud", path=environ.get("PATH", "")):
        raise SandboxRefused("gcloud is not installed, and this needs the real one; it needs no login", GCLOUD)
    estate = Estate(project=PROJECT, iam_lag_s=NEW_ROLE_S, agent_lag_s=None)
    tenant = Tenant(project=DT_PROJECT, is_basic_enabled=True)
    with (
        tempfile.TemporaryDirectory(prefix=control.PREFIX) as name,
        clouds(choice, estate=estate, tenant=tenant, environ=environ, say=say) as sky,
    ):
        folder = Path(name)
        variables = _variables(sky, folder)
        shell.furnish(folder / "home")
        for file, text in ((EXPORTS_SH, exports.for_bash(variables)), (EXPORTS_FISH, exports.for_fish(variables))):
            (folder / file).write_text(text, "utf-8")
        path = _first(variables.get("PATH", ""), sky.environ.get("PATH", ""))
        yield Sandbox(sky, folder, variables, {**sky.environ, **variables, "PATH": path})


def _variables(sky: Clouds, folder: Path) -> dict[str, str]:
    """Return the variables of the sandbox: those of its clouds, and the settings of the documented commands."""
    own = {
        control.VARIABLE: str(folder),
        "HOME": str(folder / "home"),
        "DEPLOY_PROJECT": PROJECT,
        "DEPLOY_REGION": REGION,
        "DEPLOY_DT_PROJECTS": DT_PROJECT,
        "PUBSUB_EMULATOR_HOST": sky.backend.host,
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "PROJECT": PROJECT,
        "REGION": REGION,
        "DT_PROJECT": DT_PROJECT,
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    return {**own, **sky.variables, **_activated()}


def _activated() -> dict[str, str]:
    """Return what activating this Python's virtual environment sets; nothing if it is in none."""
    if sys.prefix == sys.base_prefix:
        return {}
    return {"VIRTUAL_ENV": sys.prefix, "PATH": str(Path(sys.prefix) / "bin")}


def _first(folder: str, path: str) -> str:
    is_first = not folder or path.startswith(f"{folder}{os.pathsep}")
    return path if is_first else f"{folder}{os.pathsep}{path}"
