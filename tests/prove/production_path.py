"""The way from the function to Google as it is in production, on this machine and without privileges.

The function asks a metadata server for a token (``GCE_METADATA_HOST``), and speaks to pubsub.googleapis.com:443 over
TLS: it believes the authority of this run (``GRPC_DEFAULT_SSL_ROOTS_FILE_PATH``), and gets there by an HTTP proxy
(``https_proxy``), at which the network's faults are shown.
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.offline.clouds.authority import Authority
from tests.prove.metadata_server import MetadataServer
from tests.prove.proxy import Proxy
from tests.prove.tls_pubsub import TlsPubSub

NAME = "pubsub.googleapis.com"


class Tunnel(Proxy):
    """A proxy that leads to ``target`` what asks for Pub/Sub's real address."""

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(f"CONNECT {NAME}:443 ".encode()), head
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await super()._relay(reader, writer)


@dataclass(frozen=True)
class ProductionPath:
    """Its parts, and the settings that lead a function there."""

    metadata: MetadataServer
    pubsub: TlsPubSub
    network: Tunnel
    authority: Authority

    @property
    def environ(self) -> dict[str, str]:
        """What takes the place of ``PUBSUB_EMULATOR_HOST``."""
        return {
            "K_SERVICE": "ingest",
            "GCE_METADATA_HOST": self.metadata.host,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self.authority.file),
            "https_proxy": f"http://{self.network.host}",
        }


@contextmanager
def production_path(target: str, folder: Path) -> Iterator[ProductionPath]:
    """Build it before a Pub/Sub at ``target`` (host:port)."""
    authority = Authority(folder)
    with ExitStack() as stack:
        metadata = stack.enter_context(MetadataServer())
        pubsub = stack.enter_context(TlsPubSub(target, key_file(authority, folder), metadata.grants))
        network = stack.enter_context(Tunnel(pubsub.host))
        yield ProductionPath(metadata, pubsub, network, authority)


def key_file(authority: Authority, folder: Path) -> Path:
    """Let the authority make Pub/Sub's key and certificate in its folder, and return the file that holds both."""
    authority.server_context(NAME)
    return folder / f"{NAME}.pem"
