"""A live page that is open in a browser: what a user does there, and what the user sees."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.live.message import Message
from tests.deploy.live.web.client import Site, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHONE = {"width": 375, "height": 740}
DESK = {"width": 1360, "height": 880}


@dataclass
class Opened:
    """A page in the browser, and the server behind it. ``errors``: what the page wrote to its console as errors."""

    page: "Page"
    site: Site
    errors: list[str]

    def publish(self, *messages: Message) -> None:
        """Let messages come, and wait until the page has counted them."""
        before = self.number("#total")
        for message in messages:
            self.site.feed.add(message)
        self.counted(before + len(messages))

    def counted(self, count: int) -> None:
        """Wait until the page has got this many events."""
        self.page.wait_for_function("count => document.querySelector('#total').textContent === count", arg=f"{count:,}")

    def number(self, selector: str) -> int:
        """Return the number that an element shows."""
        return int(self.page.inner_text(selector).replace(",", ""))

    def rows(self) -> list[str]:
        """Return the text of each row of the table, newest first, without its time."""
        return [
            " · ".join(row.locator("td").all_inner_texts()[1:])
            for row in self.page.locator("#rows tr:not(.note)").all()
        ]

    def notes(self) -> list[str]:
        """Return the rows that say what is missing."""
        return self.page.locator("#rows tr.note").all_inner_texts()

    def connection(self) -> str:
        """Return the state of the connection as the page shows it."""
        return self.page.inner_text("#connection-text")

    def waits_for_connection(self, text: str, timeout_s: float = 30) -> None:
        """Wait until the page shows this state."""
        self.page.locator("#connection-text", has_text=text).wait_for(timeout=timeout_s * 1000)

    def view(self, name: str) -> None:
        """Go to a view by its link."""
        self.page.get_by_role("link", name=name, exact=True).click()

    def violations(self) -> list[str]:
        """Return the barriers that axe-core finds in the page as it is now."""
        self.page.evaluate(axe())
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]


def axe() -> str:
    """Return the source of axe-core, which the tests' requirements pin by the hash of its package."""
    import axe_playwright_python  # noqa: PLC0415  # only make test-web has it

    (file,) = Path(next(iter(axe_playwright_python.__path__))).glob("axe.min.js")
    return file.read_text("utf-8")


__all__ = ["DESK", "PHONE", "Opened", "eventually"]
