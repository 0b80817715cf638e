"""How gcloud reaches the network: its own proxy and certificates."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GcloudNetwork:
    """The proxy and the certificate file in gcloud's configuration, which Python itself does not read."""

    proxy: str = ""
    ca_file: str = ""


DIRECT = GcloudNetwork()
"""gcloud uses neither a proxy nor a certificate file of its own."""
