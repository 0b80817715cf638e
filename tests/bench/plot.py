"""The picture beside the tables: p50 and requests/s over connections, one row for each broker."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

from tests.bench.results import Comparison

PANELS = (("p50_ms", "p50, ms", "log"), ("requests_s", "requests/s", "log"), ("cpu_us", "CPU per event, µs", "linear"))
MARKERS = "os^vDx+"


def plot(results: Mapping[str, Any], path: Path) -> None:
    """Draw the comparison."""
    mpl.use("Agg")
    comparison = Comparison(results)
    figure, rows = plt.subplots(
        len(comparison.brokers), len(PANELS), figsize=(13, 4 * len(comparison.brokers)), squeeze=False
    )
    for broker, panels in zip(comparison.brokers, rows, strict=True):
        for (metric, label, scale), panel in zip(PANELS, panels, strict=True):
            for name, marker in zip(comparison.variants, MARKERS, strict=False):
                values = [comparison.figure(metric, name, broker, count) for count in comparison.connections]
                panel.plot(comparison.connections, values, marker=marker, label=name, linewidth=1.2)
            panel.set(title=f"{label}; broker: {broker}", xlabel="connections", xscale="log", yscale=scale)
            panel.set_xticks(comparison.connections, [str(count) for count in comparison.connections], minor=False)
            panel.minorticks_off()
            panel.grid(visible=True, alpha=0.3)
    rows[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=90, metadata={"Software": None})
