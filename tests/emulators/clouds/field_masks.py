"""Field masks, which name the fields that an update changes: https://google.aip.dev/161."""

import re

from tests.emulators.clouds.exchange import Json


def masked(before: Json, requested: Json, mask: str) -> Json:
    """Return a resource with the fields of a mask replaced by those of ``requested``; a missing field is removed.

    A mask may be in snake case, which gcloud sends for some APIs: ``build_config.source,labels``.
    """
    after = dict(before)
    for path in re.sub(r"_([a-z])", lambda match: match[1].upper(), mask).split(","):
        if path:
            _replace(after, requested, path)
    return after


def _replace(target: Json, requested: Json, path: str) -> None:
    head, _, rest = path.partition(".")
    if rest:
        target[head] = dict(target.get(head, {}))
        _replace(target[head], requested.get(head, {}), rest)
    elif requested.get(head) is not None:
        target[head] = requested[head]
    else:
        target.pop(head, None)
