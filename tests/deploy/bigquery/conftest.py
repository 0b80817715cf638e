"""A warehouse without rows."""

from collections.abc import Iterator

import pytest

from tests.deploy.bigquery.engines import Warehouse


@pytest.fixture(scope="module")
def _one() -> Warehouse:
    return Warehouse()


@pytest.fixture
def warehouse(_one: Warehouse) -> Iterator[Warehouse]:
    """The table and the views without rows."""
    yield _one
    _one.empty()
