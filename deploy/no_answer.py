"""Explains why an HTTPS request got no answer (certificate, proxy, DNS, connection) and names the fix. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from deploy.network import GcloudNetwork


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a request got no answer.

    ``what``: the reason. ``fix``: a command that helps, or "". ``is_unreachable``: the host was not reached, so another
    attempt would fail as well.
    """

    what: str
    fix: str = ""
    is_unreachable: bool = False


def explain_no_answer(error: Exception, host: str, gcloud: GcloudNetwork) -> NoAnswer:
    """Return the reason for an error that ``requests`` raised for a request to this host."""
    if isinstance(error, requests.exceptions.SSLError):
        return NoAnswer(_tls_failure(error, host), _trust_command(gcloud), is_unreachable=True)
    if isinstance(error, requests.exceptions.ProxyError):
        what, fix = f"the proxy in HTTPS_PROXY did not connect to {host}", "check HTTPS_PROXY and NO_PROXY"
        return NoAnswer(what, fix, is_unreachable=True)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return NoAnswer(f"no answer from {host} in time")
    if any(isinstance(cause, NameResolutionError) for cause in _causes(error)):
        what = f"the name {host} cannot be resolved: there is no network or no DNS"
        return NoAnswer(what, _proxy_command(gcloud), is_unreachable=True)
    if isinstance(error, requests.exceptions.ConnectTimeout) or _is_refused(error):
        return NoAnswer(f"no connection to {host}", _proxy_command(gcloud), is_unreachable=True)
    return NoAnswer(f"no usable answer from {host} ({type(error).__name__})")


def _tls_failure(error: Exception, host: str) -> str:
    reason = re.search(r"certificate verify failed: ([^(\"']+)", str(error))
    if not reason:
        return f"no TLS connection to {host}: {type(error).__name__}"
    return f"the certificate that answered for {host} is not trusted here: {reason[1].strip()}"


def _trust_command(gcloud: GcloudNetwork) -> str:
    """Return the command that makes Python trust the certificate authority of a company's proxy."""
    return f"export REQUESTS_CA_BUNDLE={gcloud.ca_file or '/path/to/your-proxys-ca.pem'}"


def _proxy_command(gcloud: GcloudNetwork) -> str:
    """Return the command that sends Python through gcloud's proxy, or advice if gcloud has none."""
    if gcloud.proxy:
        return f"export HTTPS_PROXY={gcloud.proxy}"
    return "check the network; behind a proxy: export HTTPS_PROXY=http://PROXY:PORT"


def _is_refused(error: Exception) -> bool:
    return any(isinstance(cause, NewConnectionError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes: urllib3 wraps the cause as the first argument, or as ``reason``."""
    current: BaseException | None = error
    while current is not None:
        yield current
        cause = getattr(current, "reason", None) or next(iter(current.args), None)
        current = cause if isinstance(cause, BaseException) else None
