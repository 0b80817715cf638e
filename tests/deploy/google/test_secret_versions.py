"""The enabled signature secrets, read from Secret Manager."""

from typing import Any

import pytest

from deploy.errors import GcloudFailed
from deploy.google.secret_versions import Vault
from deploy.steps import Argv
from tests.deploy.stage import spec


class SecretManager:
    """Returns these answers one after the other; raises an answer that is an error."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[Argv] = []

    def read(self, argv: Argv, *, is_on: bool = False) -> Any:
        """Return the next answer."""
        del is_on
        self.asked.append(argv)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


OFF = GcloudFailed("SERVICE_DISABLED", "Secret Manager API has not been used", where="gcloud")
DENIED = GcloudFailed("PERMISSION_DENIED", "permission denied", where="gcloud")


def test_no_secret_is_enabled_if_the_api_is_not() -> None:
    assert Vault(spec(), SecretManager(OFF)).in_force() is None
    assert Vault(spec(), SecretManager(OFF)).version(1) is None


def test_a_missing_version_is_not_enabled() -> None:
    assert Vault(spec(), SecretManager(None)).version(1) is None


def test_a_version_that_may_not_be_read_is_an_error_and_does_not_count_as_missing() -> None:
    with pytest.raises(GcloudFailed, match="permission denied"):
        Vault(spec(), SecretManager(DENIED)).in_force()
    with pytest.raises(GcloudFailed, match="permission denied"):
        Vault(spec(), SecretManager(DENIED)).version(1)


def test_a_secret_of_unexpected_form_is_an_error_that_names_the_version() -> None:
    with pytest.raises(GcloudFailed, match="gcloud did not show it in base64") as failed:
        Vault(spec(), SecretManager({"payload": {"data": "a"}})).version(3)
    assert failed.value.where == "secret dt-signature, version 3"
