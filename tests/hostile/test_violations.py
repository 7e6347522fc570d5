"""Rows 14 to 19: frames that break the protocol, sent to a server and to a client."""

from __future__ import annotations

import pytest
import trio

import rawws
from tests.hostile.support import (
    FIN,
    RSV1,
    Target,
    fragments,
    header,
    hostile_server,
    masked,
    memory,
    read_verdict,
    under_attack,
)
from tests.transport.raw import BINARY, CLOSE, PING, PONG, TEXT, RawPeer, frame

CONTINUATION = 0
MOST = rawws.Limits().max_message_size or 0
BACK = b"are you there?"


async def code_for(target: Target, *data: bytes) -> int:
    code, _ = await target.attack(*data)
    return code


# -- rows 14 and 15: the first two bytes


def owed(first: int, second: int) -> int | None:
    """The close code for a frame of zeros to a server, without compression; `None` for none."""
    opcode, length = first & 0x0F, second & 0x7F
    if first & 0x70 or opcode not in (TEXT, BINARY, CLOSE, PING, PONG) or not second & 0x80:
        return 1002  # a reserved bit, a reserved opcode or an orphan, no mask
    if opcode < CLOSE:
        return None
    if not first & FIN or length > 125:
        return 1002
    if opcode != CLOSE:
        return None
    return 1002 if length else 1005  # half a code, or a code of 0


def frame_of_zeros(first: int, second: int) -> bytes:
    size = second & 0x7F
    longer = {126: (126).to_bytes(2), 127: (65536).to_bytes(8)}.get(size, b"")
    size = int.from_bytes(longer) if longer else size
    return bytes((first, second)) + longer + bytes(4 if second & 0x80 else 0) + bytes(size)


@pytest.mark.parametrize("second", [0x80, 0x81, 0x82, 0xFD, 0xFE, 0xFF, 0x00, 0x05])
async def test_rows_14_and_15_header_is_judged_by_its_first_two_bytes(second: int) -> None:
    async with under_attack(compression=None) as target:
        for first in range(256):
            code = owed(first, second)
            peer = await target.open(frame_of_zeros(first, second), masked(FIN | PING, BACK))
            if code is not None:
                assert (await read_verdict(peer))[0] == code, first
            else:
                await pong(peer)
            await trio.aclose_forcefully(peer.stream)


async def pong(peer: RawPeer) -> None:
    """Read up to the answer to BACK; the connection is alive."""
    while True:
        found = await peer.next_frame()
        assert found.opcode != CLOSE
        if (found.opcode, found.payload) == (PONG, BACK):
            return


@pytest.mark.parametrize("opcode", [CONTINUATION, CLOSE, PING, PONG])
async def test_row_15_rsv1_on_a_control_frame_or_a_continuation_is_1002_with_deflate(
    opcode: int,
) -> None:
    async with under_attack() as target:
        offered = {"Sec_WebSocket_Extensions": "permessage-deflate"}
        begun = masked(TEXT, b"a") if opcode == CONTINUATION else b""
        data = begun + masked(FIN | RSV1 | opcode)
        assert (await target.attack(data, **offered))[0] == 1002


# -- row 16: lengths

WIDE = {2: bytes((FIN | BINARY, 0xFE)), 8: bytes((FIN | BINARY, 0xFF))}
BAD_LENGTHS = [
    *[(2, length) for length in (0, 1, 125)],
    *[(8, length) for length in (0, 125, 126, 65535)],
    *[(8, length) for length in (2**63, 2**63 + 1, 2**64 - 1)],
]


@pytest.mark.parametrize(("width", "length"), BAD_LENGTHS)
async def test_row_16_length_not_minimal_or_with_its_top_bit_set_is_1002(
    width: int, length: int
) -> None:
    async with under_attack() as target:
        assert await code_for(target, WIDE[width], length.to_bytes(width), bytes(4)) == 1002


@pytest.mark.parametrize("first", [FIN | BINARY, FIN | TEXT, TEXT])
@pytest.mark.parametrize("length", [MOST + 1, 2**31, 2**32, 2**63 - 1])
async def test_row_16_oversized_length_is_1009_from_the_header_alone(
    first: int, length: int
) -> None:
    async with under_attack() as target:
        await target.attack(masked(0x83))  # what is made once is made
        with memory() as (_, peak):
            assert await code_for(target, header(first, length), bytes(4)) == 1009
            assert peak() < 200_000


async def test_row_16_oversized_sum_of_fragments_is_1009_from_the_header_alone() -> None:
    async with under_attack() as target:
        begun = masked(BINARY, bytes(MOST - 10))
        assert await code_for(target, begun, header(CONTINUATION, 11), bytes(4)) == 1009


# -- row 17: fragments

ALIVE = masked(FIN | PING, b"alive")
OUT_OF_ORDER = {
    "orphan": masked(FIN | CONTINUATION, b"a"),
    "orphan that goes on": masked(CONTINUATION, b"a"),
    "orphan behind a message": fragments(TEXT, b"a", b"b") + masked(FIN | CONTINUATION),
    "text in text": masked(TEXT, b"a") + masked(FIN | TEXT, b"b"),
    "binary in text": masked(TEXT, b"a") + masked(FIN | BINARY, b"b"),
    "begun in text": masked(TEXT, b"a") + ALIVE + masked(TEXT, b"b"),
    "text in the third": masked(BINARY, b"a") + masked(CONTINUATION, b"b") + masked(FIN | TEXT),
}


@pytest.mark.parametrize("name", list(OUT_OF_ORDER))
async def test_row_17_frames_out_of_order_are_1002(name: str) -> None:
    async with under_attack() as target:
        peer = await target.open(OUT_OF_ORDER[name])
        *others, last = await peer.rest()
        assert {found.opcode for found in others} <= {TEXT, PONG}
        assert (last.opcode, last.payload[:2]) == (CLOSE, (1002).to_bytes(2))


# -- row 18: UTF-8

NOT_UTF8 = [
    *(b"\x80", b"\xbf", b"\xc0", b"\xc1", b"\xf5", b"\xff", b"\xc3(", b"\xe0\x80", b"\xe0\x9f"),
    *(b"\xed\xa0", b"\xed\xbf", b"\xf0\x80", b"\xf0\x8f", b"\xf4\x90", b"\xe2\x82(", b"\xf0\x9d("),
]


@pytest.mark.parametrize("bad", NOT_UTF8)
async def test_row_18_text_that_cannot_become_utf8_is_1007_at_once(bad: bytes) -> None:
    bad = b"caf\xc3\xa9 " + bad
    async with under_attack() as target:
        # In one frame and in a message, of which more was announced than is sent.
        assert await code_for(target, masked(FIN | TEXT, bad, length=1000)) == 1007
        begun = masked(TEXT, bad[:-1])
        assert await code_for(target, begun, masked(CONTINUATION, bad[-1:], length=9)) == 1007
        assert await code_for(target, masked(FIN | TEXT, bad)) == 1007


@pytest.mark.parametrize("cut", [b"\xc3", b"\xe2\x82", b"\xf0\x9d\x84"])
async def test_row_18_text_that_ends_within_a_character_is_1007(cut: bytes) -> None:
    async with under_attack() as target:
        assert await code_for(target, masked(FIN | TEXT, b"a" + cut)) == 1007
        assert await code_for(target, fragments(TEXT, b"a", cut, b"")) == 1007


async def test_row_18_character_may_be_cut_by_fragments() -> None:
    text = "κόσμε \N{MUSICAL SYMBOL G CLEF} \N{EURO SIGN}é\0"
    data = text.encode()
    async with under_attack() as target:
        peer = await target.open()
        for at in range(len(data) + 1):
            await peer.send(fragments(TEXT, data[:at], data[at:]))
            assert await peer.next_message() == text
        await peer.send(fragments(TEXT, *[bytes([byte]) for byte in data]))
        assert await peer.next_message() == text


async def test_row_18_bad_close_reason_is_1007() -> None:
    async with under_attack() as target:
        for bad in NOT_UTF8:
            assert await code_for(target, masked(FIN | CLOSE, b"\x03\xe8" + bad)) == 1007


# -- row 19: close codes

CODES = [
    *(0, 1, 5, 999, *range(1000, 1020), 1100, 1999, 2000, 2999, 3000, 3001, 3999),
    *(4000, 4500, 4998, 4999, 5000, 5001, 0x7FFF, 0x8000, 0xFFFF),
]


def is_code(code: int) -> bool:
    """RFC 6455 7.4, and what IANA has registered since."""
    return code in range(1000, 1004) or code in range(1007, 1015) or code in range(3000, 5000)


async def test_row_19_close_of_one_byte_is_1002() -> None:
    async with under_attack() as target:
        for byte in range(256):
            assert await code_for(target, masked(FIN | CLOSE, bytes([byte]))) == 1002


async def test_row_19_code_that_may_not_be_on_the_wire_is_1002_others_are_sent_back() -> None:
    async with under_attack() as target:
        for code in CODES:
            for reason in (b"", b"why"):
                found = await code_for(target, masked(FIN | CLOSE, code.to_bytes(2) + reason))
                assert found == (code if is_code(code) else 1002)


async def test_row_19_bad_code_cannot_be_sent_and_leaves_the_connection_good() -> None:
    async with under_attack() as target, rawws.connect(target.url) as ws:
        for code in filter(lambda code: not is_code(code), range(65536)):
            with pytest.raises(rawws.LocalProtocolError):
                await ws.aclose(code)
        await ws.send("still here")
        assert await ws.receive() == "still here"


async def test_row_19_good_code_is_what_the_peer_sees() -> None:
    async def close_as_told(ws: rawws.WebSocket) -> None:
        async for message in ws:
            if isinstance(message, str) and message.isdecimal():
                await ws.aclose(int(message), "as told")
            else:
                await ws.send(message)

    async with under_attack(close_as_told) as target:
        for code in filter(is_code, CODES):
            said = masked(FIN | TEXT, b"%d" % code) + masked(FIN | CLOSE)
            assert await target.attack(said) == (code, "as told")


# -- the same, to a client

BEGUN = frame(TEXT, b"a", fin=False)
TO_A_CLIENT = {
    "row 14, masked": (frame(TEXT, b"hello", masked=True), 1002),
    "row 15, reserved bit": (b"\xa1\x00", 1002),
    "row 15, compression that was not agreed upon": (b"\xc1\x00", 1002),
    "row 15, reserved opcode": (b"\x83\x00", 1002),
    "row 15, ping in fragments": (b"\x09\x00", 1002),
    "row 15, ping of 126 bytes": (b"\x89\x7e\x00\x7e", 1002),
    "row 16, not minimal": (b"\x82\x7e\x00\x7d", 1002),
    "row 16, top bit": (b"\x82\x7f" + (2**63).to_bytes(8), 1002),
    "row 16, over the limit": (b"\x82\x7f" + (2**63 - 1).to_bytes(8), 1009),
    "row 17, orphan": (frame(CONTINUATION, b"a"), 1002),
    "row 17, interleaved": (BEGUN + frame(TEXT, b"b"), 1002),
    "row 18, not UTF-8": (b"\x81\x7e\x01\x00\xff", 1007),
    "row 18, bad reason": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    "row 19, half a code": (frame(CLOSE, b"\x03"), 1002),
    "row 19, reserved code": (frame(CLOSE, (1005).to_bytes(2)), 1002),
}


@pytest.mark.parametrize("name", list(TO_A_CLIENT))
async def test_rows_14_to_19_client_is_as_strict_as_a_server(name: str) -> None:
    data, code = TO_A_CLIENT[name]
    async with hostile_server(data, frame(TEXT, b"late")) as server:
        with pytest.raises(rawws.ConnectionBroken) as caught:
            async with rawws.connect(server.url) as ws:
                await ws.receive()
    cause = caught.value.__cause__
    assert isinstance(cause, rawws.RemoteProtocolError)
    assert cause.code == code
    assert caught.value.sent is not None
    assert caught.value.sent.code == code
    assert caught.value.received is None
    said, end = server.heard
    assert said is not None
    assert (said.opcode, said.payload[:2], said.masked) == (CLOSE, code.to_bytes(2), True)
    assert end is None
