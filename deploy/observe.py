"""What is, read with describe and list commands, several at a time. Only NOT_FOUND means absent."""

import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from deploy.plan import Observed, resources
from deploy.resources.connector import Connector
from deploy.resources.resource import Facts
from deploy.resources.services import Services, services_on
from deploy.secret import Secret
from deploy.spec import Spec
from deploy.steps import Argv

AT_ONCE = min(8, 2 * (os.cpu_count() or 1))
"""Commands beside one another: each takes half a second, most of it a processor's."""

SERVICE_OF_GROUP = {
    "pubsub": "pubsub.googleapis.com",
    "iam": "iam.googleapis.com",
    "secrets": "secretmanager.googleapis.com",
    "functions": "cloudfunctions.googleapis.com",
    "run": "run.googleapis.com",
}


class Reads(Protocol):
    """Google Cloud, to be read."""

    def read(self, argv: Argv) -> Any:
        """Give a command's answer, or None for what is not there."""
        ...


class ConnectorList(Protocol):
    """Data Connectors, to be read."""

    def list(self, project: str, ours: tuple[Secret, ...]) -> tuple[Connector, ...]:
        """Give all connectors of a DT project."""
        ...


def observe_google(spec: Spec, google: Reads, only: Collection[str] = ()) -> Mapping[str, Facts]:
    """Read resources of Google's side, by their titles: all, or ``only`` some. Behind an API that is off is nothing.

    Raises:
        GcloudFailed: something could not be read.

    """
    services = Services(spec)
    facts: dict[str, dict[str, Any]] = {services.title: {k: google.read(argv) for k, argv in services.reads().items()}}
    on = services_on(facts[services.title])
    wanted = [
        (resource.title, key, argv)
        for resource in resources(spec)
        if resource.title not in facts and (not only or resource.title in only)
        for key, argv in resource.reads().items()
    ]

    def read(argv: Argv) -> Any:
        return google.read(argv) if SERVICE_OF_GROUP[argv[0]] in on else None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(read, [argv for _, _, argv in wanted])
        for (title, key, _), answer in zip(wanted, answers, strict=True):
            facts.setdefault(title, {})[key] = answer
    return facts


def observe(
    spec: Spec, google: Reads, connectors: ConnectorList, ours: tuple[Secret, ...], only: Collection[str] = ()
) -> Observed:
    """Read both ends; ``ours`` are the secrets in force, to tell whether connectors have one of them.

    Raises:
        DeployError: something could not be read.

    """
    facts = observe_google(spec, google, only)
    return Observed(facts, {project: connectors.list(project, ours) for project in spec.dt_projects})
