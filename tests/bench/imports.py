"""What a start imports, module by module: Python's own account (``-X importtime``) of a real start, to the first 2xx.

Python needs time to report the imports, so the figures show shares rather than the milliseconds of a usual start;
the comparison has those.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tests.bench.brokers import Broker
from tests.bench.contestants import Environments, Variant
from tests.bench.figures import median
from tests.bench.server import serving

_LINE = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


def imports(
    variants: Iterable[Variant], environments: Environments, broker: Broker, rounds: int, say: Callable[[str], object]
) -> dict[str, dict[str, float]]:
    """Return, by variant, the median milliseconds of each package: its own modules without what they import."""
    chosen = list(variants)
    accounts: dict[str, list[dict[str, float]]] = defaultdict(list)
    for number in range(rounds):
        for variant in chosen:
            say(f"-- start {number + 1} of {rounds}: {variant.name}")
            reporting = replace(variant, settings={**variant.settings, "PYTHONPROFILEIMPORTTIME": "1"})
            with serving(reporting, environments, broker) as server:
                accounts[variant.name].append(by_package(server.output.read_text("utf-8", "replace")))
    return {name: _medians(rounds) for name, rounds in accounts.items()}


def by_package(account: str) -> dict[str, float]:
    """Return the milliseconds by package: the first name of a module, or the first two names for ``google``."""
    sums: dict[str, float] = defaultdict(float)
    for microseconds, module in _LINE.findall(account):
        names = module.split(".")
        sums[".".join(names[: 2 if names[0] == "google" else 1])] += int(microseconds) / 1e3
    return dict(sums)


def _medians(accounts: list[Mapping[str, float]] | list[dict[str, float]]) -> dict[str, float]:
    packages = {name for account in accounts for name in account}
    return {name: median([account.get(name, 0.0) for account in accounts]) for name in sorted(packages)}
