"""A complete deployment in a second: the requests of one real ``up`` are recorded, and sent to other clouds again.

The tests use this instead of half a minute of gcloud. Only ``deploy/`` knows what ``up`` makes, so the copies cannot
differ from it.
"""

import json
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.emulators.clouds import Clouds
from tests.emulators.clouds.exchange import Answer, Request
from tests.emulators.clouds.requests_log import Entry

GOOGLE, DT = ".googleapis.com", ".disruptive-technologies.com"
DEPLOY_S = 120.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that succeeded, and its answer."""

    request: Request
    answer: Answer

    @property
    def is_change(self) -> bool:
        """Whether a change was asked for."""
        return Entry(self.request.method, self.request.host, self.request.path, 0, self.answer.status).is_change

    @property
    def is_end(self) -> bool:
        """Whether this is the end of an operation, which what follows may build on."""
        return self.request.method == "GET" and "/operations/" in self.request.path and _read(self.answer.body)["done"]


@dataclass
class Recording:
    """What made a deployment, in order; ``left`` is what Google had then."""

    exchanges: list[Exchange] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def played(self, both_clouds: Clouds, names: Mapping[str, str] | None = None) -> None:
        """Make the same in other clouds. ``names``: what is called otherwise there, such as the region."""
        given: Mapping[str, str] = names or {}
        known, lag_s = dict(given), both_clouds.google.estate.account_lag_s
        both_clouds.google.estate.account_lag_s = 0.0
        for exchange in self.exchanges:
            request = _renamed(exchange.request, known)
            if request.host.endswith(DT):
                both_clouds.dt.connectors.add(request.path.split("/")[3], request.json())
                continue
            answer = _granted(both_clouds.google.answer, request, until_done=exchange.is_end)
            known |= _changed_names(_read(exchange.answer.body), _read(answer.body)) | {**given}
        both_clouds.google.estate.account_lag_s = lag_s
        assert both_clouds.google.left() == [_replaced(name, given) for name in self.left]

    def save(self, file: Path) -> None:
        """Keep it for other processes of the same run."""
        file.write_bytes(pickle.dumps(self))

    @classmethod
    def load(cls, file: Path) -> "Recording":
        """Return what was kept."""
        kept = pickle.loads(file.read_bytes())  # noqa: S301  # a process of the same run has written it
        assert isinstance(kept, cls)
        return kept


@contextmanager
def recorded(both_clouds: Clouds) -> Iterator[Recording]:
    """Record what is made in these clouds meanwhile."""
    recording = Recording()

    def recording_of(cloud: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            exchange = Exchange(request, cloud(request))
            if exchange.answer.status == 200 and (exchange.is_change or exchange.is_end):
                recording.exchanges.append(exchange)
            return exchange.answer

        return answer

    both_clouds.proxy.lead(GOOGLE, recording_of(both_clouds.google.answer))
    both_clouds.proxy.lead(DT, recording_of(both_clouds.dt.answer))
    yield recording
    both_clouds.proxy.lead(GOOGLE, both_clouds.google.answer)
    both_clouds.proxy.lead(DT, both_clouds.dt.answer)
    recording.left = both_clouds.google.left()


def _granted(cloud: Callable[[Request], Answer], request: Request, *, until_done: bool) -> Answer:
    """Ask, for an operation until it has ended; what was granted once has to be granted again."""
    give_up_at = time.monotonic() + DEPLOY_S
    while True:
        answer = cloud(request)
        assert answer.status == 200, (request, answer)
        if not until_done or _read(answer.body)["done"]:
            return answer
        assert time.monotonic() < give_up_at, request
        time.sleep(0.02)


def _renamed(request: Request, names: Mapping[str, str]) -> Request:
    """Return a request in the names of the other clouds; the source that is uploaded stays as it is."""
    is_upload = request.host.startswith("storage.")
    return replace(
        request,
        host=_replaced(request.host, names),
        path=_replaced(request.path, names),
        query={key: [_replaced(value, names) for value in values] for key, values in request.query.items()},
        body=request.body if is_upload else _replaced(request.body.decode(), names).encode(),
    )


def _replaced(text: str, names: Mapping[str, str]) -> str:
    """Replace every name in a text; longer ones first, because a short one may be a part of them."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    return text


def _changed_names(before: Any, after: Any) -> dict[str, str]:
    """Return the texts of one answer that are others in another, such as an upload's URL and its parts."""
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = [(before[key], after[key]) for key in before.keys() & after.keys()]
    elif isinstance(before, list) and isinstance(after, list):
        pairs = list(zip(before, after, strict=False))
    elif isinstance(before, str) and isinstance(after, str) and before != after:
        return {before: after}
    else:
        return {}
    return {name: other for pair in pairs for name, other in _changed_names(*pair).items()}


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
