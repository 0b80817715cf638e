"""The browser and the pages in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.live.web.client import Site, serving
from tests.web.chromium import FLAGS, found
from tests.web.opened import DESK, Opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """One Chromium for all tests."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # make test has no playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found(), args=[*FLAGS])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[Open]:
    """Return a function that opens a site's address in a browser without cookies. It takes Playwright's options."""
    with ExitStack() as stack:

        def opened(site: Site, **options: Any) -> Opened:
            context = browser.new_context(**{"viewport": DESK, "timezone_id": "UTC", "locale": "en-GB", **options})
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(20_000)
            errors: list[str] = []
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(site.page.address)
            page.wait_for_url("**/")
            result = Opened(page, site, errors)
            result.waits_for_connection("live")
            return result

        yield opened


@pytest.fixture
def site() -> Iterator[Site]:
    """A page without events."""
    with serving() as started:
        yield started


@pytest.fixture
def opened(site: Site, open_page: Open) -> Iterator[Opened]:
    """That page, open in the browser. A test fails if the page has written an error to its console."""
    result = open_page(site)
    yield result
    assert result.errors == []
