"""How much of a peer's doing is held: sizes are exact, and memory follows them [10.4]."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from rawws.core.errors import MessageTooBig
from rawws.core.events import Message
from rawws.core.limits import Limits
from tests.core.wire import (
    BINARY,
    CONTINUATION,
    FIN,
    RSV1,
    TEXT,
    Deflater,
    Side,
    Way,
    cut,
    decode,
    deflate,
    deflated,
    either_lane,
    either_side,
    every_way,
    memory,
    violation,
)

LIMIT = 1 << 20
READ = 1 << 16  # bytes that arrive at a time

Form = Callable[[Side, bytes], list[bytes]]
Filler = Callable[[int], bytes]


def in_one_frame(side: Side, data: bytes) -> list[bytes]:
    return [side.frame(FIN | BINARY, data)]


def in_fragments(side: Side, data: bytes) -> list[bytes]:
    return side.fragments(BINARY, cut(data, len(data) // 4))


def compressed(side: Side, data: bytes) -> list[bytes]:
    return [side.frame(FIN | RSV1 | BINARY, deflated(data))]


def compressed_in_fragments(side: Side, data: bytes) -> list[bytes]:
    pieces = cut(deflated(data), len(data) // 4)
    return side.fragments(BINARY, [b"", *pieces, b""], rsv=RSV1)


every_form = pytest.mark.parametrize(
    "form", [in_one_frame, in_fragments, compressed, compressed_in_fragments]
)
every_filler = pytest.mark.parametrize("filler", [bytes, os.urandom], ids=["zeros", "noise"])


@either_side
@every_way
@either_lane
@every_form
@every_filler
def test_limit_is_exact_in_every_form(
    side: Side, way: Way, fast_lane: bool, form: Form, filler: Filler
) -> None:
    limit = 1000
    for size in (limit - 1, limit, limit + 1):
        data = filler(size)
        reader = side.reader(Limits(max_message_size=limit), deflate=deflate(), fast_lane=fast_lane)
        pieces = way(b"".join(form(side, data)))
        if size <= limit:
            assert decode(reader, pieces) == [Message(data)]
        else:
            error = violation(reader, pieces, 1009)
            assert isinstance(error, MessageTooBig)
            assert (error.size, error.limit) == (size, limit)


@either_side
@every_form
@every_filler
@pytest.mark.parametrize("read", [READ, LIMIT * 2], ids=["in reads", "at once"])
def test_accepted_message_costs_at_most_four_times_the_limit(
    side: Side, form: Form, filler: Filler, read: int
) -> None:
    data = filler(LIMIT)
    pieces = cut(b"".join(form(side, data)), read)
    reader = side.reader(deflate=deflate())
    with memory() as used:
        (message,) = decode(reader, pieces)
        assert used.peak <= 4 * LIMIT
    assert message == Message(data)


@either_side
@every_form
@pytest.mark.parametrize("read", [READ, LIMIT * 20], ids=["in reads", "at once"])
def test_hazard_11_refused_message_costs_at_most_the_limit_and_256_kib(
    side: Side, form: Form, read: int
) -> None:
    pieces = cut(b"".join(form(side, bytes(LIMIT * 16))), read)
    reader = side.reader(deflate=deflate())
    with memory() as used:
        violation(reader, pieces, 1009)
        assert used.peak <= LIMIT + (256 << 10)


@either_side
@pytest.mark.parametrize(
    ("text", "times"),
    # Python decodes into one byte a character, then into as many as the widest one takes.
    [("x" * LIMIT, 4), ("ü" * (LIMIT // 2), 4), ("€" * (LIMIT // 4), 4), ("😀" * (LIMIT // 4), 6)],
    ids=["ascii", "latin", "euro", "emoji"],
)
def test_accepted_text_costs_what_decoding_takes(side: Side, text: str, times: int) -> None:
    for pieces in (
        [side.frame(FIN | TEXT, text)],
        cut(side.frame(FIN | TEXT, text), READ),
        cut(side.frame(FIN | RSV1 | TEXT, deflated(text.encode())), READ),
    ):
        reader = side.reader(deflate=deflate())
        with memory() as used:
            (message,) = decode(reader, pieces)
            assert used.peak <= times * LIMIT + READ
        assert message == Message(text)


@either_side
def test_message_of_any_size_is_received_without_limit(side: Side) -> None:
    data = bytes(LIMIT * 3)
    limits = Limits(max_message_size=None)
    for form in (in_one_frame, in_fragments, compressed):
        reader = side.reader(limits, deflate=deflate())
        assert decode(reader, form(side, data)) == [Message(data)]


@either_side
@every_way
def test_fragment_that_would_pass_the_limit_is_refused_from_its_header(
    side: Side, way: Way
) -> None:
    begun = side.frame(BINARY, b"x" * 600)
    frames = begun + side.header(CONTINUATION, 401)
    error = violation(side.reader(Limits(max_message_size=1000)), way(frames), 1009)
    assert str(error) == "message of at least 1001 bytes, 1000 allowed"


@either_side
def test_compressed_message_that_inflates_to_nothing_for_ever_is_owed_1009(side: Side) -> None:
    peer = Deflater()
    peer.fragment(b"")
    empty_blocks = b"\x00\x00\x00\xff\xff" * 200
    reader = side.reader(Limits(max_message_size=8000), deflate=deflate())
    assert decode(reader, [side.frame(RSV1 | BINARY, empty_blocks)]) == []
    more = side.frame(CONTINUATION, empty_blocks)
    assert decode(reader, [more] * 9) == []
    violation(reader, [more], 1009)


@either_side
def test_message_that_was_received_is_not_held_by_the_reader(side: Side) -> None:
    data = os.urandom(LIMIT)
    for frames in (in_one_frame(side, data), compressed_in_fragments(side, data)):
        reader = side.reader(deflate=deflate())
        pieces = cut(b"".join(frames), READ)
        with memory() as used:
            assert len(decode(reader, pieces)) == 1
            assert used.peak > LIMIT
            assert used.held < 200_000
