"""Starts both clouds, and makes the environment in which programs reach them instead of the real ones."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.backend import Backend, Choice, pubsub_for
from tests.emulators.clouds.authority import Authority
from tests.emulators.clouds.dt.cloud import DT
from tests.emulators.clouds.dt.tenant import Tenant
from tests.emulators.clouds.faults import Faults
from tests.emulators.clouds.google.cloud import Google
from tests.emulators.clouds.google.data_plane import DataPlane
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.proxy import Proxy
from tests.emulators.clouds.requests_log import RequestsLog

UNSET = (
    *("no_proxy", "all_proxy", "ssl_cert_dir"),
    *("pubsub_emulator_host", "google_cloud_project", "google_application_credentials"),
)
"""Variables, in upper or lower case, that would lead a program past the proxy, or to another project or account."""

UNSET_PREFIXES = ("CLOUDSDK_", "DT_", "DEPLOY_")
"""Prefixes of variables with the settings of gcloud, of DT's package and of the deployment."""

KEPT_PREFIXES = ("CLOUDSDK_PYTHON", "CLOUDSDK_ROOT_DIR")
"""Prefixes of variables that say how gcloud is run."""


@dataclass(frozen=True)
class Clouds:
    """Both clouds. ``variables``: those by which programs reach them.

    ``environ``: the whole environment for child processes, in which they reach these clouds only.
    """

    variables: Mapping[str, str]
    environ: Mapping[str, str]
    google: Google
    dt: DT
    log: RequestsLog
    faults: Faults
    proxy: Proxy
    backend: Backend

    def left(self) -> list[str]:
        """Return the names of all resources in both clouds."""
        return [*self.google.left(), *self.dt.left()]


@contextlib.contextmanager
def clouds(
    choice: Choice = "auto",
    *,
    estate: Estate | None = None,
    tenant: Tenant | None = None,
    environ: Mapping[str, str] | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Iterator[Clouds]:
    """Start both clouds, with one empty project each, and end them with the context. Raises ``OfflineError``."""
    inherited = os.environ if environ is None else environ
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offline-clouds-")))
        backend = stack.enter_context(pubsub_for(choice, inherited, say))
        plane = DataPlane(backend.host)
        stack.callback(plane.close)
        log, faults = RequestsLog(), Faults()
        proxy = Proxy(Authority(folder), log, faults)
        google = Google(estate or Estate(), plane, _proxy_variables(proxy, for_function=True))
        stack.callback(google.close)
        dt = DT(tenant or Tenant(), proxy.port, proxy.authority.client_context())
        proxy.lead(".googleapis.com", google.answer)
        proxy.lead(".run.app", google.door.serve)
        proxy.lead(".cloudfunctions.net", google.door.serve)
        proxy.lead(".disruptive-technologies.com", dt.answer)
        proxy.lead(".d21s.com", dt.answer)
        stack.enter_context(proxy)
        stack.callback(dt.close)
        variables = {**_variables(proxy, google.estate, folder), **_credentials(dt.tenant)}
        yield Clouds(variables, {**_kept(inherited), **variables}, google, dt, log, faults, proxy, backend)


def _kept(inherited: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if not _leads_elsewhere(name)}


def _variables(proxy: Proxy, estate: Estate, folder: Path) -> dict[str, str]:
    return {
        **_proxy_variables(proxy),
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        "CLOUDSDK_CORE_PROJECT": estate.project,
        "CLOUDSDK_AUTH_ACCESS_TOKEN": estate.token,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "0",
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": str(proxy.authority.file),
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
        "CLOUDSDK_CORE_DISABLE_FILE_LOGGING": "1",
    }


def _credentials(tenant: Tenant) -> dict[str, str]:
    return {
        "DT_SERVICE_ACCOUNT_KEY_ID": tenant.key_id,
        "DT_SERVICE_ACCOUNT_SECRET": tenant.secret,
        "DT_SERVICE_ACCOUNT_EMAIL": tenant.email,
    }


def _leads_elsewhere(name: str) -> bool:
    """Whether a variable could make gcloud, the deployment or DT's package use other servers or accounts."""
    if name.startswith(KEPT_PREFIXES):
        return False
    return name.lower() in UNSET or name.startswith(UNSET_PREFIXES)


def _proxy_variables(proxy: Proxy, *, for_function: bool = False) -> dict[str, str]:
    """Return the variables from which HTTP clients read their proxy and certificate authority."""
    authority = str(proxy.authority.file)
    proxies = dict.fromkeys(("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"), proxy.url)
    trust = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
    direct = {"no_proxy": "127.0.0.1"} if for_function else {}  # the function's Pub/Sub is on this machine
    return {**proxies, **direct, **dict.fromkeys(trust, authority)}
