"""Reads both clouds with describe and list commands, several at a time. Only NOT_FOUND means absent."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deploy.dt.connectors import Connectors
from deploy.dt.devices import Devices
from deploy.errors import DtFailed, GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.google.secret_versions import Vault
from deploy.parallel import wait_for, worker_pool
from deploy.resources.catalog import removable, service_of_group, services, watched
from deploy.resources.connector import Connector, name_tells
from deploy.resources.function import Function
from deploy.resources.resource import Facts, Reads, Resource, answered, described
from deploy.resources.services import APIS, Services, services_on
from deploy.resources.signature_secret import READ, SignatureSecret, newest_enabled
from deploy.secret import Secret, SecretVersion
from deploy.spec import Spec
from deploy.stages.observed import Observed
from deploy.steps import Argv, ResourceId, Step, pending

CLOSED = {403, 404}
"""DT's statuses for a project that is deleted, or that the service account may not see."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Reads both clouds for one deployment. Every method raises ``DeployError`` if something cannot be read."""

    spec: Spec
    google: Gcloud
    connectors: Connectors
    devices: Devices
    vault: Vault

    def everything(self) -> Observed:
        """Read all that a plan compares. If an API is off, its resources are not there."""
        apis = self._apis()
        others = [resource for resource in watched(self.spec) if resource.id not in apis]
        return self._observed(apis, others, services_on(apis[APIS]))

    def again(self, before: Observed, steps: Sequence[Step], secrets: tuple[Secret, ...]) -> Observed:
        """Read again what the steps changed, with parents and children; keep the rest as it was before."""
        changed = {step.id.whole for step in pending(tuple(steps))}
        families = [
            family for family in _families(watched(self.spec)) if changed & {resource.id for resource in family}
        ]
        members = [resource for family in families for resource in family]
        return self._observed(before.facts, members, services(), secrets)

    def connectors_again(self, before: Observed, *, removing: bool = False) -> Observed:
        """Read the connectors again; keep the rest as it was before."""
        connectors, closed = self._connectors(before.facts, before.secrets, removing=removing)
        return replace(before, connectors=connectors, closed=closed)

    def for_removal(self) -> Observed:
        """Read what exists and who owns it. Connectors' secrets are compared only if their names do not tell enough."""
        apis = self._apis()
        on = services_on(apis[APIS])
        others = [resource for resource in removable(self.spec) if resource.id not in apis]
        with worker_pool() as pool:
            asking = [pool.submit(self._ask, resource.removal_reads(), on) for resource in others]
            found = {resource.id: wait_for(facts) for resource, facts in zip(others, asking, strict=True)}
        facts = {**apis, **found}
        connectors, closed = self._connectors(facts, (), removing=True)
        left = {project: [device.id for device in self.devices.of_proofs(project)] for project in connectors}
        observed = Observed(facts, connectors, devices=left, closed=closed)
        url = observed.url(self.spec)
        if all(name_tells(self.spec, listed, url) for listed in observed.connectors.values()):
            return observed
        secrets = _usable(self._enabled(facts[SignatureSecret(self.spec).id]))
        return self.connectors_again(replace(observed, secrets=secrets), removing=True)

    def for_proof(self) -> Observed:
        """Read the function's URL and the secret that it accepts, if both are this deployment's.

        Raises:
            DeployError: one of them is somebody else's; nothing is sent there.

        """
        secret = SignatureSecret(self.spec).id
        needed: tuple[Resource, ...] = (Function(self.spec), SignatureSecret(self.spec))
        with worker_pool() as pool:
            asking = [pool.submit(self._described, resource) for resource in needed]
            facts = {resource.id: wait_for(found) for resource, found in zip(needed, asking, strict=True)}
        for resource in needed:
            if error := resource.not_ours(facts[resource.id]):
                raise error
        version = self._enabled(facts[secret])
        facts[secret] = {**facts[secret], READ: version}
        return Observed(facts, self._connectors(facts, _usable(version))[0], _usable(version))

    def _enabled(self, facts: Facts) -> SecretVersion | None:
        """Return the newest version of the secret if it is there and ours: the secret of others is not read."""
        return self.vault.enabled() if self._is_our_secret(facts) else None

    def _is_our_secret(self, facts: Facts) -> bool:
        secret = SignatureSecret(self.spec)
        return secret.is_ours(secret.found(facts) or {})

    def _apis(self) -> dict[ResourceId, Facts]:
        return {APIS: self._ask(Services(self.spec, services()).reads(), ())}

    def _described(self, resource: Resource) -> Facts:
        """Describe a resource, and read nothing else of it; if its API is off, it is not there."""
        try:
            return described(resource, self.google.read)
        except GcloudFailed as error:
            if error.code == "SERVICE_DISABLED":
                return {}
            raise

    def _observed(
        self,
        known: Mapping[ResourceId, Facts],
        wanted: Sequence[Resource],
        on: Collection[str],
        secrets: tuple[Secret, ...] = (),
    ) -> Observed:
        """Read what is wanted, and the secrets unless they are given; add it to what is known."""
        facts = dict(known)
        with worker_pool() as pool:
            for reading in [pool.submit(self._family, family, on) for family in _families(wanted)]:
                found: dict[ResourceId, Facts] = wait_for(reading)
                facts |= found
            if not secrets:
                secret = SignatureSecret(self.spec).id
                version = wait_for(pool.submit(self._newest_in, facts[secret]))
                facts[secret], secrets = {**facts[secret], READ: version}, _usable(version)
        connectors, closed = self._connectors(facts, secrets)
        return Observed(facts, connectors, secrets, closed=closed)

    def _newest_in(self, facts: Facts) -> SecretVersion | None:
        """Read the newest version of those listed; return None unless it is enabled, and ours to read."""
        number = newest_enabled(facts) if self._is_our_secret(facts) else ""
        return self.vault.version(int(number)) if number else None

    def _family(self, family: Sequence[Resource], on: Collection[str]) -> dict[ResourceId, Facts]:
        """Read a resource, and its children if it is there."""
        parent, *children = family
        facts = {parent.id: self._ask(parent.reads(), on)}
        is_there = parent.found(facts[parent.id]) is not None
        return facts | {child.id: self._ask(child.reads(), on) if is_there else {} for child in children}

    def _ask(self, questions: Reads, on: Collection[str]) -> Facts:
        """Ask a resource's questions; if an API is off, what it would describe is not there."""
        service_of = service_of_group()

        def read(argv: Argv) -> Any:
            service = service_of.get(argv[0])
            is_on = service in on
            return self.google.read(argv, is_on=is_on) if service is None or is_on else None

        return answered(questions, read)

    def _connectors(
        self, facts: Mapping[ResourceId, Facts], ours: tuple[Secret, ...], *, removing: bool = False
    ) -> tuple[dict[str, tuple[Connector, ...]], dict[str, str]]:
        """List the connectors of the projects that are named or remembered; return DT's answers for closed ones, too.

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
    """Group each resource with its children, the parent first."""
    families: dict[ResourceId, list[Resource]] = {}
    for resource in wanted:
        families.setdefault(resource.parent or resource.id, []).append(resource)
    return list(families.values())


def _usable(version: SecretVersion | None) -> tuple[Secret, ...]:
    return version.secrets if version else ()
