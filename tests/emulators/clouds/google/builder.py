"""Deploys a function: checks its settings, builds and starts a revision, and lets the service use it."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.accounts import ServiceAccounts
from tests.emulators.clouds.google.build import CloudBuild
from tests.emulators.clouds.google.data_plane import DataPlane
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.problems import Problem, invalid, not_found
from tests.emulators.clouds.google.pubsub import PubSub
from tests.emulators.clouds.google.revision import Revision
from tests.emulators.clouds.google.run import Failed, Run
from tests.emulators.clouds.google.secrets import Secrets
from tests.emulators.clouds.google.service import Service, all_to_latest, check_billing
from tests.emulators.clouds.google.uploads import Uploads

RUNTIMES = ("python310", "python311", "python312", "python313", "python314")
NEEDED_APIS = ("run.googleapis.com", "cloudbuild.googleapis.com", "artifactregistry.googleapis.com")
BUILDER_ROLES = ("roles/cloudbuild.builds.builder", "roles/editor", "roles/owner")
LONGEST_TIMEOUT_S = 3600
ALL_ON_LATEST = "allTrafficOnLatestRevision"
"""The field of a function's service with which a deployment sends all requests to the new revision; without it, the
traffic stays as it is. https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#ServiceConfig"""
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


class Builder:
    """Deploys functions. ``proxy``: the environment variables by which a function reaches the clouds."""

    def __init__(  # noqa: PLR0917  # a deployment uses all of these
        self,
        estate: Estate,
        accounts: ServiceAccounts,
        secrets: Secrets,
        pubsub: PubSub,
        run: Run,
        plane: DataPlane,
        build: CloudBuild,
        proxy: Mapping[str, str],
    ) -> None:
        self.uploads = Uploads()
        self._estate = estate
        self._accounts = accounts
        self._secrets = secrets
        self._pubsub = pubsub
        self._run = run
        self._plane = plane
        self._build = build
        self._proxy = dict(proxy)
        self._lock = threading.Lock()
        secrets.on_change = self._refresh_secrets

    def check(self, function: Json) -> None:
        """Refuse a function that cannot be built."""
        for service in NEEDED_APIS:
            self._estate.check_enabled(service)
        build_config, config = function.get("buildConfig", {}), function.get("serviceConfig", {})
        if build_config.get("runtime") not in RUNTIMES:
            raise invalid(f"Runtime {build_config.get('runtime')} is not supported in this region.")
        if not 1 <= int(config.get("timeoutSeconds", 60)) <= LONGEST_TIMEOUT_S:
            raise invalid("serviceConfig.timeoutSeconds has to be between 1 and 3600.")
        for key, value in function.get("labels", {}).items():
            if not _LABEL.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
                raise invalid(f"Invalid label {key}={value}.")
        account = self._account(config)
        if not self._accounts.is_seen(account):
            raise not_found(f"Service account projects/-/serviceAccounts/{account} was not found.")
        self._estate.check_permission("iam.serviceAccounts.actAs", f"projects/-/serviceAccounts/{account}")
        self.uploads.source(build_config)

    def deploy(self, function: Json, on_stage: Callable[[str, str], None]) -> Json:
        """Build and start a function, and return it as deployed. Raises ``Problem``.

        ``on_stage`` is called with the states of build and service. The previous revision serves until the new one has
        started.
        """
        _, project, _, region, _, name = function["name"].split("/")
        config, build_config = function["serviceConfig"], function["buildConfig"]
        account = self._account(config)
        source = self.uploads.source(build_config)
        self._check_builder(build_config)
        if there := self._run.find(region, name):
            check_billing(there, config)
        number, began_at = self._estate.next_number(), time.time()
        revision = Revision(f"{name}-{number:05}-off", source, self._plane, self._may_publish(account))
        build = self._build.finished(region, began_at)
        on_stage("COMPLETE", "IN_PROGRESS")
        with self._remembering(revision, name, region, config):
            revision.start(name, config, build_config, self._secret_reader(account), self._proxy)
        service = self._run.find(region, name) or Service(
            name, region, f"{region}-{project}.cloudfunctions.net", {}, {}
        )
        service.revisions.append(revision)
        service.config, service.labels = config, {**function.get("labels", {}), "goog-managed-by": "cloudfunctions"}
        service.created, service.generation = revision.name, service.generation + 1
        self._run.put(service)
        service.route(all_to_latest() if config.get(ALL_ON_LATEST) else service.traffic)
        on_stage("COMPLETE", "COMPLETE")
        built = {**function, "buildConfig": {**build_config, "build": build}}
        return self._described(built, service, revision)

    def _described(self, function: Json, service: Service, revision: Revision) -> Json:
        """Return a function as the API shows it after this revision has started."""
        config, build_config = function["serviceConfig"], function["buildConfig"]
        kept = self._kept(build_config, service.region, service.name)
        return {
            **function,
            "buildConfig": {**build_config, "source": {"storageSource": kept}},
            "state": "ACTIVE",
            "environment": "GEN_2",
            "updateTime": timestamp(),
            "url": f"https://{service.function_host}/{service.name}",
            "serviceConfig": {
                **config,
                "service": self._run.resource(service),
                "serviceAccountEmail": self._account(config),
                "uri": f"https://{service.host(self._estate.project)}",
                "revision": revision.name,
                "ingressSettings": config.get("ingressSettings", "ALLOW_ALL"),
                ALL_ON_LATEST: service.is_on_latest,
            },
        }

    def _kept(self, build_config: Json, region: str, name: str) -> Json:
        """Copy an uploaded source to the bucket of sources. A source that is there already keeps its generation."""
        bucket, item = f"gcf-v2-sources-{self._estate.number}-{region}", f"{name}/function-source.zip"
        return self.uploads.keep(build_config, bucket, item)

    @contextlib.contextmanager
    def _remembering(self, revision: Revision, name: str, region: str, config: Json) -> Iterator[None]:
        """Keep the log of a revision that does not start. The service shows it as the newest that was created."""
        try:
            yield
        except Problem:
            self._run.failed.append(Failed(name, region, revision.name, revision.last_words, config))
            if service := self._run.find(region, name):
                service.created = revision.name
            raise

    def _check_builder(self, build_config: Json) -> None:
        """Refuse to build with a service account that may not build."""
        email = build_config.get("serviceAccount", "").rpartition("/")[2] or self._estate.default_build_account
        if not any(self._run.holds(role, f"serviceAccount:{email}") for role in BUILDER_ROLES):
            raise invalid(
                "Build failed with status: FAILURE. Could not build the function due to a missing permission on the "
                "build service account. If you didn't revoke that permission explicitly, this could be caused by a "
                "change in the organization policies. Please refer to the following documentation for more details and "
                "resolution: https://cloud.google.com/functions/docs/troubleshooting#build-service-account"
            )

    def _account(self, config: Json) -> str:
        account: str = config.get("serviceAccountEmail") or self._estate.default_build_account
        return account

    def _may_publish(self, account: str) -> Callable[[str], bool]:
        return lambda topic: self._accounts.is_active(account) and self._pubsub.may_publish(topic, account)

    def _secret_reader(self, account: str) -> Callable[[str, str], bytes]:
        return lambda secret, version: self._secrets.value(secret, version, account)

    def _refresh_secrets(self) -> None:
        with self._lock:
            for service in list(self._run.services.values()):
                for revision in service.revisions:
                    revision.refresh_secrets(self._secret_reader(self._account(revision.config)))
