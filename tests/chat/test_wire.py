"""The language of the chat: whatever comes in is a request or a refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawws.chat import wire
from rawws.chat.errors import ChatError


def make(**members: object) -> str:
    return json.dumps(members)


def test_join_is_parsed_and_its_names_cleaned() -> None:
    frame = make(type="join", name=" \uff21da ", room="Lobby", secret="s", more=[1])
    assert wire.parse(frame) == wire.Join("Ada", "Lobby", "s")


def test_join_without_secret_has_an_empty_one() -> None:
    assert wire.parse(make(type="join", name="Ada", room="lobby")) == wire.Join("Ada", "lobby", "")


def test_say_keeps_lines_and_tabs_and_loses_the_space_around_them() -> None:
    assert wire.parse(make(type="say", text=" a\r\n\tb\rc\n")) == wire.Say("a\n\tb\nc")


@pytest.mark.parametrize(
    "frame",
    [
        b"{}",
        b"",
        "",
        "{",
        "nonsense",
        "null",
        "1",
        '"join"',
        "[]",
        "{}",
        make(type="fly"),
        make(type=["join"]),
        make(type="join"),
        make(type="join", name="Ada"),
        make(type="join", name=1, room="lobby"),
        make(type="join", name=["Ada"], room="lobby"),
        make(type="join", name="Ada", room=None),
        make(type="join", name="Ada", room="lobby", secret=1),
        make(type="say"),
        make(type="say", text={}),
        '{"type": "say", "text": NaN}',
        '{"type": "say", "text": "hi", "x": Infinity}',
        '{"type": "say", "text": "hi", "x": -Infinity}',
        '{"type": "say", "text": "hi", "x": ' + "9" * 5000 + "}",
        "[" * 60_000,
        '{"a":' * 10_000,
        "[" * 30_000 + "]" * 30_000,
        r'{"type": "say", "text": "\ud800"}',
        r'{"type": "say", "text": "\udc00\ud800"}',
        r'{"type": "join", "name": "A\ud83d", "room": "lobby"}',
        r'{"type": "join", "name": "Ada", "room": "lobby", "secret": "\udfff"}',
    ],
)
def test_what_is_no_request_is_refused(frame: str | bytes) -> None:
    with pytest.raises(ChatError, match="bad-frame"):
        wire.parse(frame)


@pytest.mark.parametrize(
    "text",
    ["", " \n ", "\u200b", "\u3164"[:0], "a\x00", "\x1b[2J", "\x9b", "a" * (wire.MAX_TEXT + 1)],
)
def test_text_that_is_empty_invisible_controlling_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(ChatError, match="bad-text"):
        wire.parse(make(type="say", text=text))


@pytest.mark.parametrize("character", ["a", "é", "小", "👏"])
def test_longest_text_fits_in_a_frame_however_it_is_escaped(character: str) -> None:
    text = character * wire.MAX_TEXT
    frame = make(type="say", text=text)
    assert len(frame.encode()) <= wire.MAX_FRAME
    assert wire.parse(frame) == wire.Say(text)


def test_surrogate_pair_is_one_character() -> None:
    assert wire.parse(r'{"type": "say", "text": "\ud83d\udc4f"}') == wire.Say("👏")


def test_answers_are_json_that_browsers_read() -> None:
    answers = [
        wire.encode_joined("Ada", "lobby", "s"),
        wire.encode_message("lobby", "Ada", "</script>\n👏", 1),
        wire.encode_people("lobby", iter(["Ada", "小明"])),
        wire.encode_error(ChatError("bad-text", "No.")),
    ]
    assert [json.loads(answer) for answer in answers] == [
        {"type": "joined", "name": "Ada", "room": "lobby", "secret": "s"},
        {"type": "message", "room": "lobby", "author": "Ada", "text": "</script>\n👏", "time": 1},
        {"type": "people", "room": "lobby", "people": ["Ada", "小明"]},
        {"type": "error", "code": "bad-text", "message": "No."},
    ]


any_text = st.text(st.characters(exclude_categories=()))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
    max_leaves=8,
)
near_misses = st.fixed_dictionaries(
    {"type": st.sampled_from(["join", "say"]) | any_json},
    optional=dict.fromkeys(("name", "room", "text", "secret"), any_json),
)


@given(st.binary() | st.text() | st.builds(json.dumps, any_json | near_misses))
def test_whatever_comes_in_is_a_request_or_a_refusal(frame: str | bytes) -> None:
    try:
        request = wire.parse(frame)
    except ChatError as error:
        wire.encode_error(error).encode()
    else:
        assert isinstance(request, wire.Join | wire.Say)
        repr(request).encode()
