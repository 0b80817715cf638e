"""The body of a connector's request, rebuilt from an event of DT's history. Pure.

DT's history has only the part ``event``. It is sent on as DT wrote it, without white space: the same keys in the same
order, and the same text of every number. The rest is made of the device as it is today: its labels may have been others
when the event happened. So the body has the members that the connector's had, and need not have the same bytes.
"""

import json
from collections.abc import Sequence

from deploy.dt.history import HistoryDevice, HistoryEvent


def connector_body(event: HistoryEvent, device: HistoryDevice, label_keys: Sequence[str]) -> bytes:
    """Return the body that a connector would send. ``label_keys``: the labels that the connector is set to send."""
    labels = {key: device.labels[key] for key in label_keys if key in device.labels}
    metadata = {
        "deviceId": device.id,
        "projectId": device.project,
        "deviceType": device.type,
        "productNumber": device.product_number,
    }
    return f'{{"event":{event.raw},"labels":{_json(labels)},"metadata":{_json(metadata)}}}'.encode()


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
