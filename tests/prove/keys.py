"""Section ``keys``: secrets and DT's keys rotate, and their sources fail, under load, for both entry points."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.blackbox.serving import ENTRY_POINTS, Function
from tests.blackbox.stage import OLDER_SECRET, ORGANIZATION_ID, SECRET, Request, by_secret
from tests.emulators.issuer import KEY_SET, Issuer, new_key
from tests.emulators.issuer import Fault as IssuerFault
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.signing import ORGANIZATION_HEADER, organization_claims, sign_with_key
from tests.pace import within
from tests.prove.report import Row, Say
from tests.prove.traffic import Sent, Traffic, send_new, traffic

TOPICS = {kind: f"projects/p/topics/{kind}" for kind in ("events", "rejected")}
REFUSED_S, REFUSED_AFTER_MISS_S = 60.0, 5.0
"""Seconds after which a removed secret is refused at most: by itself, or if forged signatures come."""
TARGET_S = 4.5
"""Seconds for an answer while keys cannot be fetched."""
RATE = 40.0
"""Events per second of the load."""
HOSTILE: tuple[IssuerFault, ...] = ("redirect", "huge", "malformed", "other issuer", "no keys", "slow", "down")


def keys(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # as every section
    """Measure how rotations and failing sources affect events."""
    parts: Sequence[Callable[[str], list[Row]]] = (
        lambda entry_point: secrets_rotated(entry_point, waits=not short),
        keys_rotated,
        hostile_issuers,
    )
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(part, entry_point) for part in parts for entry_point in ENTRY_POINTS]
        rows = [row for measured in running for row in measured.result()]
    for row in rows:
        say(f"{row.promise}: {row.measured}")
    return rows


@contextmanager
def function(entry_point: str, **settings: str) -> Iterator[int]:
    """Start a Pub/Sub and a function with these settings; return the function's port."""
    with ExitStack() as stack:
        pubsub = stack.enter_context(EmbeddedPubSub())
        for topic in TOPICS.values():
            pubsub.create_topic(topic)
        environ = {
            "PUBSUB_TOPIC": TOPICS["events"],
            "PUBSUB_REJECTED_TOPIC": TOPICS["rejected"],
            "PUBSUB_EMULATOR_HOST": pubsub.host,
            "THREADS": "64",
            "PUBLISH_TIMEOUT_SECONDS": "6.5",  # this section counts events, and measures no publish times
            **settings,
        }
        home = Path(stack.enter_context(TemporaryDirectory()))
        yield stack.enter_context(Function(entry_point, environ, home)).port


class SecretFile:
    """A mounted secret file that is replaced as a whole, and the secrets that DT's cloud can sign with now."""

    def __init__(self, folder: Path, secret: str) -> None:
        self.path = folder / "secret"
        self.valid = [secret]
        self.holds(secret)

    def holds(self, *secrets: str) -> None:
        """Replace the file by one with these secrets."""
        swap = self.path.with_suffix(".new")
        swap.write_text("\n".join(secrets))
        swap.rename(self.path)

    def sign(self, body: bytes) -> Request:
        """Return a request signed with any valid secret."""
        return by_secret(body, secret=random.choice(self.valid))  # any of them is right


def secrets_rotated(entry_point: str, *, waits: bool, rate: float = RATE) -> list[Row]:
    """Rotate old -> old and new -> new, then take the file away, then empty it, under load.

    ``waits``: wait until the removed secret is refused by itself; else a forged signature makes the function re-read
    the file.
    """
    limit_s = REFUSED_S if waits else REFUSED_AFTER_MISS_S
    with TemporaryDirectory() as folder:
        file = SecretFile(Path(folder), OLDER_SECRET)
        with function(entry_point, DT_SIGNATURE_SECRET_FILE=str(file.path)) as port:
            with traffic(port, rate, file.sign) as sent:
                time.sleep(1.5)
                file.holds(SECRET, OLDER_SECRET)
                file.valid = [SECRET, OLDER_SECRET]
                time.sleep(1.5)
                file.valid = [SECRET]
                time.sleep(1.5)  # until what was signed by the older secret is answered, also on a busy machine
                file.holds(SECRET)
                refused_after_s = _until_refused(port, limit_s, forging=not waits)
            rotated = _row(entry_point, "secret rotated old > both > new", sent)
            with traffic(port, rate, file.sign) as sent:
                for spoil in (file.path.unlink, file.path.touch):
                    spoil()
                    _forge_for(port, 1.5)
            gone = _row(entry_point, "secret file missing, then empty", sent)
    removed = Row(
        f"{entry_point}: a secret that was removed is refused within {limit_s:.0f} s",
        f"after {refused_after_s:.1f} s{'' if waits else ' (with forged signatures)'}",
        within(refused_after_s, limit_s),
    )
    return [rotated, removed, gone]


def _row(entry_point: str, what: str, sent: Traffic) -> Row:
    refused = [event for event in sent.sent if event.status != 200]
    measured = f"{len(sent.sent)} events, {len(refused)} refused"
    return Row(f"{entry_point}: {what} under load: no event refused", measured, not refused)


def _until_refused(port: int, limit_s: float, *, forging: bool) -> float:
    began_at = time.monotonic()
    while (seconds := time.monotonic() - began_at) < limit_s + 1:
        if forging:
            _forge(port)
        if send_new(port, lambda body: by_secret(body, secret=OLDER_SECRET)).status == 401:
            return seconds
        time.sleep(0.25)
    return seconds


def _forge_for(port: int, seconds: float) -> None:
    """Send forged signatures: they make the function read the file again, at most once a second."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        _forge(port)
        time.sleep(0.1)


def _forge(port: int) -> Sent:
    return send_new(port, lambda body: by_secret(body, secret="of-somebody-who-would-like-to-know-ours"))


def by_key(issuer: Issuer) -> Callable[[bytes], Request]:
    """Return a function that signs as DT does for the organization, with its newest key."""
    return lambda body: Request([(ORGANIZATION_HEADER, issuer.sign(_claims(issuer, body)))], body)


def by_unknown_key(issuer: Issuer) -> Callable[[bytes], Request]:
    """Return a function that signs with an unpublished key, each time under another id."""
    key = new_key()

    def sign(body: bytes) -> Request:
        token = sign_with_key(_claims(issuer, body), key, f"unknown-{random.random()}")  # any name is right
        return Request([(ORGANIZATION_HEADER, token)], body)

    return sign


def _claims(issuer: Issuer, body: bytes) -> dict[str, object]:
    return organization_claims(body, now=time.time(), issuer=issuer.url, organization_id=ORGANIZATION_ID)


def keys_rotated(entry_point: str, *, rate: float = RATE) -> list[Row]:
    """Rotate DT's key under load, then send many unknown key ids while the issuer is down."""
    with Issuer() as issuer, function(entry_point, DT_ORGANIZATION_ID=ORGANIZATION_ID, DT_ISSUER=issuer.url) as port:
        with traffic(port, rate, by_key(issuer)) as sent:
            time.sleep(1)
            issuer.rotate()
            time.sleep(1)
        rotated = _row(entry_point, "DT's key rotated", sent)
        fetches = issuer.fetches[KEY_SET]
        issuer.fault = "down"
        before = issuer.fetches.total()
        with traffic(port, rate, by_key(issuer)) as sent, traffic(port, 100, by_unknown_key(issuer)) as strangers:
            time.sleep(2)
        more = issuer.fetches.total() - before
        accepted = sum(event.status == 200 for event in strangers.sent)
    return [
        rotated,
        Row(f"{entry_point}: two key sets fetched for a rotation", f"{fetches} fetches", fetches == 2),
        _row(entry_point, "issuer down, many unknown key ids", sent),
        Row(
            f"{entry_point}: unknown key ids: none accepted, at most one fetch a minute",
            f"{len(strangers.sent)} sent, {accepted} accepted, {more} fetches",
            not accepted and more <= 1,
        ),
    ]


def hostile_issuers(entry_point: str, faults: Sequence[IssuerFault] = HOSTILE) -> list[Row]:
    """Start with an issuer that is hostile, slow or down; then let it work."""
    with Issuer() as issuer, function(entry_point, DT_ORGANIZATION_ID=ORGANIZATION_ID, DT_ISSUER=issuer.url) as port:
        answers: list[Sent] = []
        for fault in faults:
            issuer.fault = fault
            answers.append(send_new(port, by_key(issuer)))
            time.sleep(1.1)
        issuer.fault = None
        afterwards = send_new(port, by_key(issuer))
    refused = sum((answer.status, answer.reason) == (503, "keys") for answer in answers)
    slowest_s = max(answer.seconds for answer in answers)
    return [
        Row(
            f"{entry_point}: issuer down or hostile at start ({', '.join(faults)}): 503 within {TARGET_S} s, then 200",
            f"{refused} of {len(answers)} answered 503, slowest {slowest_s:.2f} s; then {afterwards.status}",
            refused == len(answers) and within(slowest_s, TARGET_S) and afterwards.status == 200,
        )
    ]
