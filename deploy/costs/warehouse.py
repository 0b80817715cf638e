"""What BigQuery adds to the cost of a month. Pure.

The prices were looked up on ``AS_OF`` like the others. That of queries is from a copy of 2026; that of storage is from
an older one.
"""

from dataclasses import dataclass

from deploy.costs.bill import GIB, GIB_OF_A_TIB
from deploy.costs.month import EVENT
from deploy.costs.prices import fact

_PUBSUB = "https://cloud.google.com/pubsub/pricing"
_BIGQUERY = "https://cloud.google.com/bigquery/pricing"


@dataclass(frozen=True, slots=True)
class WarehousePrices:
    """Prices in dollars, and the amounts that are free every month."""

    export_tib: float = fact(50, "$ per TiB that a subscription writes to BigQuery; none is free", _PUBSUB)
    transform_tib: float = fact(40, "$ per TiB of what a transform reads or returns, whichever is more", _PUBSUB)
    storage_gib: float = fact(0.02, "$ per GiB and month of stored rows", _BIGQUERY)
    storage_gib_free: float = fact(10, "GiB of stored rows are free", _BIGQUERY)
    query_tib: float = fact(6.25, "$ per TiB that queries read, on demand", _BIGQUERY)
    query_tib_free: float = fact(1, "TiB of queries per month is free", _BIGQUERY)


WAREHOUSE_PRICES = WarehousePrices()

ROW_PER_MESSAGE = 2.0
"""Bytes of a row for each byte of a message: a row has the body and, beside it, its data as columns. A test measures
it with the transform."""


@dataclass(frozen=True, slots=True)
class WarehouseCost:
    """Dollars per month. ``stored``: once a year of events is stored. ``full_read_gib``: the size of that year."""

    written: float
    transformed: float
    stored: float
    full_read_gib: float


def warehouse_bill(events: float, prices: WarehousePrices = WAREHOUSE_PRICES) -> WarehouseCost:
    """Return what so many events a month cost beside the bill without BigQuery; queries come on top."""
    row_gib = events * EVENT.message_bytes * ROW_PER_MESSAGE / GIB
    return WarehouseCost(
        written=row_gib / GIB_OF_A_TIB * prices.export_tib,
        transformed=row_gib / GIB_OF_A_TIB * prices.transform_tib,
        stored=max(0.0, 12 * row_gib - prices.storage_gib_free) * prices.storage_gib,
        full_read_gib=12 * row_gib,
    )
