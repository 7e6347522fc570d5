"""Rows 21 and 22: what comes behind a violation, and in what pieces anything comes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

import rawws
from tests.hostile.support import (
    FIN,
    RSV1,
    Target,
    deflated,
    echo,
    fragments,
    header,
    masked,
    memory,
    read_verdict,
    under_attack,
)
from tests.transport.raw import BINARY, CLOSE, PING, TEXT, Frame, RawPeer
from tests.transport.support import tls_contexts

BAD = masked(0x83, b"reserved")
LATE = masked(FIN | TEXT, b"late") * 6400  # 64 KB of frames
HURRIED = 0.5  # seconds that a peer has to end its stream

either_wire = pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])


def wire(secure: bool) -> dict[str, Any]:
    return {"ssl_context": tls_contexts()[0]} if secure else {}


# -- row 21


@either_wire
async def test_row_21_of_100_mb_behind_a_bad_frame_nothing_is_read_and_the_close_arrives(
    secure: bool,
) -> None:
    async with under_attack(**wire(secure)) as target:
        peer = await target.open()
        with memory() as (_, peak):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_flood, peer, 100)
                code, _ = await read_verdict(peer)
            # It took all of it, so nothing was reset.
            assert peak() < 2**20
        assert code == 1002


async def send_flood(peer: RawPeer, megabytes: int) -> None:
    await peer.stream.send_all(BAD)
    for _ in range(megabytes * 2**20 // len(LATE)):
        await peer.stream.send_all(LATE)


@either_wire
@pytest.mark.parametrize("path", ["/", "/deaf"])
async def test_row_21_flood_without_end_is_cut_off_within_the_close_timeout(
    secure: bool, path: str
) -> None:
    leave = trio.Event()

    async def handler(ws: rawws.WebSocket) -> None:
        await (echo(ws) if ws.request.path == "/" else leave.wait())

    timeouts = rawws.Timeouts(close=HURRIED)
    async with under_attack(handler, timeouts=timeouts, **wire(secure)) as target:
        peer = await target.open(path=path)
        start = trio.current_time()
        with pytest.RaisesGroup(trio.BrokenResourceError):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_flood, peer, 10**6)
                code, _ = await read_verdict(peer)
        assert code == 1002
        assert trio.current_time() - start < HURRIED + 2
        leave.set()


# -- row 22


TEXTS = st.text(max_size=80).map(str.encode)
GOOD = st.one_of(
    st.binary(max_size=300).map(lambda data: masked(FIN | BINARY, data)),
    TEXTS.map(lambda data: masked(FIN | TEXT, data)),
    TEXTS.map(lambda data: masked(FIN | RSV1 | TEXT, deflated(data))),
    st.lists(st.binary(max_size=20), min_size=1, max_size=4).map(
        lambda pieces: fragments(BINARY, *pieces)
    ),
    st.binary(max_size=125).map(lambda data: masked(FIN | PING, data)),
)
LAST = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.sampled_from([BAD, masked(FIN | TEXT, b"a\xed\xa0"), masked(FIN | CLOSE, b"\x0f\xa0!")]),
    st.just(header(FIN | BINARY, 2**40) + bytes(4)),
)


@given(good=st.lists(GOOD, max_size=6), last=LAST, data=st.data())
async def test_row_22_pieces_in_which_it_comes_change_nothing(
    good: list[bytes], last: bytes, data: st.DataObject
) -> None:
    stream = b"".join(good) + last
    cuts = data.draw(st.sets(st.integers(1, len(stream) - 1)) if stream[1:] else st.just(set()))
    async with under_attack() as target:
        expected = await transcript(target, stream, set())
        assert await transcript(target, stream, cuts) == expected
        assert await transcript(target, stream, set(range(1, len(stream)))) == expected


async def transcript(target: Target, stream: bytes, cuts: set[int]) -> list[Frame]:
    """All that the server says to `stream`, cut in pieces that each arrive alone."""
    peer = await target.open(Sec_WebSocket_Extensions="permessage-deflate")
    bounds = [0, *sorted(cuts), len(stream)]
    for start, stop in pairwise(bounds):
        await peer.stream.send_all(stream[start:stop])
        await wait_all_tasks_blocked()
    assert isinstance(peer.stream, trio.SocketStream)
    await peer.stream.send_eof()
    said = await peer.rest()
    await trio.aclose_forcefully(peer.stream)
    return said
