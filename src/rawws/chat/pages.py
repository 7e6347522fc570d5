"""The files of web/, as HTTP responses made once.

Nothing is fetched from elsewhere, and the policy says so: own script, own style, own
connections, no frames, no string that becomes HTML.
"""

from __future__ import annotations

from importlib.resources import files

import rawws

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FILES = ("index.html", "style.css", "room.css", "app.js", "link.js", "view.js", "icon.svg")

HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-cache"),
)


class Pages:
    """What is served over plain HTTP."""

    def __init__(self) -> None:
        web = files("rawws.chat") / "web"
        self._responses = {
            "/" if name == "index.html" else f"/{name}": rawws.Response(
                200,
                (("Content-Type", _TYPES[name.rpartition(".")[2]]), *HEADERS),
                (web / name).read_bytes(),
            )
            for name in _FILES
        }

    def answer(self, method: str, path: str) -> rawws.Response:
        """The response to a request: 404 for an unknown path, 405 for what is no reading."""
        response = self._responses.get(path)
        if response is None:
            return refuse(404, "There is no such page.\n")
        if method not in ("GET", "HEAD"):
            return refuse(405, "This page can only be read.\n", ("Allow", "GET, HEAD"))
        return response


def refuse(status: int, why: str, *headers: tuple[str, str]) -> rawws.Response:
    """A response of one line of text."""
    return rawws.Response(status, (*HEADERS, *headers), why)
