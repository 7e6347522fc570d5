"""However a stream is cut, the same comes of it, also of what is left of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rawws.core.events import Message, MessagePart
from tests.core.wire import Deflater, Side, byte_by_byte, converse, deflate
from tests.fuzz.strategies import (
    BEGINNINGS,
    SIDES,
    Begin,
    cuts,
    messages,
    often,
    outcome,
    streams,
)


@often
@given(st.data(), SIDES, BEGINNINGS, st.booleans(), st.booleans(), st.booleans())
def test_same_events_and_output_however_a_stream_is_cut(
    data: st.DataObject,
    side: Side,
    begin: Begin,
    compression: bool,
    fast_lane: bool,
    parts: bool,
) -> None:
    stream = data.draw(streams(side, compression=compression))
    options = {"compression": compression, "fast_lane": fast_lane, "begin": begin}
    whole = outcome(side, [stream], **options)
    assert outcome(side, data.draw(cuts(stream)), parts=parts, **options) == whole
    assert outcome(side, byte_by_byte(stream), parts=not parts, **options) == whole


@often
@given(st.data(), SIDES, st.booleans(), st.sets(st.integers(0, 4)))
def test_abandoned_messages_leave_the_others_as_they_are(
    data: st.DataObject, side: Side, compression: bool, unwanted: set[int]
) -> None:
    deflater = Deflater() if compression else None
    frames = data.draw(st.lists(messages(side, deflater), max_size=5))
    stream = b"".join(frame for message in frames for frame in message)
    talk = side.talk(deflate=deflate() if compression else None)
    taken: dict[int, Any] = {}
    number = 0
    for piece in data.draw(cuts(stream)):
        talk.receive_data(piece)
        while (event := talk.next_event(parts=True)) is not None:
            if not isinstance(event, MessagePart):
                continue
            if number in unwanted and not event.final:
                talk.skip_message()
            else:
                taken[number] = taken.get(number, type(event.data)()) + event.data
            number += event.final or number in unwanted
    whole = side.talk(deflate=deflate() if compression else None)
    expected = [event.data for event in converse(whole, [stream]) if isinstance(event, Message)]
    assert number == len(expected)
    assert taken.keys() | unwanted >= set(range(number))
    assert all(value == expected[key] for key, value in taken.items())
