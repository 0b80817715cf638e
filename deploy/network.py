"""Why an HTTPS request had no answer, and what helps: a certificate, a proxy, a name, a connection. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError


@dataclass(frozen=True, slots=True)
class GcloudNetwork:
    """How gcloud was told to reach the internet. Python does not read gcloud's configuration."""

    proxy: str = ""
    ca_file: str = ""


DIRECT = GcloudNetwork()
"""Neither a proxy nor certificates of its own."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there was no answer. ``is_unreachable``: the host was not reached, so another attempt would fail as well."""

    what: str
    fix: str = ""
    is_unreachable: bool = False


def explain_no_answer(error: Exception, host: str, gcloud: GcloudNetwork) -> NoAnswer:
    """Return why a request to this host failed, as ``requests`` raised it."""
    if isinstance(error, requests.exceptions.SSLError):
        return NoAnswer(_certificate(error, host), _trust(gcloud), is_unreachable=True)
    if isinstance(error, requests.exceptions.ProxyError):
        what, fix = f"the proxy in HTTPS_PROXY did not connect to {host}", "check HTTPS_PROXY and NO_PROXY"
        return NoAnswer(what, fix, is_unreachable=True)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return NoAnswer(f"no answer from {host} in time")
    if any(isinstance(cause, NameResolutionError) for cause in _causes(error)):
        what = f"the name {host} cannot be resolved: there is no network or no DNS"
        return NoAnswer(what, _proxied(gcloud), is_unreachable=True)
    if isinstance(error, requests.exceptions.ConnectTimeout) or _is_refused(error):
        return NoAnswer(f"no connection to {host}", _proxied(gcloud), is_unreachable=True)
    return NoAnswer(f"no usable answer from {host} ({type(error).__name__})")


def _certificate(error: Exception, host: str) -> str:
    reason = re.search(r"certificate verify failed: ([^(\"']+)", str(error))
    if not reason:
        return f"no TLS connection to {host}: {type(error).__name__}"
    return f"the certificate that answered for {host} is not trusted here: {reason[1].strip()}"


def _trust(gcloud: GcloudNetwork) -> str:
    """Return the line that makes Python trust the certificate authority of a company's proxy."""
    return f"export REQUESTS_CA_BUNDLE={gcloud.ca_file or '/path/to/your-proxys-ca.pem'}"


def _proxied(gcloud: GcloudNetwork) -> str:
    """Return the line that sends Python through a proxy: gcloud's, where it has one."""
    if gcloud.proxy:
        return f"export HTTPS_PROXY={gcloud.proxy}"
    return "check the network; behind a proxy: export HTTPS_PROXY=http://PROXY:PORT"


def _is_refused(error: Exception) -> bool:
    return any(isinstance(cause, NewConnectionError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return the error and what it was raised for: urllib3 wraps the cause as an argument, or as ``reason``."""
    found: BaseException | None = error
    while found is not None:
        yield found
        within = getattr(found, "reason", None) or next(iter(found.args), None)
        found = within if isinstance(within, BaseException) else None
