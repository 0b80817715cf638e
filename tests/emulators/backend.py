"""The Pub/Sub of an offline run: Google's emulator, or the embedded Pub/Sub if there is no emulator."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tests.emulators.emulator import emulator
from tests.emulators.errors import OfflineError
from tests.emulators.pubsub import EmbeddedPubSub

Choice = Literal["auto", "emulator", "embedded"]
Kind = Literal["emulator", "embedded"]


@dataclass(frozen=True)
class Backend:
    """A running Pub/Sub: its address (``127.0.0.1:port``), and its kind."""

    host: str
    kind: Kind


KINDS: Mapping[Kind, str] = {"emulator": "Google's emulator", "embedded": "the embedded stand-in"}
"""What each kind is called on the terminal."""


@contextlib.contextmanager
def pubsub_for(choice: Choice, environ: Mapping[str, str], say: Callable[[str], object] = print) -> Iterator[Backend]:
    """Yield a running Pub/Sub, and end it when the context ends. Raises ``OfflineError``.

    ``auto`` is the emulator, or the embedded Pub/Sub if no emulator works; ``say`` then gets the reason.
    """
    with contextlib.ExitStack() as stack:
        yield _emulator_or_embedded(choice, environ, say, stack)


def _emulator_or_embedded(
    choice: Choice, environ: Mapping[str, str], say: Callable[[str], object], stack: contextlib.ExitStack
) -> Backend:
    if choice != "embedded":
        try:
            return Backend(stack.enter_context(emulator(environ)), "emulator")
        except OfflineError as error:
            if choice == "emulator":
                raise
            say(f"using the embedded Pub/Sub: {error}")
    return Backend(stack.enter_context(EmbeddedPubSub()).host, "embedded")
