"""Reads both clouds with describe and list commands, several at a time. Only NOT_FOUND means absent."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deploy.dt.connectors import Connectors
from deploy.dt.devices import Devices
from deploy.errors import DeployError, DtFailed, GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.google.secret_versions import SecretVersions
from deploy.parallel import wait_for, worker_pool
from deploy.program import UP
from deploy.resources.alerting import REFUSED
from deploy.resources.catalog import removable, service_of_group, services, services_of, watched
from deploy.resources.connector import Connector, names_suffice
from deploy.resources.function import Function
from deploy.resources.resource import Facts, Reads, Resource, answered, described
from deploy.resources.rotation import rotation_in
from deploy.resources.services import APIS, Services, services_on
from deploy.resources.signature_secret import READ, SignatureSecret, newest_enabled, newest_version, number_of
from deploy.secret import Secret, SecretVersion
from deploy.spec import Spec
from deploy.stages.observed import Observed
from deploy.steps import Get, Query, ResourceId, Step, pending

CLOSED = {403, 404}
"""DT's statuses for a project that is deleted, or that the service account must not see."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Reads both clouds for one deployment. Every method raises ``DeployError`` if something cannot be read."""

    spec: Spec
    google: Gcloud
    connectors: Connectors
    devices: Devices
    secret_versions: SecretVersions

    def everything(self) -> Observed:
        """Read everything that a plan compares. If an API is disabled, its resources count as absent."""
        return self.connectors_again(self.google_side())

    def google_side(self) -> Observed:
        """Read everything that a plan compares, except the connectors. Nothing is asked of DT."""
        apis = self._apis()
        others = [resource for resource in watched(self.spec) if resource.id not in apis]
        return self._observed(apis, others, services_on(apis[APIS]))

    def one(self, resource: Resource) -> Facts:
        """Read one resource with what belongs to it. If its API is disabled, it counts as absent."""
        try:
            return answered(resource.reads(), self.google.read)
        except GcloudFailed as error:
            if error.code == "SERVICE_DISABLED":
                return {}
            raise

    def again(self, before: Observed, steps: Sequence[Step], secrets: tuple[Secret, ...]) -> Observed:
        """Read the changed resources, their parents and their children again; keep the facts of all others."""
        changed = {step.id.whole for step in pending(tuple(steps))}
        families = [
            family for family in _families(watched(self.spec)) if changed & {resource.id for resource in family}
        ]
        members = [resource for family in families for resource in family]
        on = services(
            alerts=self.spec.alerts.are_planned,
            bigquery=self.spec.bigquery.is_planned,
            exclusion=self.spec.cost.request_logs is not None,
        )
        return self.connectors_again(self._observed(before.facts, members, on, secrets))

    def connectors_and_secret_again(self, before: Observed) -> Observed:
        """Read the connectors again, and the newest secrets, which a rotation may have replaced meanwhile."""
        newest = _usable(self._enabled(before.facts[SignatureSecret(self.spec).id]))
        known = [secret for secret in before.secrets if not any(secret.equals(found.reveal()) for found in newest)]
        return self.connectors_again(replace(before, secrets=(*newest, *known)))

    def connectors_again(self, before: Observed, *, removing: bool = False) -> Observed:
        """Read the connectors again; keep all other facts."""
        connectors, closed = self._connectors(before.facts, before.secrets, removing=removing)
        return replace(before, connectors=connectors, closed=closed)

    def for_removal(self) -> Observed:
        """Read what exists and who owns it. Secrets of connectors are compared only if their names are not enough."""
        apis = self._apis()
        on = services_on(apis[APIS])
        others = [resource for resource in removable(self.spec) if resource.id not in apis]
        with worker_pool() as pool:
            reading = [pool.submit(self._read_for_removal, resource, on) for resource in others]
            found = {resource.id: wait_for(facts) for resource, facts in zip(others, reading, strict=True)}
        facts = {**apis, **found}
        connectors, closed = self._connectors(facts, (), removing=True)
        left = {project: [device.id for device in self.devices.of_proofs(project)] for project in connectors}
        observed = Observed(facts, connectors, devices=left, closed=closed)
        url = observed.url(self.spec)
        if all(names_suffice(self.spec, listed, url) for listed in observed.connectors.values()):
            return observed
        secrets = _usable(self._enabled(facts[SignatureSecret(self.spec).id]))
        return self.connectors_again(replace(observed, secrets=secrets), removing=True)

    def for_proof(self) -> Observed:
        """Read the function's URL and the secret that it accepts, if both are this deployment's.

        Raises:
            DeployError: one of them is not this deployment's, so nothing is sent to it.

        """
        observed = self.function_and_secret()
        connectors, closed = self._connectors(observed.facts, observed.secrets)
        return replace(observed, connectors=connectors, closed=closed)

    def function_and_secret(self) -> Observed:
        """Read what a signed request needs: the function's URL, and the secret. Nothing is asked of DT.

        Raises:
            DeployError: one of them is not this deployment's, so nothing is sent to it.

        """
        secret = SignatureSecret(self.spec).id
        needed: tuple[Resource, ...] = (Function(self.spec), SignatureSecret(self.spec))
        with worker_pool() as pool:
            reading = [pool.submit(self._described, resource) for resource in needed]
            facts = {resource.id: wait_for(found) for resource, found in zip(needed, reading, strict=True)}
        for resource in needed:
            if error := resource.not_ours(facts[resource.id]):
                raise error
        version = self._enabled(facts[secret])
        facts[secret] = {**facts[secret], READ: version}
        return Observed(facts, secrets=_usable(version))

    def for_rollback(self) -> Observed:
        """Read what a proof needs, and the revisions of the function.

        Raises:
            DeployError: there is no function, or it is not this deployment's.

        """
        observed, function = self.for_proof(), Function(self.spec)
        found = observed.of(function)
        if function.found(found) is None:
            raise DeployError("is not there, so there is nothing to roll back", where=function.title, fix=[UP])
        facts = answered(function.rollback_reads(), self.google.read)
        if facts["service"] is None:
            raise DeployError("its Cloud Run service is gone", where=function.title, fix=[UP])
        return replace(observed, facts={**observed.facts, function.id: {**found, **facts}})

    def _enabled(self, facts: Facts) -> SecretVersion | None:
        """Return the newest version of the secret if it exists and is ours. Other secrets are not read."""
        return self.secret_versions.enabled(self._noted(facts)) if self._is_our_secret(facts) else None

    def _noted(self, facts: Facts) -> int:
        """Return the number of the newest version that a rotation has noted, which a list may not show yet; or 0."""
        rotation = rotation_in((SignatureSecret(self.spec).found(facts) or {}).get("annotations"))
        return max(rotation.new, rotation.last) if rotation else 0

    def _is_our_secret(self, facts: Facts) -> bool:
        secret = SignatureSecret(self.spec)
        return secret.is_ours(secret.found(facts) or {})

    def _apis(self) -> dict[ResourceId, Facts]:
        return {APIS: self._read(Services(self.spec, services_of(self.spec)).reads(), ())}

    def _described(self, resource: Resource) -> Facts:
        """Return a resource's description only. If its API is disabled, the resource counts as absent."""
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
        """Read the wanted resources, and the secrets unless they are given; add them to the known facts.

        The connectors are not read.
        """
        facts = dict(known)
        with worker_pool() as pool:
            for reading in [pool.submit(self._family, family, on) for family in _families(wanted)]:
                found: dict[ResourceId, Facts] = wait_for(reading)
                facts |= found
            if not secrets:
                secret = SignatureSecret(self.spec).id
                version = wait_for(pool.submit(self._newest_in, facts[secret]))
                facts[secret], secrets = {**facts[secret], READ: version}, _usable(version)
        return Observed(facts, secrets=secrets)

    def _newest_in(self, facts: Facts) -> SecretVersion | None:
        """Read the newest version of the secret; None if it is not enabled, or if the secret is not ours.

        It is the newest one that is listed, or one that a rotation has noted, if the list does not show that yet.
        """
        if not self._is_our_secret(facts):
            return None
        listed, noted = newest_version(facts), self._noted(facts)
        number = noted if listed is None or number_of(listed) < noted else int(newest_enabled(facts) or 0)
        return self.secret_versions.version(number) if number else None

    def _family(self, family: Sequence[Resource], on: Collection[str]) -> dict[ResourceId, Facts]:
        """Read a resource, and its children if it exists."""
        parent, *children = family
        facts = {parent.id: self._read(parent.reads(), on)}
        exists = parent.found(facts[parent.id]) is not None
        return facts | {child.id: self._read(child.reads(), on) if exists else {} for child in children}

    def _read(self, reads: Reads, on: Collection[str]) -> Facts:
        """Run the read commands of a resource. If an API is disabled, its resources count as absent."""
        service_of = service_of_group()

        def read(query: Query) -> Any:
            service = query.service if isinstance(query, Get) else service_of.get(query[0])
            is_on = service in on
            return self.google.read(query, is_on=is_on) if service is None or is_on else None

        return answered(reads, read)

    def _read_for_removal(self, resource: Resource, on: Collection[str]) -> Facts:
        """Read what a removal needs. A deployment need not have all resources, so a refusal to list some is a fact."""
        try:
            return self._read(resource.removal_reads(), on)
        except GcloudFailed as error:
            if error.code != "PERMISSION_DENIED" or not resource.is_optional or resource.is_planned:
                raise
            return {REFUSED: error.what}

    def _connectors(
        self, facts: Mapping[ResourceId, Facts], ours: tuple[Secret, ...], *, removing: bool = False
    ) -> tuple[dict[str, tuple[Connector, ...]], dict[str, str]]:
        """List the connectors of the named and the remembered projects; also return DT's answers for closed projects.

        A named project must exist, except for a removal.
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
