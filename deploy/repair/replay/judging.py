"""What the function of this checkout would make of an event: its own code, in this process, and no topic gets anything.

Only Pub/Sub can say whether it accepts a message: the verdict supposes that it does.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from deploy.errors import DeployError
from deploy.function_client import SIGNATURE_HEADER, Answer, claims, sign
from deploy.program import PROGRAM
from deploy.repair.republisher import Verdict, verdict_of
from deploy.secret import new_secret
from function.errors import BodyTooLarge, SettingsError
from function.http import Request
from function.log import Log
from function.message import Message
from function.receiver import Receiver
from function.settings import Settings
from function.verifier import SecretScheme, Verifier

_NOT_HERE = frozenset({"DT_SIGNATURE_SECRET_FILE", "DT_ORGANIZATION_ID", "PUBSUB_EMULATOR_HOST"})
"""Settings of the deployed function that need its own surroundings."""


class Judge:
    """The function of this checkout, with the settings of the deployed one and a secret of its own.

    ``variables``: the environment of the deployed function. ``now`` returns unix seconds, ``monotonic`` seconds of a
    clock that is never set.

    Raises:
        DeployError: this checkout's function would not start with these settings.

    """

    def __init__(self, variables: Mapping[str, str], now: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._secret, self._now = new_secret(), now
        kept = {name: value for name, value in variables.items() if name not in _NOT_HERE}
        try:
            settings = Settings.from_environ({**kept, "DT_SIGNATURE_SECRET": self._secret.reveal()})
        except SettingsError as error:
            what = f"this checkout's function does not accept the settings of the deployed one: {error}"
            raise DeployError(what, fix=[f"{PROGRAM} plan"]) from None
        scheme = SecretScheme(_Secrets(self._secret.reveal().encode()))
        verifier = Verifier([scheme], now=now, leeway_s=settings.clock_leeway_s)
        log = Log(_Nowhere(), level="CRITICAL", google_project="", monotonic=monotonic)
        self._receiver = Receiver(settings, verifier, _NoTopic(), log, now=now, monotonic=monotonic)

    def judge(self, body: bytes) -> Verdict:
        """Return what would become of a body that is sent by ``replay``."""

        async def read(limit: int) -> bytes:
            if len(body) > limit:
                raise BodyTooLarge(f"more than {limit} bytes")
            return body

        token = sign(claims(body, self._now(), "replay"), self._secret)
        headers = {SIGNATURE_HEADER.lower(): [token], "content-length": [str(len(body))]}
        reply = asyncio.run(self._receiver.receive(Request("POST", headers, read)))
        return verdict_of(Answer(reply.status, reply.body.decode()))


class _Secrets:
    """The one secret of a judge."""

    def __init__(self, secret: bytes) -> None:
        self._secrets = (secret,)

    async def secrets(self) -> Sequence[bytes]:
        return self._secrets

    async def secrets_after_miss(self) -> Sequence[bytes]:
        return self._secrets


class _NoTopic:
    """A publisher that accepts every message, and keeps none."""

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        del topic, message, timeout_s
        return "-"


class _Nowhere:
    """A log that nobody reads."""

    def write(self, data: bytes, /) -> object:
        return len(data)
