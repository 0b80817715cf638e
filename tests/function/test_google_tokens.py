"""google_tokens: tokens of the credentials that Google's library finds, and the texts of its failures."""

import functools
from datetime import UTC, datetime
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError

from function.errors import PublishMisconfigured, PublishTransient
from function.google_tokens import GoogleCredentials, google_credentials

SCOPES = ("https://scope/a", "https://scope/b")
ENOUGH_S = 30.0


class Account(AnonymousCredentials):
    """Credentials in the manner of Google's library: they have a token after a refresh."""

    def __init__(self, error: Exception | None = None, *, expires: bool = True) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.error = error
        self.expires = expires
        self.refreshed_with: list[Any] = []

    def refresh(self, request: Any) -> None:
        """Set a token, or fail."""
        self.refreshed_with.append(request)
        if self.error:
            raise self.error
        self.expiry = datetime(2026, 11, 2, 12, 0, 0, tzinfo=UTC).replace(tzinfo=None) if self.expires else None

    def apply(self, headers: dict[str, str], token: Any = None) -> None:  # noqa: ARG002  # as Google's
        """Add the headers of the token and of the billed project."""
        headers["authorization"] = "Bearer t"
        headers["X-Goog-User-Project"] = "billed"


def test_credentials_are_found_once_and_refreshed_for_each_token() -> None:
    account = Account()
    found: list[Credentials] = []

    def find() -> Credentials:
        found.append(account)
        return account

    fetch = GoogleCredentials(find)
    tokens = [fetch(1.5), fetch(2.5)]
    assert len(found) == 1
    assert tokens[0].metadata == (("authorization", "Bearer t"), ("x-goog-user-project", "billed"))
    assert tokens[0].expires_at == datetime(2026, 11, 2, 12, 0, 0, tzinfo=UTC).timestamp()
    assert [request.keywords for request in account.refreshed_with] == [{"timeout": 1.5}, {"timeout": 2.5}]
    assert all(isinstance(request, functools.partial) for request in account.refreshed_with)


def test_a_token_may_last_for_ever() -> None:
    assert GoogleCredentials(lambda: Account(expires=False))(ENOUGH_S).expires_at == float("inf")


def test_missing_credentials_are_a_misconfiguration() -> None:
    def find() -> Credentials:
        raise DefaultCredentialsError("none")  # type: ignore[no-untyped-call]

    with pytest.raises(PublishMisconfigured, match="no credentials: DefaultCredentialsError"):
        GoogleCredentials(find)(ENOUGH_S)


ERRORS = {
    "RefreshError: invalid_grant": RefreshError("invalid_grant", {"id_token": "canary"}),  # type: ignore[no-untyped-call]
    "TransportError: down": TransportError("down\ncanary"),  # type: ignore[no-untyped-call]
    "RefreshError: lost": RefreshError(TransportError("lost\ncanary")),  # type: ignore[no-untyped-call]
    f"RefreshError: {'x' * 186}": RefreshError("x" * 300),  # type: ignore[no-untyped-call]
    "RefreshError: ": RefreshError(),  # type: ignore[no-untyped-call]
}


@pytest.mark.parametrize("text", ERRORS)
def test_the_error_of_a_failed_refresh_has_its_first_line_and_the_next_call_tries_again(text: str) -> None:
    account = Account(ERRORS[text])
    fetch = GoogleCredentials(lambda: account)
    with pytest.raises(PublishTransient) as caught:
        fetch(ENOUGH_S)
    assert str(caught.value) == f"no access token: {text}"
    account.error = None
    assert fetch(ENOUGH_S).metadata


def test_googles_library_looks_for_credentials_with_the_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    scopes: list[object] = []

    def default(*, scopes: object, seen: list[object] = scopes) -> tuple[Credentials, None]:
        seen.append(scopes)
        return Account(), None

    monkeypatch.setattr("google.auth.default", default)
    assert google_credentials(SCOPES)(ENOUGH_S).metadata
    assert scopes == [SCOPES]
