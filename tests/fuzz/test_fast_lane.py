"""With the fast lane and without it, the same comes of a stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.core.wire import Side
from tests.fuzz.strategies import BEGINNINGS, SIDES, Begin, cuts, often, outcome, streams


@often
@given(st.data(), SIDES, BEGINNINGS, st.booleans(), st.booleans())
def test_same_events_and_output_with_the_lane_and_without(
    data: st.DataObject, side: Side, begin: Begin, compression: bool, parts: bool
) -> None:
    stream = data.draw(streams(side, compression=compression))
    pieces = data.draw(cuts(stream))
    options = {"compression": compression, "parts": parts, "begin": begin}
    with_lane = outcome(side, pieces, fast_lane=True, **options)
    assert outcome(side, pieces, fast_lane=False, **options) == with_lane
