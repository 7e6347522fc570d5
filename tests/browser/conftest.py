"""A chat in this process, and Chromium driven from a worker thread.

Playwright's synchronous interface is the one that works beside Trio.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
from playwright.sync_api import sync_playwright

import rawws
from rawws.chat.server import serve
from tests.browser.visit import Visit

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def chat(nursery: trio.Nursery) -> rawws.Server:
    """A running chat."""
    server = await nursery.start(partial(serve, "127.0.0.1", 0))
    assert isinstance(server, rawws.Server)
    return server


@pytest.fixture
def browse(
    chat: rawws.Server, require: Callable[[str], str]
) -> Callable[[Callable[[Visit], None]], Awaitable[None]]:
    """Runs a script in Chromium."""
    chromium = require("chromium")

    def run(script: Callable[[Visit], None]) -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            try:
                visit = Visit(browser, chat.port)
                script(visit)
                assert visit.complaints == []
            finally:
                browser.close()

    return partial(trio.to_thread.run_sync, run)
