"""The enabled signature secrets, read from Secret Manager."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.errors import GcloudFailed
from deploy.google.gcloud_process import Finished
from deploy.google.secret_versions import SecretVersions
from deploy.steps import Argv
from tests.deploy.fakes.gcloud import gcloud_alone
from tests.deploy.stage import spec

OFF = "PERMISSION_DENIED: Secret Manager API has not been used in project 1 before or it is disabled. SERVICE_DISABLED"
DENIED = "PERMISSION_DENIED: Permission 'secretmanager.versions.access' denied: permission denied"
ABSENT = "NOT_FOUND: Secret [projects/1/secrets/dt-signature] not found or has no versions."


@dataclass
class SecretManager:
    """A gcloud that prints this answer, or fails with this sentence."""

    answer: object = None
    failure: str = ""

    def __call__(self, argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        """Run one command."""
        del stdin, folder, timeout_s
        if self.failure:
            return Finished(1, "", f"ERROR: (gcloud.{'.'.join(argv[:3])}) {self.failure}")
        return Finished(0, json.dumps(self.answer), "")


def versions(answer: object = None, failure: str = "") -> SecretVersions:
    return SecretVersions(spec(), gcloud_alone(SecretManager(answer, failure), sleep=lambda _: None))


def test_no_secret_is_enabled_if_the_api_is_not() -> None:
    assert versions(failure=OFF).enabled() is None
    assert versions(failure=OFF).version(1) is None


def test_a_missing_version_is_not_enabled() -> None:
    assert versions(failure=ABSENT).version(1) is None


def test_a_version_that_may_not_be_read_is_an_error_and_does_not_count_as_missing() -> None:
    with pytest.raises(GcloudFailed, match="permission denied"):
        versions(failure=DENIED).enabled()
    with pytest.raises(GcloudFailed, match="permission denied"):
        versions(failure=DENIED).version(1)


def test_a_secret_of_unexpected_form_is_an_error_that_names_the_version() -> None:
    with pytest.raises(GcloudFailed, match="gcloud did not show it in base64") as failed:
        versions({"payload": {"data": "a"}}).version(3)
    assert failed.value.where == "secret dt-signature, version 3"
