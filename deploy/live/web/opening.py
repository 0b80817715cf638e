"""Opens the live page of ``follow --web``: its server, and a browser if there is one."""

import secrets
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deploy.live.feed import Connection, Feed
from deploy.live.message import Message
from deploy.live.readings import Reading
from deploy.live.web import curl
from deploy.live.web.options import PORT, PageOptions
from deploy.live.web.server import listening
from deploy.live.web.shown import Shown, Source


@contextmanager
def live_page(
    title: str,
    connection: Connection,
    read: Callable[[Message], Reading],
    options: PageOptions,
    say: Callable[[str], object],
    browse: Callable[[str], object] = webbrowser.open,
) -> Iterator[Callable[[Message], object]]:
    """Serve a page until the context ends; yield the function that adds a message to it.

    ``read`` returns what a message says. ``browse`` opens an address in a browser.
    """
    feed = Feed()
    source = Source(secrets.token_hex(4), title, curl.NOTE)
    shown = Shown(source, feed, connection, _signing, say, read, options.host_names)
    with listening(shown, options.port or PORT).open() as page:
        if options.port and page.server_port != options.port:
            say(f"port {options.port} is in use: the page has another one")
        say(f"the page: {page.address} (this address works once; only this machine can reach it)")
        if options.opens:
            browse(page.address)
        yield feed.add


def _signing(message: Message, file_name: str) -> str:
    return curl.signing(message.data, file_name)
