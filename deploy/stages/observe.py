"""What is, read with describe and list commands, several at a time. Only NOT_FOUND means absent."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from deploy.dt.devices import Device
from deploy.errors import DtFailed, GcloudFailed
from deploy.parallel import wait_for, worker_pool
from deploy.resources.connector import Connector, name_tells
from deploy.resources.function import Function
from deploy.resources.resource import Facts, Reads, Resource, answered, first_answered, is_marked
from deploy.resources.services import Services, services_on
from deploy.resources.signature_secret import READ, SignatureSecret, newest_enabled
from deploy.secret import Secret, SecretVersion
from deploy.spec import SERVICES, Spec
from deploy.stages.plan import Observed, removable, watched
from deploy.steps import Argv, Step, pending

SERVICE_OF_GROUP = {
    "pubsub": "pubsub.googleapis.com",
    "iam": "iam.googleapis.com",
    "secrets": "secretmanager.googleapis.com",
    "functions": "cloudfunctions.googleapis.com",
    "run": "run.googleapis.com",
    "builds": "cloudbuild.googleapis.com",
}

CLOSED = {403, 404}
"""What DT answers for a project that is gone, or that the service account may not see."""


class ReadsGoogle(Protocol):
    """Google Cloud, to be read."""

    def read(self, argv: Argv, *, is_on: bool = False) -> Any:
        """Give a command's answer, or None for what is not there; an API that is on is waited for."""
        ...


class ReadsConnectors(Protocol):
    """Data Connectors, to be read."""

    def list(self, project: str, ours: tuple[Secret, ...]) -> tuple[Connector, ...]:
        """Give all connectors of a DT project; of each secret whether it is one of ``ours``."""
        ...


class ReadsDevices(Protocol):
    """Emulated devices, to be read."""

    def of_proofs(self, project: str) -> tuple[Device, ...]:
        """Give those of a DT project that proofs made."""
        ...


class ReadsSecrets(Protocol):
    """The signature secrets, to be read."""

    def in_force(self) -> SecretVersion | None:
        """Return the newest version, or None if none is in force."""
        ...

    def version(self, number: int) -> SecretVersion | None:
        """Return one version, or None if it is not in force."""
        ...


@dataclass(frozen=True, slots=True)
class Observer:
    """Whoever looks at both ends. Every method raises ``DeployError`` where something cannot be read."""

    spec: Spec
    google: ReadsGoogle
    connectors: ReadsConnectors
    devices: ReadsDevices
    vault: ReadsSecrets

    def everything(self) -> Observed:
        """Read all that a plan compares. Behind an API that is off is nothing."""
        services = self._services()
        others = [resource for resource in watched(self.spec) if resource.title not in services]
        return self._observed(services, others, services_on(services[Services(self.spec).title]))

    def again(self, before: Observed, steps: Sequence[Step], secrets: tuple[Secret, ...]) -> Observed:
        """Read what the steps changed, and what hangs on it or carries it; the rest is as it was before."""
        changed = {step.resource.partition(", ")[0] for step in pending(tuple(steps))}
        families = [each for each in _families(watched(self.spec)) if changed & {member.title for member in each}]
        members = [member for family in families for member in family]
        return self._observed(before.facts, members, SERVICES, secrets)

    def connectors_again(self, before: Observed, *, removing: bool = False) -> Observed:
        """Read the connectors anew; the rest is as it was before."""
        connectors, closed = self._connectors(before.facts, before.secrets, removing=removing)
        return replace(before, connectors=connectors, closed=closed)

    def for_removal(self) -> Observed:
        """Read what is there and whose it is; whose secret connectors have only where nothing else tells."""
        services = self._services()
        on = services_on(services[Services(self.spec).title])
        others = [resource for resource in removable(self.spec) if resource.title not in services]
        with worker_pool() as pool:
            asking = [pool.submit(self._ask, each.removal_reads(), on) for each in others]
            found = {each.title: wait_for(facts) for each, facts in zip(others, asking, strict=True)}
        facts = {**services, **found}
        connectors, closed = self._connectors(facts, (), removing=True)
        left = {project: [each.id for each in self.devices.of_proofs(project)] for project in connectors}
        observed = Observed(facts, connectors, devices=left, closed=closed)
        url = observed.url(self.spec)
        if all(name_tells(self.spec, listed, url) for listed in observed.connectors.values()):
            return observed
        secrets = _usable(self._in_force(facts[SignatureSecret(self.spec).title]))
        return self.connectors_again(replace(observed, secrets=secrets), removing=True)

    def for_proof(self) -> Observed:
        """Read where the function is, and what it believes, if both are this deployment's.

        Raises:
            DeployError: one of them is somebody else's, to whom nothing is sent.

        """
        secret = SignatureSecret(self.spec).title
        needed: tuple[Resource, ...] = (Function(self.spec), SignatureSecret(self.spec))
        with worker_pool() as pool:
            asking = [pool.submit(self._first_of, resource) for resource in needed]
            facts = {resource.title: wait_for(found) for resource, found in zip(needed, asking, strict=True)}
        for resource in needed:
            if error := resource.not_ours(facts[resource.title]):
                raise error
        version = self._in_force(facts[secret])
        facts[secret] = {**facts[secret], READ: version}
        return Observed(facts, self._connectors(facts, _usable(version))[0], _usable(version))

    def _in_force(self, secret: Facts) -> SecretVersion | None:
        """Return the newest version of a secret if it is there and ours: others' is not read."""
        return self.vault.in_force() if is_marked(self.spec, secret.get("secret") or {}) else None

    def _services(self) -> dict[str, Facts]:
        services = Services(self.spec)
        return {services.title: self._ask(services.reads(), ())}

    def _first_of(self, resource: Resource) -> Facts:
        """Describe a resource, and nothing else of it; behind an API that is off there is nothing."""
        try:
            return first_answered(resource.reads(), self.google.read)
        except GcloudFailed as error:
            if error.code == "SERVICE_DISABLED":
                return {}
            raise

    def _observed(
        self,
        known: Mapping[str, Facts],
        wanted: Sequence[Resource],
        on: Collection[str],
        secrets: tuple[Secret, ...] = (),
    ) -> Observed:
        """Read what is wanted, and the secrets unless they are given; add it to what is known."""
        facts = dict(known)
        with worker_pool() as pool:
            for family in [pool.submit(self._family, each, on) for each in _families(wanted)]:
                found: dict[str, Facts] = wait_for(family)
                facts |= found
            if not secrets:
                title = SignatureSecret(self.spec).title
                version = wait_for(pool.submit(self._newest_in, facts[title]))
                facts[title], secrets = {**facts[title], READ: version}, _usable(version)
        connectors, closed = self._connectors(facts, secrets)
        return Observed(facts, connectors, secrets, closed=closed)

    def _newest_in(self, facts: Facts) -> SecretVersion | None:
        """Read the newest version of those listed; the answer is None unless it is in force, and ours to read."""
        number = newest_enabled(facts) if is_marked(self.spec, facts.get("secret") or {}) else ""
        return self.vault.version(int(number)) if number else None

    def _family(self, family: Sequence[Resource], on: Collection[str]) -> dict[str, Facts]:
        """Read one resource, and if it is there what hangs on it."""
        first, *others = family
        facts = {first.title: self._ask(first.reads(), on)}
        is_there = next(iter(facts[first.title].values())) is not None
        return facts | {each.title: self._ask(each.reads(), on) if is_there else {} for each in others}

    def _ask(self, questions: Reads, on: Collection[str]) -> Facts:
        """Put a resource's questions; behind an API that is off there is nothing."""

        def read(argv: Argv) -> Any:
            service = SERVICE_OF_GROUP.get(argv[0])
            is_on = service in on
            return self.google.read(argv, is_on=is_on) if service is None or is_on else None

        return answered(questions, read)

    def _connectors(
        self, facts: Mapping[str, Facts], ours: tuple[Secret, ...], *, removing: bool = False
    ) -> tuple[dict[str, tuple[Connector, ...]], dict[str, str]]:
        """List the connectors of the projects that are named or remembered; return what DT said of closed ones, too.

        A project that is named has to be there, unless all is to be removed.
        """
        named = self.spec.dt_projects
        others = Observed(facts).memory(self.spec).dt_projects
        listed: dict[str, tuple[Connector, ...]] = {}
        closed: dict[str, str] = {}
        for project in dict.fromkeys((*named, *others)):
            try:
                listed[project] = self.connectors.list(project, ours)
            except DtFailed as error:
                if error.status not in CLOSED or (project in named and not removing):
                    raise
                closed[project] = error.what
        return listed, closed


def _families(wanted: Iterable[Resource]) -> list[list[Resource]]:
    """Put together what hangs on the same thing, that thing first."""
    families: dict[str, list[Resource]] = {}
    for resource in wanted:
        families.setdefault(resource.upon or resource.title, []).append(resource)
    return list(families.values())


def _usable(version: SecretVersion | None) -> tuple[Secret, ...]:
    return version.secrets if version else ()
