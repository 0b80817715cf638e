"""The enabled signature secrets, read from Secret Manager into memory and nowhere else.

Versions are read by number: the alias ``latest`` may lag behind a new version for minutes, in rare cases for hours
(https://cloud.google.com/secret-manager/docs/consistency).
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.errors import GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.resources.signature_secret import number_of
from deploy.secret import Secret, SecretVersion, version_of
from deploy.spec import Spec
from deploy.steps import Argv

_NOT_ENABLED = re.compile(r"(DISABLED|DESTROYED) state")


@dataclass(frozen=True, slots=True)
class SecretVersions:
    """The versions of one deployment's secret."""

    spec: Spec
    google: Gcloud

    def enabled(self, at_least: int = 0) -> SecretVersion | None:
        """Return the newest version, or None if there is none or if it is disabled or destroyed.

        ``at_least``: the number of a version that is known to exist, because a list may not show it yet.

        Raises:
            GcloudFailed: it could not be read.

        """
        number = self.newest(at_least)
        return self.version(number) if number else None

    def version(self, number: int) -> SecretVersion | None:
        """Return one version, or None if it does not exist, or if it is disabled or destroyed.

        Raises:
            GcloudFailed: it could not be read.

        """
        try:
            return self._read(number)
        except GcloudFailed as error:
            if error.code == "SERVICE_DISABLED" or _NOT_ENABLED.search(error.what):
                return None
            raise

    def _read(self, number: int) -> SecretVersion | None:
        """Read one version as JSON, where gcloud shows it in base64: as text, it changes bytes that are not UTF-8."""
        answer = self.google.read(self._argv("access", str(number), f"--secret={self.spec.secret}"))
        if answer is None:
            return None
        try:
            return version_of(number, _decoded(str((answer.get("payload") or {}).get("data") or "")))
        except ValueError:
            where = f"secret {self.spec.secret}, version {number}"
            raise GcloudFailed("OTHER", "gcloud did not show it in base64", where=where) from None

    def add(self, secrets: Sequence[Secret]) -> int:
        """Add a version with these secrets, the newest first; return its number.

        Raises:
            GcloudFailed: gcloud failed. The version may have been added all the same.

        """
        text = Secret("\n".join(secret.reveal() for secret in secrets) + "\n")
        return number_of(self.google.change(self._argv("add", self.spec.secret, "--data-file=-"), stdin=text))

    def destroy(self, number: int) -> None:
        """Destroy a version, which cannot be undone.

        Raises:
            GcloudFailed: gcloud failed.

        """
        self.google.change(self._argv("destroy", str(number), f"--secret={self.spec.secret}"))

    def highest(self, at_least: int) -> int:
        """Return the highest number of a version in any state. ``at_least``: a number that is known to exist, or 0.

        A list may not show a new version yet, so this asks for the next number until there is none.

        Raises:
            GcloudFailed: the versions could not be read.

        """
        number = at_least or max((number_of(version) for version in self._list()), default=0)
        while self._exists(number + 1):
            number += 1
        return number

    def live(self) -> list[int]:
        """Return the numbers of the enabled versions that a list shows, the oldest first.

        Raises:
            GcloudFailed: the versions could not be listed.

        """
        enabled = [version for version in self._list() if str(version.get("state", "")).upper() == "ENABLED"]
        return sorted(number_of(version) for version in enabled)

    def _exists(self, number: int) -> bool:
        try:
            return self._read(number) is not None
        except GcloudFailed as error:
            if _NOT_ENABLED.search(error.what):
                return True
            raise

    def newest(self, at_least: int = 0) -> int:
        """Return the number of the newest version, or 0 if there is none or if it is not enabled.

        Raises:
            GcloudFailed: the versions could not be listed.

        """
        for version in self._list("--sort-by=~createTime", "--limit=1"):
            number = number_of(version)
            if number >= at_least:
                return number if str(version.get("state", "")).upper() == "ENABLED" else 0
        return at_least

    def _list(self, *flags: str) -> list[Any]:
        try:
            return self.google.read(self._argv("list", self.spec.secret, *flags)) or []
        except GcloudFailed as error:
            if error.code == "SERVICE_DISABLED":
                return []
            raise

    def _argv(self, verb: str, *words: str) -> Argv:
        return ("secrets", "versions", verb, *words, self.spec.project_flag)


def _decoded(data: str) -> bytes:
    """Decode standard or URL-safe base64, with or without padding."""
    urlsafe = data.rstrip("=").translate(str.maketrans("+/", "-_"))
    return urlsafe_b64decode(urlsafe + "=" * (-len(urlsafe) % 4))
