"""The way from the function to Google as in production, on this machine and without privileges.

The function gets a token from a metadata server (``GCE_METADATA_HOST``), and connects to pubsub.googleapis.com:443 over
TLS: it trusts the certificate authority of this run (``GRPC_DEFAULT_SSL_ROOTS_FILE_PATH``), and connects through an
HTTP proxy (``https_proxy``), which shows the network's faults.
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.clouds.authority import Authority
from tests.prove.metadata_server import MetadataServer
from tests.prove.proxy import Proxy
from tests.prove.tls_pubsub import TlsPubSub

NAME = "pubsub.googleapis.com"


class Tunnel(Proxy):
    """A proxy that connects requests for Pub/Sub's real address with ``target``."""

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(f"CONNECT {NAME}:443 ".encode()), head
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await super()._relay(reader, writer)


@dataclass(frozen=True)
class ProductionPath:
    """The parts of the way, and the settings that make a function use it."""

    metadata: MetadataServer
    pubsub: TlsPubSub
    network: Tunnel
    authority: Authority

    @property
    def environ(self) -> dict[str, str]:
        """The settings that replace ``PUBSUB_EMULATOR_HOST``."""
        return {
            "K_SERVICE": "ingest",
            "GCE_METADATA_HOST": self.metadata.host,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self.authority.file),
            "https_proxy": f"http://{self.network.host}",
        }


@contextmanager
def production_path(target: str, folder: Path) -> Iterator[ProductionPath]:
    """Build the way to a Pub/Sub at ``target`` (host:port)."""
    authority = Authority(folder)
    with ExitStack() as stack:
        metadata = stack.enter_context(MetadataServer())
        pubsub = stack.enter_context(TlsPubSub(target, key_file(authority, folder), metadata.grants))
        network = stack.enter_context(Tunnel(pubsub.host))
        yield ProductionPath(metadata, pubsub, network, authority)


def key_file(authority: Authority, folder: Path) -> Path:
    """Make Pub/Sub's key and certificate in the authority's folder, and return the file with both."""
    authority.server_context(NAME)
    return folder / f"{NAME}.pem"
