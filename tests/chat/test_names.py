"""Names: what is refused, what is made the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawws.chat.errors import ChatError
from rawws.chat.names import MAX_NAME, clean_name, clean_room, key


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Ада",
        "小明",
        "O'Brien",
        "Jean-Luc P.",
        "שירה",
        "R2-D2",
        "👏",
        "e\u0301le\u0300ve",
        "_",
    ],
)
def test_names_of_many_scripts_are_allowed(name: str) -> None:
    assert key(clean_name(name)) == key(name)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("  Ada  ", "Ada"),
        ("Ada   Lovelace", "Ada Lovelace"),
        ("\uff21\uff44\uff41", "Ada"),
        ("ﬁn", "fin"),
        ("A\u00a0B", "A B"),
        ("\u2764\ufe0f", "\u2764"),
    ],
)
def test_name_is_shown_in_its_plain_form(given_name: str, shown: str) -> None:
    assert clean_name(given_name) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "aDA"),
        ("Ada", "\uff21\uff44\uff41"),
        ("Straße", "STRASSE"),
        ("\u0399\u0345", "\u03b9\u03b9"),
        ("Ⅸ", "ix"),
    ],
)
def test_names_that_differ_by_case_or_width_are_the_same(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    "hidden",
    [
        *("\x00", "\x1b", "\x7f", "\x85", "\t", "\n"),  # controls
        *("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad"),  # no width
        *("\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069", "\u061c"),  # direction
        *("\u115f", "\u3164", "\uffa0", "\u2800", "\u034f", "\u17b4", "\u180b"),  # fillers
        *("\u2028", "\u2029", "\ue000", "\U000e0041", "\U000e0100", "\uffff"),
    ],
)
@pytest.mark.parametrize("pattern", ["A{}da", "{}Ada", "Ada{}", "{}"])
def test_characters_that_cannot_be_seen_are_refused(hidden: str, pattern: str) -> None:
    with pytest.raises(ChatError) as refusal:
        clean_name(pattern.format(hidden))
    assert refusal.value.code == "bad-name"
    assert hidden not in refusal.value.message


@pytest.mark.parametrize("name", ["", " ", "\u3000", "\u0301a", "a" * (MAX_NAME + 1)])
def test_name_that_is_empty_too_long_or_a_bare_mark_is_refused(name: str) -> None:
    with pytest.raises(ChatError, match="bad-name"):
        clean_name(name)
    with pytest.raises(ChatError, match="bad-room"):
        clean_room(name)


def test_name_that_grows_when_normalised_is_measured_again() -> None:
    assert len(clean_name("\ufdfa")) == 18
    with pytest.raises(ChatError, match="bad-name"):
        clean_name("\ufdfa\ufdfa")


@pytest.mark.parametrize(
    "name", ["system", "SYSTEM", "\uff33\uff59\uff53\uff54\uff45\uff4d", "admin", "you"]
)
def test_reserved_names_are_for_nobody(name: str) -> None:
    with pytest.raises(ChatError, match="name-reserved"):
        clean_name(name)
    assert clean_room(name)


@given(st.text(max_size=MAX_NAME + 2))
def test_name_that_was_accepted_is_accepted_again_unchanged(text: str) -> None:
    try:
        name = clean_name(text)
    except ChatError:
        return
    assert len(name) <= MAX_NAME
    assert clean_name(name) == name
