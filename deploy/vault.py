"""The signature secrets in force, read from Secret Manager into memory and nowhere else."""

import re
from dataclasses import dataclass
from typing import Protocol

from deploy.errors import GcloudFailed
from deploy.secret import Secret, secrets_in
from deploy.spec import Spec
from deploy.steps import Argv

_NOT_IN_FORCE = re.compile(r"(DISABLED|DESTROYED) state")


class ReadsText(Protocol):
    """Google Cloud, to be read as text."""

    def read_text(self, argv: Argv) -> str:
        """Give a command's standard output."""
        ...


@dataclass(frozen=True, slots=True)
class Vault:
    """Where the secrets of one deployment are kept."""

    spec: Spec
    google: ReadsText

    def in_force(self) -> tuple[Secret, ...]:
        """Give them, the newest first; none while there is no version in force.

        Raises:
            GcloudFailed: they could not be read.

        """
        secret, project = f"--secret={self.spec.secret}", f"--project={self.spec.google_project}"
        try:
            return secrets_in(self.google.read_text(("secrets", "versions", "access", "latest", secret, project)))
        except GcloudFailed as error:
            if error.code in {"NOT_FOUND", "SERVICE_DISABLED"} or _NOT_IN_FORCE.search(error.what):
                return ()
            raise
