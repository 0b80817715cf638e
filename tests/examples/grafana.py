"""The dashboard of docs/examples/grafana, and the SQL that Grafana makes of its queries."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.examples.loading import EXAMPLES

DASHBOARD: dict[str, Any] = json.loads((EXAMPLES / "grafana" / "dashboard.json").read_text("utf-8"))
PANELS: dict[str, dict[str, Any]] = {panel["title"]: panel for panel in DASHBOARD["panels"]}
VARIABLES: dict[str, dict[str, Any]] = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
FROM, TO, NOW = "2026-11-02 06:00:00", "2026-11-02 18:00:00", "TIMESTAMP '2026-11-03 13:30:00+00'"
"""The time that the dashboard shows, and the present."""


def interpolated(sql: str, interval: str = "5m") -> str:
    """Return the SQL that Grafana's data source sends: macros and variables replaced as its documentation says."""
    seconds = {"m": 60, "h": 3600}
    time_from, time_to = (f"TIMESTAMP '{time}+00'" for time in (FROM, TO))

    def group(found: "re.Match[str]") -> str:
        length = found[2].strip("'").replace("$__interval", interval)
        ms = int(length[:-1]) * seconds[length[-1]] * 1000
        return f"TIMESTAMP_MILLIS(DIV(UNIX_MILLIS({found[1]}), {ms}) * {ms})"

    sql = re.sub(r"\$__timeGroup\((\w+), ([^)]+)\)", group, sql)
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {time_from} AND {time_to}", sql)
    sql = sql.replace("$__timeFrom()", time_from).replace("$__timeTo()", time_to).replace("CURRENT_TIMESTAMP()", NOW)
    return re.sub(r"`\$\{project\}\.\$\{dataset\}\.(\w+)`", r"@\1", sql.replace("$device", "'d1','d2'"))


def sql_of(panel: Mapping[str, Any]) -> str:
    (target,) = panel["targets"]
    return str(target["rawSql"])
