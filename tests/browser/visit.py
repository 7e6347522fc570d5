"""What a person does on the chat page, and what they see there."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, BrowserContext, Page, expect

PATIENCE = 15_000  # milliseconds
expect.set_options(timeout=PATIENCE)


class Visit:
    """A browser and the address of a chat.

    Attributes:
        url: of the page.
        complaints: what no page may do: dialogs, errors, requests to anywhere else.
    """

    def __init__(self, browser: Browser, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.complaints: list[str] = []
        self._browser = browser

    def open_context(self, **options: object) -> BrowserContext:
        """A fresh profile; its pages are watched."""
        context = self._browser.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        context.on("page", self._watch)
        return context

    def join(self, name: str, room: str = "lobby", **options: object) -> Page:
        """A page of its own profile, in a room."""
        page = self.open_context(**options).new_page()
        page.goto(f"{self.url}#{room}")
        fill_form(page, name)
        expect_joined(page)
        return page

    def _watch(self, page: Page) -> None:
        def complain(what: str) -> None:
            self.complaints.append(what)

        def look_at_request(url: str) -> None:
            if not re.sub("^ws", "http", url).startswith(self.url):
                complain(f"request to {url}")

        page.on("dialog", lambda dialog: (complain(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("request", lambda request: look_at_request(request.url))
        page.on("websocket", lambda socket: look_at_request(socket.url))
        page.on("console", lambda line: "Security Policy" in line.text and complain(line.text))


def fill_form(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Join").click()


def expect_joined(page: Page) -> None:
    expect(page.locator("#status")).to_have_text("Connected")


def expect_people(page: Page, *names: str) -> None:
    expect(page.locator("#people-list bdi")).to_have_text(list(names))


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send").click()


def expect_messages(page: Page, *texts: str) -> None:
    expect(page.locator(".message .text")).to_have_text(list(texts))
