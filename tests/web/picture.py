"""``python -m tests.web.picture FILE``: make the picture of the live page that the README shows."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.deploy.live.web.client import serving
from tests.web.building import history, rejected
from tests.web.chromium import FLAGS, found
from tests.web.opened import Opened

AT = datetime(2026, 11, 2, 14, 2, 11, tzinfo=UTC).timestamp()
WIDTH, HEIGHT = 1200, 680
EVENTS = 400


def main(file: Path) -> int:
    """Make the picture; return the exit status."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # make test has no playwright

    with serving(now=lambda: AT, title="dt-pubsub in my-project") as site, sync_playwright() as playwright:
        for message in history(AT, EVENTS):
            site.feed.add(message)
        site.feed.add(rejected("foreign_project", b'{"event":{}}', AT - 1, EVENTS + 1))
        browser = playwright.chromium.launch(executable_path=found(), args=[*FLAGS])
        page = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, timezone_id="UTC", color_scheme="light"
        ).new_page()
        page.clock.set_fixed_time(AT)
        page.goto(site.page.address)
        opened = Opened(page, site, [])
        opened.counted(EVENTS + 1)
        page.locator("#rows tr", has_text="Fridge 1").first.click()
        page.mouse.move(0, 0)
        file.parent.mkdir(exist_ok=True)
        page.screenshot(path=file)
        browser.close()
    print(f"{file}: {file.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
