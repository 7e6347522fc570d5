"""Row 26: messages in a million pieces."""

from __future__ import annotations

import pytest

import rawws
from tests.hostile.support import FIN, RSV1, deflated, masked, memory, under_attack
from tests.transport.raw import BINARY, CLOSE, PING, PONG, TEXT

OFFER = {"Sec_WebSocket_Extensions": "permessage-deflate"}
FRAGMENTS = {
    "empty": (masked(BINARY), masked(0)),
    "one byte": (masked(TEXT, b"a"), masked(0, b"a")),
    "compressed, then empty": (masked(RSV1 | TEXT, deflated(b"a")), masked(0)),
}


FEW = 4096
FEWER = rawws.Limits(max_fragments=FEW)


@pytest.mark.parametrize("name", list(FRAGMENTS))
async def test_row_26_million_unfinished_fragments_are_1008(name: str) -> None:
    first, other = FRAGMENTS[name]
    async with under_attack() as target:
        code, _ = await target.attack(first + other * 999_999, **OFFER)
        assert code == 1008


@pytest.mark.parametrize("byte", [b"", b"a"], ids=["empty", "one byte"])
async def test_row_26_fragments_up_to_the_limit_are_a_message(byte: bytes) -> None:
    begun = masked(BINARY, byte) + masked(0, byte) * (FEW - 2)
    async with under_attack(limits=FEWER) as target:
        peer = await target.open()
        for _ in range(2):
            await peer.send(begun, masked(FIN | PING), masked(FIN, byte))
            assert (await peer.next_frame()).opcode == PONG
            assert await peer.next_message() == byte * FEW
        await peer.send(begun, masked(0, byte), masked(FIN, byte))
        found = await peer.next_frame()
        assert (found.opcode, found.payload[:2]) == (CLOSE, (1008).to_bytes(2))


@pytest.mark.parametrize("name", list(FRAGMENTS))
async def test_row_26_unfinished_fragments_cost_no_more_than_their_bytes(name: str) -> None:
    first, other = FRAGMENTS[name]
    async with under_attack(limits=FEWER) as target:
        peer = await target.open(first, masked(FIN | PING), **OFFER)
        assert (await peer.next_frame()).opcode == PONG
        with memory() as (now, peak):
            await peer.send(other * (FEW - 1), masked(FIN | PING))
            assert (await peer.next_frame()).opcode == PONG
            assert now() < 16 * FEW
            assert peak() < 3 * 65536  # what both sides read, and what is being decoded
