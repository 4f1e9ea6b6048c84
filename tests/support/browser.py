"""Debian's chromium, and a record of all that a page does in it."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, Page, Playwright

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
START = 20.0
"""Seconds until a server must listen."""


def find_chromium() -> Path | None:
    """The browser; None where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return Path(found) if found else None


async def launch(playwright: Playwright, program: Path) -> Browser:
    """The browser, started without a window, and without its own talk to the network."""
    return await playwright.chromium.launch(
        executable_path=program, args=list(ARGUMENTS), headless=True
    )


@dataclass
class Visit:
    """A page in a browser of its own, and what went on in it."""

    page: Page
    home: str
    """Where the service is."""
    requests: list[str] = field(default_factory=list)
    """URLs of everything that was asked for."""
    complaints: list[str] = field(default_factory=list)
    """What the browser said: errors, warnings, violations of the policy."""

    async def open(self, path: str = "/") -> None:
        """Nothing; the browser goes there."""
        await self.page.goto(self.home + path)

    async def paste(self, text: str) -> None:
        """Nothing; pastes a text into the field and submits it."""
        await self.page.get_by_label("DID or credential").fill(text)
        await self.page.get_by_role("button", name="Look up").click()

    async def text(self) -> str:
        """All that is to be read."""
        return await self.page.inner_text("body")

    async def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        wide: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wide

    @property
    def strangers(self) -> list[str]:
        """Requests that left the service."""
        return [url for url in self.requests if not url.startswith(self.home + "/")]


@asynccontextmanager
async def visiting(browser: Browser, home: str, **options: Any) -> AsyncIterator[Visit]:
    """A visit to a service.

    Args:
        browser: that is running.
        home: URL of the service, without a slash at its end.
        options: of the browser's context, as ``java_script_enabled`` or ``viewport``.
    """
    async with await browser.new_context(**options) as context:
        page = await context.new_page()
        page.set_default_timeout(10_000)
        visit = Visit(page=page, home=home)
        page.on("request", lambda request: visit.requests.append(request.url))
        page.on(
            "console",
            lambda said: visit.complaints.append(said.text) if said.type != "log" else None,
        )
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        yield visit
        assert await context.cookies() == []


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The URL of an ASGI application on a free port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + START
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(START)
