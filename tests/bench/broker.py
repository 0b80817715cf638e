"""``python -m tests.bench.broker``: a Pub/Sub that acknowledges after a delay, as the real one does from afar.

It speaks just enough HTTP/2 to take Publish calls from gRPC clients, and takes every call for a Publish call. It keeps
id and SHA-256 of each message, and uses a tenth of the CPU time of a gRPC server in Python, because the function is to
be measured, not the broker. It listens on a free port of the loopback address, and prints the port. For each path on
standard input it writes one line ``message-id sha256`` there for each message since the last time, and prints their
number. It ends when standard input ends.
"""

import argparse
import asyncio
import contextlib
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from google.pubsub_v1 import types

with contextlib.suppress(ImportError):
    import uvloop

    uvloop.install()

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
WINDOW_BYTES = 1 << 24
"""Bytes that a client may send ahead on a stream, and after which the connection's window is opened again."""

DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0x0, 0x1, 0x3, 0x4, 0x6, 0x8
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8

# HPACK (RFC 7541): index 8 is ":status: 200"; the others are literals that enter no table
ANSWER_HEAD = b"\x88" + b"\x0f\x10\x10application/grpc"
ANSWER_END = b"\x00\x0bgrpc-status\x010"

_REQUEST = types.PublishRequest.pb()
_RESPONSE = types.PublishResponse.pb()


class Kept:
    """The acknowledged messages, in their order; the id of a message is its number."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []
        self._count = 0

    def keep(self, call: bytes) -> bytes:
        """Keep the messages of one Publish call, and return the answer to it."""
        ids = []
        for message in _REQUEST.FromString(call).messages:
            self._digests.append(hashlib.sha256(message.data).digest())
            self._count += 1
            ids.append(str(self._count))
        answer: bytes = _RESPONSE(message_ids=ids).SerializeToString()
        return answer

    def write(self, path: Path) -> int:
        """Write the messages since the last time, forget them, and return their number."""
        first = self._count - len(self._digests) + 1
        path.write_text("".join(f"{number} {digest.hex()}\n" for number, digest in enumerate(self._digests, first)))
        written = len(self._digests)
        self._digests.clear()
        return written


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return one frame: https://www.rfc-editor.org/rfc/rfc9113#section-4.1."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, kept: Kept, delay_s: float) -> None:
        self._kept = kept
        self._delay_s = delay_s
        self._loop = asyncio.get_running_loop()
        self._calls: dict[int, bytearray] = {}  # which grow in place, because a large call has hundreds of frames
        self._unread = b""
        self._has_begun = False
        self._consumed = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the client how much it may send ahead; asyncio calls this."""
        self._transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's transports have the methods, but not the base class
        window = (0x4).to_bytes(2) + WINDOW_BYTES.to_bytes(4)
        self._transport.write(
            frame(SETTINGS, 0, 0, window) + frame(WINDOW_UPDATE, 0, 0, (WINDOW_BYTES * 2).to_bytes(4))
        )

    def data_received(self, data: bytes) -> None:
        """Take all complete frames of the bytes received; asyncio calls this."""
        unread = self._unread + data if self._unread else data
        if not self._has_begun:
            if len(unread) < len(PREFACE):
                self._unread = unread
                return
            self._has_begun, unread = True, unread.removeprefix(PREFACE)
        at = 0
        while len(unread) - at >= HEAD_BYTES:
            ends_at = at + HEAD_BYTES + int.from_bytes(unread[at : at + 3])
            if len(unread) < ends_at:
                break
            stream = int.from_bytes(unread[at + 5 : at + HEAD_BYTES])
            self._take(unread[at + 3], unread[at + 4], stream, unread[at + HEAD_BYTES : ends_at])
            at = ends_at
        self._unread = unread[at:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA:
            self._take_data(flags, stream, payload)
        elif kind == SETTINGS and not flags & ACK:
            self._transport.write(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._transport.write(frame(PING, ACK, 0, payload))
        elif kind == RST_STREAM:
            self._calls.pop(stream, None)

    def _take_data(self, flags: int, stream: int, payload: bytes) -> None:
        self._consumed += len(payload)
        if self._consumed > WINDOW_BYTES:
            self._transport.write(frame(WINDOW_UPDATE, 0, 0, self._consumed.to_bytes(4)))
            self._consumed = 0
        if flags & PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        if not flags & END_STREAM:
            self._calls.setdefault(stream, bytearray()).extend(payload)
            return
        call = bytes(self._calls.pop(stream, b"")) + payload
        if self._delay_s:
            self._loop.call_later(self._delay_s, self._answer, stream, call)
        else:
            self._answer(stream, call)

    def _answer(self, stream: int, call: bytes) -> None:
        if self._transport.is_closing():
            return
        answer = self._kept.keep(call[5:])  # five bytes: not compressed, and the length
        self._transport.write(
            frame(HEADERS, END_HEADERS, stream, ANSWER_HEAD)
            + frame(DATA, 0, stream, b"\x00" + len(answer).to_bytes(4) + answer)
            + frame(HEADERS, END_HEADERS | END_STREAM, stream, ANSWER_END)
        )


async def serve(delay_s: float) -> None:
    """Answer Publish calls until standard input ends."""
    kept, loop = Kept(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(kept, delay_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    while line := await asked.readline():
        print(kept.write(Path(line.decode().rstrip("\n"))), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.broker", description="A Pub/Sub that acknowledges after a delay."
    )
    parser.add_argument("--delay", type=float, default=0.025, help="seconds before an acknowledgement")
    asyncio.run(serve(parser.parse_args(arguments).delay))
    return 0


if __name__ == "__main__":
    sys.exit(main())
