"""Passes the new secret of a rotation to the connectors of every DT project, one after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deploy.dt.connectors import Connectors
from deploy.errors import DtFailed, NotProven
from deploy.resources.connector import Connector, may_reach, owned_by
from deploy.resources.rotation import ROTATE
from deploy.secret import Secret
from deploy.spec import Spec
from deploy.steps import ConnectorCall

LISTED_PAUSES_S = (2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses between two lists of connectors, because DT's lists may lag behind a change."""

Found = tuple[str, Connector]
"""A DT project, and a connector in it."""


@dataclass(frozen=True, slots=True)
class ConnectorSecrets:
    """The connectors of one deployment, and which secret each has.

    ``url``: the function's. ``projects``: the DT projects that DT shows, the named ones and the remembered ones.
    ``closed``: DT's answers for those that it does not show.
    """

    spec: Spec
    connectors: Connectors
    url: str
    projects: Sequence[str]
    sleep: Callable[[float], None]
    closed: Mapping[str, str] = field(default_factory=dict)

    def owned(self, secrets: tuple[Secret, ...]) -> Iterator[Found]:
        """Return this deployment's connectors. ``secrets``: all that prove that a connector is ours."""
        for project in self.projects:
            for connector in owned_by(self.spec, self.connectors.list(project, secrets), self.url):
                yield project, connector

    def shows(self, project: str, connector: Connector, secret: Secret, *, or_hides: bool = False) -> bool:
        """Return whether DT shows that a connector has a secret. ``or_hides``: also if DT shows no secrets."""
        right = {"ours", "unknown"} if or_hides else {"ours"}
        listed = self.connectors.list(project, (secret,))
        return any(found.id == connector.id and found.signs_with in right for found in listed)

    def give(self, project: str, connector: Connector, secret: Secret) -> None:
        """Set the secret of a connector. The request also has its URL, which does not change."""
        call = ConnectorCall("PATCH", project, connector.id, sends_url=True, sends_secret=True)
        self.connectors.carry_out(call, self.spec, url=connector.url, secret=secret)

    def without(self, secrets: tuple[Secret, ...]) -> str:
        """Return the names of the connectors that DT shows with another secret than the first one; "" if none."""
        behind = [found for found in self.owned(secrets) if not self.shows(*found, secrets[0], or_hides=True)]
        return ", ".join(f"{connector.id} of {project}" for project, connector in behind)

    def may_need_old(self, secrets: tuple[Secret, ...]) -> Iterator[str]:
        """Return in words which connectors sign with another secret than the first one, or may do so.

        They are those of any owner that DT shows with an older secret, and those of projects that DT does not show.
        """
        for project, answer in self.closed.items():
            yield f"DT does not show project {project} ({answer}), and a connector in it may have the old secret"
        for project in self.projects:
            for found in self.connectors.list(project, secrets[1:]):
                if found.signs_with == "ours" and may_reach(found, self.spec, self.url):
                    yield f"connector {found.id} ({found.display_name!r}) of {project} has the old secret"

    def failures(self, secrets: tuple[Secret, ...]) -> str:
        """Return in words how many deliveries DT counts as failed. They include refused events, which DT repeats."""
        try:
            found = [(project, connector.id) for project, connector in self.owned(secrets)]
            failed = sum(int(self.connectors.metrics(*names).get("errorCount") or 0) for names in found)
        except (DtFailed, TypeError, ValueError):
            return "DT did not say how many deliveries failed"
        return f"DT counts {failed} failed deliveries of the last 3 h{', and repeats each for 12 h' if failed else ''}"

    def until_they_show(self, secrets: tuple[Secret, ...]) -> list[Found]:
        """List the connectors until DT shows each with the first secret, or hides secrets; return them.

        Raises:
            NotProven: DT still shows another secret after a minute.

        """
        for pause_s in (0.0, *LISTED_PAUSES_S):
            self.sleep(pause_s)
            if not (names := self.without(secrets)):
                return list(self.owned((secrets[0],)))
        raise NotProven("DT still shows another secret than the new one", where=f"connector {names}", fix=[ROTATE])
