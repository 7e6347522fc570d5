"""The page itself, and what it must not have in it."""

from __future__ import annotations

import re

import pytest

from rawws.chat.pages import Pages

TYPES = {
    "/": "text/html; charset=utf-8",
    "/style.css": "text/css; charset=utf-8",
    "/room.css": "text/css; charset=utf-8",
    "/app.js": "text/javascript; charset=utf-8",
    "/link.js": "text/javascript; charset=utf-8",
    "/view.js": "text/javascript; charset=utf-8",
    "/icon.svg": "image/svg+xml",
}
PATHS = tuple(TYPES)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_files_are_served_with_their_type_and_a_strict_policy(method: str, path: str) -> None:
    response = Pages().answer(method, path)
    assert response.status == 200
    assert response.body
    assert response.headers["Content-Type"] == TYPES[path]
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/nothing", "/index.html", "//", "/../server.py", "/%2e%2e/server.py", "", "*"]
)
def test_other_paths_are_404(path: str) -> None:
    response = Pages().answer("GET", path)
    assert response.status == 404
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_405(method: str) -> None:
    response = Pages().answer(method, "/")
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_page_weighs_less_than_50_kilobytes() -> None:
    pages = Pages()
    assert sum(len(pages.answer("GET", path).body) for path in PATHS) < 50_000


def test_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    pages = Pages()
    page = pages.answer("GET", "/").body.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]
    for path in PATHS:
        body = pages.answer("GET", path).body.decode()
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", body) == []
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", body)
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) <= set(PATHS)
