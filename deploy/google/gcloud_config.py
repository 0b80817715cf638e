"""gcloud's own configuration, as far as it changes what a deployment reaches: endpoints, proxy, certificates."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.errors import DeployError, GcloudFailed
from deploy.google.gcloud import READ_S, Finished, Run, run_gcloud
from deploy.network import GcloudNetwork
from deploy.steps import Argv

Configuration = Mapping[str, Mapping[str, Any]]
"""Properties by section, as ``gcloud config list`` shows them, those of the environment included."""


def read_configuration(run: Run = run_gcloud) -> Configuration:
    """Return gcloud's properties; none where gcloud cannot be run, which the first real command will say.

    No network is asked for them, so a failure does not pass by itself, and is not waited for.
    """
    try:
        done = run(("config", "list", "--format=json"), stdin=None, folder=None, timeout_s=READ_S)
        read = json.loads(done.stdout or "{}")
    except (GcloudFailed, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def where_googles(configuration: Callable[[], Configuration], environ: Mapping[str, str], run: Run = run_gcloud) -> Run:
    """Return a way to run gcloud that runs nothing before it is certain that all endpoints are Google's.

    ``configuration`` returns gcloud's own, and may wait for it.
    """

    def checked(argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        require_googles_endpoints(configuration(), environ)
        return run(argv, stdin=stdin, folder=folder, timeout_s=timeout_s)

    return checked


def require_googles_endpoints(configuration: Configuration, environ: Mapping[str, str]) -> None:
    """Refuse endpoints that are not Google's, such as one left from work with an emulator.

    Raises:
        DeployError: gcloud would send a part of the deployment elsewhere.

    """
    overrides = configuration.get("api_endpoint_overrides") or {}
    elsewhere = {api: url for api, url in sorted(overrides.items()) if url and not _is_googles(str(url))}
    if not elsewhere:
        return
    told = ", ".join(f"{api} to {url}" for api, url in elsewhere.items())
    raise DeployError(
        f"is told to send {told} instead of to Google",
        where="gcloud's api_endpoint_overrides",
        mend=[_unset(api, environ) for api in elsewhere],
    )


def network_of(configuration: Configuration) -> GcloudNetwork:
    """Return the proxy and the certificate file that gcloud uses."""
    proxy = configuration.get("proxy") or {}
    address, port = proxy.get("address"), proxy.get("port")
    scheme = str(proxy.get("type") or "http").partition("_")[0]
    url = f"{scheme}://{address}:{port}" if address and port else ""
    return GcloudNetwork(url, str((configuration.get("core") or {}).get("custom_ca_certs_file") or ""))


def _is_googles(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and f".{parts.hostname}".endswith(".googleapis.com")


def _unset(api: str, environ: Mapping[str, str]) -> str:
    variable = f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}"
    return f"export {variable}=" if environ.get(variable) else f"gcloud config unset api_endpoint_overrides/{api}"
