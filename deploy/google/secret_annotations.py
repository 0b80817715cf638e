"""Changes annotations of the secret: other annotations stay, and a change of another command is never overwritten.

``gcloud secrets update --update-annotations`` of gcloud 528 drops what it is not given, so each change reads all of
them first. The etag that was read goes with the change: Secret Manager refuses it if the secret has changed since.
https://cloud.google.com/secret-manager/docs/etags
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deploy.errors import DeployError, GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.program import UP
from deploy.resources.function import env_words
from deploy.resources.signature_secret import ANNOTATIONS_FLAG, SignatureSecret
from deploy.spec import Spec
from deploy.steps import Argv

MAX_ATTEMPTS = 8
PAUSE_S = 1.0
"""Seconds between two attempts, if other commands change the secret at the same time."""

_OWN_FLAGS = {ANNOTATIONS_FLAG, "--project"}


@dataclass(frozen=True, slots=True)
class Read:
    """The annotations of the secret, and the etag of the moment at which they were read."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""


@dataclass(frozen=True, slots=True)
class SecretAnnotations:
    """The annotations of one deployment's secret."""

    spec: Spec
    google: Gcloud
    sleep: Callable[[float], None] = time.sleep

    def read(self) -> Read:
        """Return the annotations.

        Raises:
            DeployError: the secret does not exist, is not this deployment's, or could not be read.

        """
        secret = SignatureSecret(self.spec)
        facts = {secret.key: self.google.read(secret.describe)}
        if error := secret.not_ours(facts):
            raise error
        found = secret.found(facts)
        if found is None:
            raise DeployError("is not there", where=secret.title, fix=[UP])
        return Read(dict(found.get("annotations") or {}), str(found.get("etag") or ""))

    def replace(self, before: Read, changes: Mapping[str, str], *flags: str) -> bool:
        """Change annotations that are as they were read; return False if the secret has changed since, and nothing was.

        ``flags``: more flags of ``gcloud secrets update``.

        Raises:
            GcloudFailed: gcloud failed for another reason. The change may have been made all the same.

        """
        words = env_words({**before.annotations, **changes})
        etag = [f"--etag={before.etag}"] if before.etag else []
        argv = SignatureSecret(self.spec).command("update", *flags, f"{ANNOTATIONS_FLAG}={words}", *etag)
        try:
            self.google.change(argv)
        except GcloudFailed:
            after = self.read()
            if after.etag == before.etag:
                raise
            return is_there(after, changes) and not flags
        return True

    def change(self, changes: Mapping[str, str], *flags: str) -> None:
        """Change annotations, and keep the newest values of all others.

        Raises:
            GcloudFailed: gcloud failed, or the secret changed all the time.

        """
        for _ in range(MAX_ATTEMPTS):
            if self.replace(self.read(), changes, *flags):
                return
            self.sleep(PAUSE_S)
        what = f"other commands changed it {MAX_ATTEMPTS} times in a row"
        raise GcloudFailed("ABORTED", what, where=SignatureSecret(self.spec).title)


def other_flags(argv: Argv) -> Argv:
    """Return the flags of ``gcloud secrets update`` besides those for annotations and the project."""
    return tuple(word for word in argv if word.startswith("--") and word.partition("=")[0] not in _OWN_FLAGS)


def is_there(read: Read, changes: Mapping[str, str]) -> bool:
    """Return whether annotations have these values: the answer to a change may have been lost."""
    return all(read.annotations.get(name) == value for name, value in changes.items())
