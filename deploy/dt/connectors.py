"""Data Connectors on DT's side. A connector is created only once, even if DT's answer is lost."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.dt.api import DtApi, parsing_response, text_or_none
from deploy.errors import DtFailed, DtUnanswered
from deploy.resources.connector import MAX_PER_PROJECT, Connector, SecretOwner, is_proven, owned_by
from deploy.secret import Secret
from deploy.spec import Spec, last_segment
from deploy.steps import ConnectorCall, update_mask

POLL_PAUSES_S = (1.0, 3.0, 6.0, 10.0, 10.0)
"""Pauses before each search for a connector whose POST was not answered, because DT's lists may lag behind."""

MAX_ATTEMPTS = 3
"""Maximum number of POSTs for one connector."""

_MASK = re.compile(r"\*{3}|•{3}|\.{3}|…")
"""Texts that an API may show in place of a secret."""


@dataclass
class Connectors:
    """The Data Connectors of the projects that the service account can see."""

    api: DtApi
    sleep: Callable[[float], None] = time.sleep

    def list(self, project: str, ours: tuple[Secret, ...] = ()) -> tuple[Connector, ...]:
        """Return all connectors of a project. Each says only whether its secret is one of ``ours``.

        Raises:
            DtFailed: the connectors could not be listed.

        """
        listed = self.api.pages(f"/projects/{project}/dataconnectors", "dataConnectors")
        with parsing_response(f"DT, Data Connectors of {project}"):
            return _connectors(listed, ours)

    def metrics(self, project: str, connector: str) -> Mapping[str, Any]:
        """Return DT's counts of a connector's deliveries in the last three hours.

        Raises:
            DtFailed: DT refused the call or did not answer.

        """
        metrics = self.api.call("GET", f"/projects/{project}/dataconnectors/{connector}:metrics").get("metrics")
        return metrics if isinstance(metrics, Mapping) else {}

    def carry_out(self, call: ConnectorCall, spec: Spec, *, url: str, secret: Secret) -> None:
        """Create, change or delete one connector.

        Raises:
            DtFailed: DT refused the call, or did not say whether it was carried out.

        """
        if call.verb == "DELETE":
            self._delete(call.project, call.connector)
            return
        pushed = {"url": url, "signatureSecret": secret.reveal()}
        body = {**call.fields, **({"httpConfig": pushed} if call.sends_url else {})}
        if call.verb == "PATCH":
            self._change(call.project, call.connector, body)
        else:
            self._create_once(call.project, body, lambda: owned_by(spec, self.list(call.project, (secret,)), url), spec)

    def _create_once(
        self, project: str, body: Mapping[str, Any], own: Callable[[], Sequence[Connector]], spec: Spec
    ) -> None:
        """Create the connector unless it exists; if two commands created one each, keep the older one.

        If the connector exists, only its URL and secret are changed. ``own`` lists this deployment's connectors.
        """
        for attempt in range(MAX_ATTEMPTS):
            if found := self._find(own, spec, is_retry=attempt > 0):
                self._change(project, found.id, {"httpConfig": body["httpConfig"]})
                break
            try:
                self.api.call("POST", f"/projects/{project}/dataconnectors", body=body)
                break
            except DtUnanswered:
                if attempt == MAX_ATTEMPTS - 1:
                    raise
                self.api.notice("DT did not say whether it created the connector: looking for it")
            except DtFailed as error:
                raise self._with_limit(project, error) from None
        for surplus in own()[1:]:
            self._delete(project, surplus.id)

    def _find(self, own: Callable[[], Sequence[Connector]], spec: Spec, *, is_retry: bool) -> Connector | None:
        """Return a connector that this deployment certainly made. A retry polls, because DT's lists may lag behind."""
        for pause_s in POLL_PAUSES_S if is_retry else (0.0,):
            self.sleep(pause_s)
            if (found := own()) and is_proven(spec, found[0]):
                return found[0]
        return None

    def _change(self, project: str, connector: str, body: Mapping[str, Any]) -> None:
        path, mask = f"/projects/{project}/dataconnectors/{connector}", update_mask(body)
        self.api.call("PATCH", path, body=body, params={"updateMask": mask} if mask else {}, just_made=True)

    def _delete(self, project: str, connector: str) -> None:
        """Delete a connector; one that is gone already counts as deleted."""
        try:
            self.api.call("DELETE", f"/projects/{project}/dataconnectors/{connector}", just_made=True)
        except DtFailed as error:
            if error.status != 404:
                raise

    def _with_limit(self, project: str, error: DtFailed) -> DtFailed:
        count = len(self.list(project))
        if count < MAX_PER_PROJECT:
            return error
        what = f"{error.what}; the project has {count} Data Connectors, and DT allows {MAX_PER_PROJECT}"
        return DtFailed(error.status, what, where=error.where, fix=["delete one in DT Studio, then run this again"])


def _connectors(listed: Sequence[Mapping[str, Any]], ours: tuple[Secret, ...]) -> tuple[Connector, ...]:
    """Return the connectors of a list.

    If DT shows no secret of the list, a connector without a secret may still have one: that is "unknown".
    """
    secrets = [text_or_none((item.get("httpConfig") or {}).get("signatureSecret")) for item in listed]
    are_shown = any(secret and not _MASK.search(secret) for secret in secrets)
    return tuple(
        _connector(item, _secret_owner(secret, ours, are_shown=are_shown))
        for item, secret in zip(listed, secrets, strict=True)
    )


def _secret_owner(secret: str, ours: tuple[Secret, ...], *, are_shown: bool) -> SecretOwner:
    if _MASK.search(secret) or not (secret or are_shown):
        return "unknown"
    if not secret:
        return "none"
    if not ours:
        return "unknown"
    return "ours" if any(our_secret.equals(secret) for our_secret in ours) else "another"


def _connector(listed: Mapping[str, Any], secret_owner: SecretOwner) -> Connector:
    pushed = listed.get("httpConfig") or {}
    return Connector(
        id=last_segment(listed["name"]),
        display_name=text_or_none(listed.get("displayName")),
        type=text_or_none(listed.get("type")),
        status=text_or_none(listed.get("status")),
        url=text_or_none(pushed.get("url")),
        event_types=tuple(listed.get("events") or ()),
        labels=tuple(listed.get("labels") or ()),
        signs_with=secret_owner,
    )
