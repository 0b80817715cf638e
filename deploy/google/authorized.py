"""Calls to Google's REST APIs with the access token of gcloud's login. Safe to use from several threads."""

from dataclasses import replace
from urllib.parse import urlsplit

from deploy.google.access_token import AccessTokens
from deploy.google.calls import Answer, Call, Send
from deploy.secret import Secret


class AuthorizedSend:
    """Sends a call as the user of gcloud's login, and renews a token that Google refuses once.

    The header ``X-Goog-User-Project`` charges the quota of the user's project, not that of gcloud's own. If the user
    may not charge that project, this and all later calls are sent without it: the user may still have the permission.
    """

    def __init__(self, tokens: AccessTokens, send: Send) -> None:
        self._tokens = tokens
        self._send = send
        self._is_charged = True

    def __call__(self, call: Call) -> Answer:
        """Return the answer to a call.

        Raises:
            GcloudFailed: gcloud has no login, or cannot renew its token.

        """
        answer, token = self._sent(call)
        if answer.status == 401:
            self._tokens.refused(token)
            answer, _ = self._sent(call)
        if answer.status == 403 and self._is_charged and "USER_PROJECT_DENIED" in str(answer.body):
            self._is_charged = False
            answer, _ = self._sent(call)
        return answer

    def _sent(self, call: Call) -> tuple[Answer, Secret]:
        token = self._tokens.get()
        project = project_of(call.url) if self._is_charged else ""
        charged = {"X-Goog-User-Project": project} if project else {}
        return self._send(replace(call, headers={"Authorization": f"Bearer {token.reveal()}", **charged})), token


def project_of(url: str) -> str:
    """Return the project in the URL of a resource, which Cloud Run calls a namespace; empty if it names none."""
    path = urlsplit(url).path
    named = (path.partition("/projects/")[2] or path.partition("/namespaces/")[2]).partition("/")[0]
    return "" if named == "-" else named
