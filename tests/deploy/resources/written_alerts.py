"""``python -m tests.deploy.resources.written_alerts``: write ``alerts.json``, the alerts and the dashboard.

Read the difference before you commit it: an operator is woken by these conditions, and reads these words.
"""

import json
from pathlib import Path

from deploy.resources.alert_definitions import alerts_of, dashboard_of, log_metrics_of
from deploy.spec import Alerts, Warehouse
from tests.deploy.stage import spec

FILE = Path(__file__).with_name("alerts.json")


def written() -> str:
    """Return the policies with their thresholds that no setting names, the log-based metrics and the dashboard."""
    told = Alerts(emails=("ops@example.com",), runbook_url="https://wiki.example.com/runbook/")
    wanted = spec(alerts=told, bigquery=Warehouse("sensors"))
    found = {
        "policies": {alert.key: {"unset": alert.unset, **alert.body} for alert in alerts_of(wanted)},
        "metrics": {metric.name: metric.body for metric in log_metrics_of(wanted)},
        "dashboard": dashboard_of(wanted),
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), "utf-8")
