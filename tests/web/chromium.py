"""Find Chromium, or install Debian's where that is possible: ``python -m tests.web.chromium``."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
"""The program's names: Debian's, Ubuntu's, Google's."""

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Chromium makes no request of its own."""


def found() -> str | None:
    """Return the path of Chromium, or None. The variable CHROMIUM can name it."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def install() -> None:
    """Install Debian's Chromium. Raises ``CalledProcessError``."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = [shutil.which("apt-get") or "", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    print("installing chromium with apt-get (once, up to a minute) ...", flush=True)
    quiet = subprocess.DEVNULL
    if subprocess.run(command, check=False, env=environ, stdout=quiet, stderr=quiet).returncode:
        subprocess.run([command[0], "update", "-qq"], check=True, env=environ)
        subprocess.run(command, check=True, env=environ, stdout=quiet)


def main() -> int:
    """Make sure that there is a Chromium; return the exit status."""
    can_install = shutil.which("apt-get") and os.geteuid() == 0
    if not found() and can_install:
        try:
            install()
        except subprocess.CalledProcessError as error:
            print(f"apt-get could not install chromium: exit status {error.returncode}", file=sys.stderr)
    if found():
        return 0
    print(
        "NOT TESTED: the tests of the live page need Chromium. Install it (Debian: sudo apt-get install chromium), "
        "or set CHROMIUM to its path, and run make test-web again.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
