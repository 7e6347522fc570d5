"""The language of the chat: JSON objects in text frames, told apart by their "type".

From the page, on /ws:

    {"type": "join", "name": "Ada", "room": "lobby"}    and "secret", to take one's own name over
    {"type": "say", "text": "hello"}

To the page, on /ws:

    {"type": "joined", "name": "Ada", "room": "lobby", "secret": "..."}
    {"type": "message", "room": "lobby", "author": "Ada", "text": "hello", "time": 1700000000000}
    {"type": "error", "code": "name-taken", "message": "..."}

To the page, on /presence?room=lobby:

    {"type": "people", "room": "lobby", "people": ["Ada", "Grace"]}

Times are milliseconds since 1970. Unknown members of an object are ignored. `parse` is total:
whatever comes in, the result is a request or a `ChatError`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from .errors import ChatError
from .names import clean_name, clean_room

MAX_TEXT = 4000
"""Longest text of a message, in characters."""

MAX_FRAME = 2**16
"""Largest frame from a client in bytes: the longest text with every character escaped fits."""

MAX_SECRET = 64


@dataclass(frozen=True, slots=True)
class Join:
    """Someone wants to be `name` in `room`.

    Attributes:
        name: as it will be shown.
        room: as it will be shown.
        secret: what an earlier `joined` gave, or "".
    """

    name: str
    room: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """Someone says something in the room they are in."""

    text: str


Request = Join | Say


def parse(frame: str | bytes) -> Request:
    """The request in a frame.

    Raises:
        ChatError: for anything else, saying what is wrong with it.
    """
    match _parse_object(frame):
        case {"type": "join", **rest}:
            return Join(
                clean_name(_get_text(rest, "name")),
                clean_room(_get_text(rest, "room")),
                _get_text(rest, "secret", default="")[:MAX_SECRET],
            )
        case {"type": "say", **rest}:
            return Say(_clean_text(_get_text(rest, "text")))
        case _:
            raise ChatError("bad-frame", 'A request has the type "join" or "say".')


def encode_joined(name: str, room: str, secret: str) -> str:
    """The answer to a `Join`."""
    return _encode(type="joined", name=name, room=room, secret=secret)


def encode_message(room: str, author: str, text: str, time: int) -> str:
    """What everybody in a room gets of a `Say`."""
    return _encode(type="message", room=room, author=author, text=text, time=time)


def encode_people(room: str, people: Iterable[str]) -> str:
    """Who is in a room."""
    return _encode(type="people", room=room, people=list(people))


def encode_error(error: ChatError) -> str:
    """A refusal."""
    return _encode(type="error", code=error.code, message=error.message)


def _encode(**members: object) -> str:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def _parse_object(frame: str | bytes) -> dict[str, Any]:
    if isinstance(frame, bytes):
        raise ChatError("bad-frame", "A request is a text frame.")
    try:
        value = json.loads(frame, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # ValueError: bad JSON, NaN, integers without end
        raise ChatError("bad-frame", "A request is JSON.") from None
    if not isinstance(value, dict):
        raise ChatError("bad-frame", "A request is a JSON object.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _get_text(members: dict[str, Any], name: str, default: str | None = None) -> str:
    value = members.get(name, default)
    if not isinstance(value, str):
        raise ChatError("bad-frame", f'The request lacks a text "{name}".')
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ChatError("bad-frame", f'"{name}" has half a surrogate pair.')
    return value


def _clean_text(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > MAX_TEXT:
        raise ChatError("bad-text", f"The text is too long: {MAX_TEXT} characters at most.")
    if any(
        unicodedata.category(character) == "Cc" for character in text if character not in "\n\t"
    ):
        raise ChatError("bad-text", "The text has control characters.")
    if not any(unicodedata.category(character)[0] in "LMNPS" for character in text):
        raise ChatError("bad-text", "There is nothing to see in the text.")
    return text
