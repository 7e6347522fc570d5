"""Names of people and of rooms: which are allowed, and which two are the same.

A name is shown in its NFKC form, so that full-width, ligature and circled letters become the
plain ones, and compared by `key()`, which forgets case too. What cannot be seen (controls,
zero-width and bidirectional marks, fillers, odd spaces) is refused rather than dropped: two
names that look alike should not both be there, and nobody should wonder where a character went.
"""

from __future__ import annotations

import unicodedata

from .errors import ChatError

MAX_NAME = 32
"""Longest name of a person or a room, in characters."""

RESERVED = frozenset({"admin", "administrator", "moderator", "server", "system", "you"})
"""Names of people that would speak with an authority nobody here has."""

# Emoji come with these from many keyboards; they choose between two drawings of one sign.
_VARIATION_SELECTORS = {0xFE0E: None, 0xFE0F: None}
# Letters, marks and symbols by their category, and yet nothing is seen of them.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_VISIBLE = frozenset("LMNPS")


def clean_name(text: str) -> str:
    """The name of a person as it is shown.

    Raises:
        ChatError: "bad-name" for what `_clean` refuses, "name-reserved" for a reserved name.
    """
    name = _clean(text, "name")
    if key(name) in RESERVED:
        raise ChatError("name-reserved", "That name is reserved; please take another.")
    return name


def clean_room(text: str) -> str:
    """The name of a room as it is shown.

    Raises:
        ChatError: "bad-room" for what `_clean` refuses.
    """
    return _clean(text, "room")


def key(name: str) -> str:
    """What two names have in common when they are the same name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _clean(text: str, what: str) -> str:
    if len(text) > MAX_NAME:  # before it is normalised, which may make 18 characters of one
        raise _too_long(what)
    text = unicodedata.normalize("NFKC", text.translate(_VARIATION_SELECTORS))
    name = " ".join(part for part in text.split(" ") if part)
    if not name:
        raise ChatError(f"bad-{what}", f"Please give a {what}.")
    if len(name) > MAX_NAME:
        raise _too_long(what)
    if not all(_is_allowed(character) for character in name):
        raise ChatError(f"bad-{what}", f"The {what} has characters that cannot be seen.")
    if unicodedata.category(name[0])[0] == "M":
        raise ChatError(f"bad-{what}", f"The {what} begins with a mark that has no letter.")
    return name


def _is_allowed(character: str) -> bool:
    if character in _INVISIBLE or 0xE0100 <= ord(character) <= 0xE01EF:
        return False
    return character == " " or unicodedata.category(character)[0] in _VISIBLE


def _too_long(what: str) -> ChatError:
    return ChatError(f"bad-{what}", f"The {what} is too long: {MAX_NAME} characters at most.")
