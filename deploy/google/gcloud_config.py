"""The parts of gcloud's configuration that decide which servers are reached: endpoints, proxy, certificates."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.errors import DeployError, GcloudFailed
from deploy.google.gcloud import READ_S
from deploy.google.gcloud_process import Finished, Run, run_gcloud
from deploy.network import GcloudNetwork
from deploy.remedies import LOGIN, YOU
from deploy.steps import Argv

Configuration = Mapping[str, Mapping[str, Any]]
"""Properties by section, as ``gcloud config list`` shows them; it includes those set by environment variables."""


def read_configuration(run: Run = run_gcloud) -> Configuration:
    """Return gcloud's properties, or {} if gcloud cannot be run: the first real command then raises the error.

    gcloud needs no network for this command, so a failure is permanent and the command is not repeated.
    """
    try:
        done = run(("config", "list", "--format=json"), stdin=None, folder=None, timeout_s=READ_S)
        configuration = json.loads(done.stdout or "{}")
    except (GcloudFailed, ValueError):
        return {}
    return configuration if isinstance(configuration, dict) else {}


def where_googles(configuration: Callable[[], Configuration], environ: Mapping[str, str], run: Run = run_gcloud) -> Run:
    """Return a function like ``run`` that first checks that all endpoints of gcloud are Google's.

    ``configuration`` returns gcloud's configuration, and may block until it has been read.
    """

    def checked(argv: Argv, *, stdin: str | None, folder: Path | None, timeout_s: float) -> Finished:
        if argv[:1] != ("config",):  # such a command reaches no API
            require_googles_endpoints(configuration(), environ)
        return run(argv, stdin=stdin, folder=folder, timeout_s=timeout_s)

    return checked


def require_googles_endpoints(configuration: Configuration, environ: Mapping[str, str]) -> None:
    """Refuse endpoints that are not Google's, such as one that was set for work with an emulator.

    Raises:
        DeployError: gcloud would send a part of the deployment to another server.

    """
    overrides = configuration.get("api_endpoint_overrides") or {}
    elsewhere = {api: url for api, url in sorted(overrides.items()) if url and not _is_googles(str(url))}
    if not elsewhere:
        return
    targets = ", ".join(f"{api} to {url}" for api, url in elsewhere.items())
    raise DeployError(
        f"they send {targets} instead of to Google",
        where="gcloud's api_endpoint_overrides",
        fix=[_unset(api, environ) for api in elsewhere],
    )


def is_usual(configuration: Configuration) -> bool:
    """Return whether gcloud reaches the usual servers of Google's APIs, and not others that a property names."""
    overrides = configuration.get("api_endpoint_overrides") or {}
    universe = (configuration.get("core") or {}).get("universe_domain")
    return not any(overrides.values()) and universe in {None, "", "googleapis.com"}


def network_of(configuration: Configuration) -> GcloudNetwork:
    """Return the proxy and the certificate file of a configuration."""
    proxy = configuration.get("proxy") or {}
    address, port = proxy.get("address"), proxy.get("port")
    scheme = str(proxy.get("type") or "http").partition("_")[0]
    url = f"{scheme}://{address}:{port}" if address and port else ""
    return GcloudNetwork(url, str((configuration.get("core") or {}).get("custom_ca_certs_file") or ""))


def with_account(text: str, configuration: Callable[[], Configuration]) -> str:
    """Return a text in which the placeholders for the caller's account are replaced, so that it can be pasted.

    ``configuration`` is only called if there are any. They stay if gcloud has no account.
    """
    if YOU not in text and LOGIN not in text:
        return text
    sections = configuration()
    login = str((sections.get("core") or {}).get("account") or "")
    acts_as = str((sections.get("auth") or {}).get("impersonate_service_account") or "").rpartition(",")[2].strip()
    for placeholder, account in ((LOGIN, login), (YOU, acts_as or login)):
        text = text.replace(placeholder, _member(account) or placeholder)
    return text


def _member(account: str) -> str:
    """Return an account as IAM names it; "" if it is none that can be told by its e-mail address."""
    if "@" not in account:
        return ""
    return f"{'serviceAccount' if account.endswith('.gserviceaccount.com') else 'user'}:{account}"


def _is_googles(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and f".{parts.hostname}".endswith(".googleapis.com")


def _unset(api: str, environ: Mapping[str, str]) -> str:
    variable = f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}"
    return f"export {variable}=" if environ.get(variable) else f"gcloud config unset api_endpoint_overrides/{api}"
