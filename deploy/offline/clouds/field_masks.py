"""Field masks: which fields of a resource an update is about. https://google.aip.dev/161."""

import re

from deploy.offline.clouds.exchange import Json


def masked(before: Json, asked: Json, mask: str) -> Json:
    """Give a resource with the fields of a mask as they are asked for; a field that is not said is removed.

    A mask may be in snake case, which gcloud sends for some APIs: ``build_config.source,labels``.
    """
    after = dict(before)
    for path in re.sub(r"_([a-z])", lambda found: found[1].upper(), mask).split(","):
        if path:
            _take(after, asked, path)
    return after


def _take(into: Json, asked: Json, path: str) -> None:
    head, _, rest = path.partition(".")
    if rest:
        into[head] = dict(into.get(head, {}))
        _take(into[head], asked.get(head, {}), rest)
    elif asked.get(head) is not None:
        into[head] = asked[head]
    else:
        into.pop(head, None)
