"""The chat page in a real browser, against a server in this process."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial

import trio
from playwright.sync_api import expect

import rawws
from rawws.chat.server import serve
from tests.browser.visit import Visit, expect_joined, expect_messages, expect_people, fill_form, say

PHONE = {"width": 390, "height": 780}
MARKUP = "<img src=x onerror=alert(1)>"

Browse = Callable[[Callable[[Visit], None]], Awaitable[None]]


async def test_two_pages_see_both_names_and_what_one_says_appears_on_the_other(
    browse: Browse,
) -> None:
    def script(visit: Visit) -> None:
        ada = visit.join("Ada")
        expect_people(ada, "Ada")
        grace = visit.join("Grace")
        for page in (ada, grace):
            expect_people(page, "Ada", "Grace")
        expect(ada.locator(".event")).to_have_text("Grace came in")

        say(ada, "hello")
        expect_messages(grace, "hello")
        expect(grace.locator(".message")).not_to_have_class(re.compile("own"))
        expect(grace.locator(".message .author")).to_have_text("Ada")
        expect_messages(ada, "hello")
        expect(ada.locator(".message")).to_have_class(re.compile("own"))

        say(grace, "two\nlines")
        expect_messages(ada, "hello", "two\nlines")

        ada.get_by_role("button", name="Leave").click()
        expect(ada.get_by_role("button", name="Join")).to_be_visible()
        expect_people(grace, "Grace")
        expect(grace.locator(".event")).to_have_text("Ada left")

    await browse(script)


async def test_rooms_are_apart(browse: Browse) -> None:
    def script(visit: Visit) -> None:
        ada, grace = visit.join("Ada", "one"), visit.join("Grace", "two")
        say(ada, "for one")
        expect_messages(ada, "for one")
        say(grace, "for two")
        expect_messages(grace, "for two")
        expect_people(grace, "Grace")

        ada.evaluate("location.hash = 'two'")
        expect_people(grace, "Ada", "Grace")
        expect(ada.locator("#room-name")).to_have_text("two")
        expect_messages(ada)

    await browse(script)


async def test_markup_in_name_room_and_text_is_shown_as_text(browse: Browse) -> None:
    def script(visit: Visit) -> None:
        ada = visit.join("Ada", "<b>room")
        mallory = visit.join(MARKUP, "<b>room")
        for text in (MARKUP, "<script>alert(1)</script>", "&lt;b&gt;", "javascript:alert(1)"):
            say(mallory, text)
        for page in (ada, mallory):
            expect_people(page, MARKUP, "Ada")
            expect_messages(
                page, MARKUP, "<script>alert(1)</script>", "&lt;b&gt;", "javascript:alert(1)"
            )
            expect(page.locator("#room-name")).to_have_text("<b>room")
            expect(
                page.locator("#log :is(img, script, b), #people :is(img, script)")
            ).to_have_count(0)
        expect(ada.locator(".author").first).to_have_text(MARKUP)

    await browse(script)


async def test_page_that_reloads_is_back_under_its_name(browse: Browse) -> None:
    def script(visit: Visit) -> None:
        ada, grace = visit.join("Ada"), visit.join("Grace")
        for count in range(3):
            ada.reload()
            expect_joined(ada)
            expect_people(ada, "Ada", "Grace")
            say(grace, f"welcome back {count}")
            expect_messages(ada, f"welcome back {count}")
        expect_people(grace, "Ada", "Grace")
        expect(grace.locator(".event")).to_have_count(0)

    await browse(script)


async def test_name_that_is_taken_is_said_in_the_form(browse: Browse) -> None:
    def script(visit: Visit) -> None:
        visit.join("Ada")
        other = visit.open_context().new_page()
        other.goto(visit.url)
        expect(other.get_by_label("Room")).to_have_value("lobby")
        fill_form(other, "ADA")
        expect(other.get_by_role("alert").first).to_have_text(
            "Somebody in the room has that name already."
        )
        expect(other.get_by_label("Your name")).to_be_focused()
        fill_form(other, "Grace")
        expect_people(other, "Ada", "Grace")

    await browse(script)


async def test_room_of_the_link_and_name_of_the_last_time_are_offered(browse: Browse) -> None:
    def script(visit: Visit) -> None:
        context = visit.open_context()
        page = context.new_page()
        page.goto(f"{visit.url}#caf%C3%A9%20one")
        expect(page.get_by_label("Room")).to_have_value("café one")
        fill_form(page, "Ada")
        expect_joined(page)
        page.close()

        page = context.new_page()
        page.goto(visit.url)
        expect(page.get_by_label("Your name")).to_have_value("Ada")
        page.get_by_role("button", name="Join").click()
        expect_joined(page)

    await browse(script)


async def test_second_tab_of_a_person_takes_the_name_and_the_first_can_take_it_back(
    browse: Browse,
) -> None:
    def script(visit: Visit) -> None:
        context = visit.open_context()
        first = context.new_page()
        first.goto(visit.url)
        fill_form(first, "Ada")
        expect_joined(first)
        with context.expect_page() as opened:
            first.evaluate("open(location.href)")  # such a tab starts with a copy of the storage
        second = opened.value
        expect_joined(second)
        expect(first.locator("#banner")).to_contain_text("another tab")
        first.get_by_role("button", name="Use this one").click()
        expect_joined(first)
        expect(second.locator("#banner")).to_contain_text("another tab")
        expect_people(first, "Ada")

    await browse(script)


async def test_page_says_when_the_server_is_gone_and_comes_back_with_it(
    browse: Browse, chat: rawws.Server, nursery: trio.Nursery
) -> None:
    port = chat.port

    async def start_again() -> None:
        await nursery.start(partial(serve, "127.0.0.1", port))

    def script(visit: Visit) -> None:
        ada = visit.join("Ada")
        say(ada, "before")
        expect_messages(ada, "before")

        trio.from_thread.run(chat.aclose)
        expect(ada.locator("#banner")).to_contain_text("The connection is lost.")
        expect(ada.get_by_role("button", name="Send")).to_be_disabled()
        ada.get_by_label("Message", exact=True).fill("written meanwhile")

        trio.from_thread.run(start_again)
        ada.get_by_role("button", name="Try now").click()
        expect_joined(ada)
        expect(ada.locator("#banner")).to_be_hidden()
        ada.get_by_role("button", name="Send").click()
        expect_messages(ada, "before", "written meanwhile")

    await browse(script)


async def test_keyboard_alone_is_enough(browse: Browse) -> None:
    def script(visit: Visit) -> None:
        page = visit.open_context().new_page()
        page.goto(visit.url)
        expect(page.get_by_label("Your name")).to_be_focused()
        page.keyboard.type("Ada")
        page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type("#corner")
        page.keyboard.press("Enter")
        expect_joined(page)
        expect(page.locator("#room-name")).to_have_text("corner")

        expect(page.get_by_label("Message", exact=True)).to_be_focused()
        page.keyboard.type("one")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("two")
        page.keyboard.press("Enter")
        expect_messages(page, "one\ntwo")
        expect(page.get_by_label("Message", exact=True)).to_be_focused()

        page.keyboard.press("Shift+Tab")
        expect(page.get_by_role("log")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        expect(page.get_by_role("button", name="Leave")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Room")).to_be_focused()

    await browse(script)


async def test_phone_shows_people_on_request_and_nothing_sideways(browse: Browse) -> None:
    def script(visit: Visit) -> None:
        page = visit.join("A" * 32, "B" * 32, viewport=PHONE)
        say(page, "x" * 500)
        expect_messages(page, "x" * 500)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]

        toggle = page.get_by_role("button", name="people here")
        expect(page.locator("#people")).to_be_hidden()
        toggle.click()
        expect(toggle).to_have_attribute("aria-expanded", "true")
        expect(page.locator("#people")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#people")).to_be_hidden()
        expect(toggle).to_be_focused()

    await browse(script)


async def test_new_message_does_not_move_who_reads_further_up(browse: Browse) -> None:
    def script(visit: Visit) -> None:
        ada, grace = visit.join("Ada"), visit.join("Grace")
        say(ada, "\n".join(f"line {number}" for number in range(100)))
        expect(grace.locator(".message")).to_have_count(1)
        grace.get_by_role("log").focus()
        grace.keyboard.press("Home")
        newer = grace.get_by_role("button", name="New messages")
        expect(grace.get_by_role("log")).to_have_js_property("scrollTop", 0)
        expect(newer).to_be_hidden()
        say(ada, "below")
        expect(newer).to_be_visible()
        expect(grace.get_by_role("log")).to_have_js_property("scrollTop", 0)
        newer.click()
        expect(newer).to_be_hidden()
        expect(grace.get_by_text("below")).to_be_in_viewport()

    await browse(script)
