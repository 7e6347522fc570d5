"""A message joined as it comes: size and text are checked piece by piece [8.1, 10.4]."""

from __future__ import annotations

from functools import cache

import pytest

from rawws.core.assembly import Assembly
from rawws.core.errors import MessageTooBig, RemoteProtocolError
from tests.core.wire import byte_by_byte, memory

TEXT = "a\x7f\x80ü߿ࠀ€\ud7ff\ue000\uffff\U00010000😀\U0010ffff"


def assembly(
    *pieces: bytes, text: bool = False, limit: int | None = None, compressed: bool = False
) -> Assembly:
    message = Assembly(text=text, limit=limit, compressed=compressed)
    for piece in pieces:
        message.add(piece)
    return message


@pytest.mark.parametrize("pieces", [[], [b""], [b"ab"], [b"a", b"", b"b"], [b"a"] * 300])
def test_pieces_are_joined(pieces: list[bytes]) -> None:
    assert assembly(*pieces).finish() == b"".join(pieces)
    assert assembly(*pieces, text=True).finish() == b"".join(pieces).decode()


# Text


@cache
def beginnings_of_characters() -> frozenset[bytes]:
    """All that can become a character of UTF-8, or is one."""
    scalars = [*range(0xD800), *range(0xE000, 0x110000)]
    encoded = [chr(scalar).encode() for scalar in scalars]
    return frozenset(char[:size] for char in encoded for size in range(1, len(char) + 1))


def refused(data: bytes) -> bool:
    try:
        assembly(data, text=True)
    except RemoteProtocolError:
        return True
    return False


def test_every_beginning_of_a_character_is_refused_as_soon_as_it_cannot_become_one() -> None:
    possible = beginnings_of_characters()
    octets = [bytes((octet,)) for octet in range(256)]
    hopeful = [b""]
    for _ in range(3):
        longer = [start + octet for start in hopeful for octet in octets]
        assert [data for data in longer if refused(data) == (data in possible)] == []
        hopeful = [data for data in longer if data in possible and not is_character(data)]


def is_character(data: bytes) -> bool:
    return data.decode(errors="ignore") != ""


@pytest.mark.parametrize("tail", [b"\x00", b"\x7f", b"\xc0", b"\xff"])
def test_fourth_octet_of_a_character_that_does_not_continue_it_is_refused(tail: bytes) -> None:
    for start in (b"\xf0\x90\x80", b"\xf4\x8f\xbf"):
        assert not refused(start)
        with pytest.raises(RemoteProtocolError) as caught:
            assembly(start + tail, text=True)
        assert caught.value.code == 1007


@pytest.mark.parametrize("size", range(1, 5))
def test_text_may_be_cut_within_characters(size: int) -> None:
    data = TEXT.encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert assembly(*pieces, text=True).finish() == TEXT


@pytest.mark.parametrize("pieces", [[b"ok\xc3"], [b"\xe2\x82"], [b"\xe2", b"\x82"], [b"\xf0"]])
def test_text_that_ends_within_a_character_is_owed_1007(pieces: list[bytes]) -> None:
    message = assembly(*pieces, text=True)
    with pytest.raises(RemoteProtocolError) as caught:
        message.finish()
    assert caught.value.code == 1007


@pytest.mark.parametrize("bad", [b"ok\xff", b"\xed\xa0\x80", b"ok\xc3"])
def test_bad_text_is_told_in_the_same_words_however_it_is_cut(bad: bytes) -> None:
    words = set()
    for pieces in ([bad], byte_by_byte(bad)):
        with pytest.raises(RemoteProtocolError) as caught:
            assembly(*pieces, text=True).finish()
        words.add(str(caught.value))
    assert len(words) == 1


def test_binary_message_is_not_looked_at_as_text() -> None:
    assert assembly(b"\xff\xed", b"\xa0\xc3").finish() == b"\xff\xed\xa0\xc3"


# Size


@pytest.mark.parametrize("pieces", [[b"x" * 10], [b"x" * 4, b"x" * 6], [b"x"] * 10])
@pytest.mark.parametrize("text", [False, True])
def test_limit_is_exact(pieces: list[bytes], text: bool) -> None:
    message = assembly(*pieces, text=text, limit=10)
    with pytest.raises(MessageTooBig) as caught:
        message.add(b"y")
    assert (caught.value.size, caught.value.limit, caught.value.code) == (11, 10, 1009)
    assert assembly(*pieces, text=text, limit=10).finish() in (b"x" * 10, "x" * 10)
    assert assembly(*pieces, text=text, limit=None).finish() in (b"x" * 10, "x" * 10)


def test_size_of_what_is_too_big_does_not_depend_on_the_pieces() -> None:
    sizes = set()
    for pieces in ([b"x" * 500], [b"x" * 9, b"x" * 40], [b"x"] * 20):
        with pytest.raises(MessageTooBig) as caught:
            assembly(*pieces, limit=10)
        sizes.add(caught.value.size)
    assert sizes == {11}


def test_text_up_to_the_limit_is_judged_before_the_size() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        assembly(b"ab\xffcd", text=True, limit=3)
    assert caught.value.code == 1007
    with pytest.raises(RemoteProtocolError) as caught:
        assembly(b"abc\xffd", text=True, limit=3)
    assert caught.value.code == 1009


def test_frames_are_refused_from_their_lengths_alone() -> None:
    message = assembly(limit=10)
    message.expect(4)
    message.add(b"abcd")
    message.expect(6)
    message.expect(0)
    with pytest.raises(MessageTooBig) as caught:
        message.expect(1)
    assert (caught.value.size, caught.value.limit) == (5, 10)
    assembly(limit=None).expect(2**63 - 1)


def test_compressed_frames_may_be_somewhat_longer_than_the_message() -> None:
    most = 8000 + 1000 + 1024
    assembly(limit=8000, compressed=True).expect(most)
    with pytest.raises(MessageTooBig):
        assembly(limit=8000, compressed=True).expect(most + 1)
    assembly(limit=None, compressed=True).expect(2**63 - 1)


def test_tiny_pieces_cost_no_more_than_their_bytes() -> None:
    message = assembly(text=True)
    with memory() as used:
        for _ in range(20_000):
            message.add(b"x")
        # A list of as many pieces would have cost over 160,000 bytes.
        assert used.peak < 60_000
    assert message.finish() == "x" * 20_000


# In parts


def test_parts_are_what_came_since_the_last_one() -> None:
    message = assembly(b"ab", b"c")
    assert message.take() == b"abc"
    assert message.take() == b""
    message.add(b"d")
    assert message.finish() == b"d"


def test_parts_of_text_end_with_whole_characters() -> None:
    message = assembly(b"a\xe2", text=True)
    assert message.take() == "a"
    message.add(b"\x82")
    assert message.take() == ""
    message.add(b"\xacb\xc3")
    assert message.take() == "€b"
    message.add(b"\xbc")
    assert message.finish() == "ü"


def test_parts_of_text_that_end_within_a_character_are_owed_1007() -> None:
    message = assembly(b"a\xe2", text=True)
    message.take()
    with pytest.raises(RemoteProtocolError) as caught:
        message.finish()
    assert caught.value.code == 1007


def test_limit_counts_the_parts_that_were_taken() -> None:
    message = assembly(b"x" * 6, limit=10)
    message.take()
    message.add(b"x" * 4)
    with pytest.raises(MessageTooBig):
        message.add(b"x")


def test_discarded_message_is_not_kept_but_counts_to_the_limit() -> None:
    message = assembly(b"x" * 4, text=True, limit=100_000)
    assert not message.discarded
    message.discard()
    assert message.discarded
    piece = b"x" * (100_000 - 4)
    with memory() as used:
        message.add(piece)
        assert used.peak < 1000
    with pytest.raises(MessageTooBig):
        message.add(b"x")
