"""Rows 2, 3, 20, 24 and 25: permessage-deflate, offered, cut up and blown up."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rawws
from tests.hostile.support import (
    FIN,
    RSV1,
    Target,
    deflated,
    fragments,
    hostile_server,
    masked,
    memory,
    read_verdict,
    under_attack,
)
from tests.transport.raw import BINARY, CLOSE, PING, PONG, TEXT, RawPeer, frame, request

NAME = "permessage-deflate"
OFFER = {"Sec_WebSocket_Extensions": NAME}
MOST = rawws.Limits().max_message_size or 0
READ = OWN_READ = 65536  # bytes that the server has just read, and that this side reads with


# -- rows 2 and 3: offers

MALFORMED = [
    *("client_max_window_bits=", 'client_max_window_bits="', 'client_max_window_bits="1'),
    *('client_max_window_bits=""', "client_max_window_bits=10 11", "client_max_window_bits==10"),
    *('server_no_context_takeover=""', "server_max_window_bits=", "=", "=1", ";", "a=(b)"),
]
NOT_VALUES = [
    *("client_max_window_bits=abc", "client_max_window_bits=1_0", "client_max_window_bits=0"),
    *("client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=-10"),
    *("client_max_window_bits=+10", "client_max_window_bits=08", "client_max_window_bits=1e1"),
    *("server_max_window_bits", "server_max_window_bits=x", "server_no_context_takeover=1"),
    *(f"client_max_window_bits={'9' * 5000}", "client_no_context_takeover=true"),
]
NOT_KNOWN = [
    *("x", "x=1", "server_max_window_bit=10", "server_max_window_bits_=10", "window_bits=10"),
    *("server_no_context", "server_no_context_takeover_", "client_max_window_bits2=10"),
    *("client_max_window_bits=10; client_max_window_bits=10",),
    *("server_no_context_takeover; server_no_context_takeover",),
    *("client_max_window_bits; x", "x; client_max_window_bits"),
]


async def answer_to(peer: RawPeer, offers: str) -> str | None:
    """The extensions in the 101 that these offers get."""
    await peer.send(request(Sec_WebSocket_Extensions=offers))
    head = await peer.read_head()
    assert head.startswith("HTTP/1.1 101 ")
    found = [line for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Extensions")]
    return found[0].partition(": ")[2] if found else None


@pytest.mark.parametrize("parameters", [*MALFORMED, *NOT_VALUES, *NOT_KNOWN])
async def test_rows_2_and_3_offer_that_cannot_be_read_is_declined_with_a_plain_101(
    parameters: str,
) -> None:
    async with under_attack() as target:
        peer = await target.dial()
        assert await answer_to(peer, f"{NAME}; {parameters}") is None
        await peer.send(masked(FIN | TEXT, b"x" * 1000))
        assert await peer.next_message() == "x" * 1000


@pytest.mark.parametrize("name", ["permessage", "permessage-deflate2", "x-permessage-deflate", "x"])
async def test_row_3_extension_of_another_name_is_declined(name: str) -> None:
    async with under_attack() as target:
        assert await answer_to(await target.dial(), name) is None
        assert await answer_to(await target.dial(), f"{name}, {NAME}") is not None


BITS = st.integers(9, 15)
ACCEPTABLE = st.lists(
    st.one_of(
        st.sampled_from(["server_no_context_takeover", "client_no_context_takeover"]),
        BITS.map(lambda bits: f"server_max_window_bits={bits}"),
        BITS.map(lambda bits: f'client_max_window_bits="{bits}"'),
        st.just("client_max_window_bits"),
    ),
    unique_by=lambda parameter: parameter.partition("=")[0],
)


DECLINED = st.lists(st.sampled_from([*NOT_VALUES[:-2], *NOT_KNOWN]), max_size=3)


@given(declined=DECLINED, accepted=ACCEPTABLE)
async def test_row_3_declined_offers_leave_nothing_for_the_one_that_is_accepted(
    declined: list[str], accepted: list[str]
) -> None:
    good = "; ".join([NAME, *accepted])
    offers = ", ".join([*(f"{NAME}; {parameters}" for parameters in declined), good])
    async with under_attack() as target:
        alone = await answer_to(await target.dial(), good)
        peer = await target.dial()
        answer = await answer_to(peer, offers)
        assert answer == alone
        assert answer is not None
        terms = dict(term.partition("=")[::2] for term in answer.split("; "))
        await talk(peer, terms)


async def talk(peer: RawPeer, terms: dict[str, str]) -> None:
    """Send messages that refer to each other and to nothing else, and read them back."""
    squeeze = inflate = None
    for number in range(3):
        if squeeze is None or "client_no_context_takeover" in terms:
            squeeze = zlib.compressobj(wbits=-int(terms.get("client_max_window_bits", 15)))
        if inflate is None or "server_no_context_takeover" in terms:
            inflate = zlib.decompressobj(-int(terms.get("server_max_window_bits", 15)))
        text = f"{number} and all that came before it, " * 20
        payload = squeeze.compress(text.encode()) + squeeze.flush(zlib.Z_SYNC_FLUSH)
        await peer.send(masked(FIN | RSV1 | TEXT, payload[:-4]))
        back = await peer.next_frame()
        assert back.first == FIN | RSV1 | TEXT
        assert inflate.decompress(back.payload + payload[-4:]).decode() == text


# -- row 20: control frames between fragments


def with_pings(message: list[bytes]) -> Iterator[bytes]:
    for number, part in enumerate(message):
        yield part
        yield masked(FIN | PING, b"%d" % number)


async def test_row_20_control_frames_between_the_fragments_change_nothing() -> None:
    text = "Not a word is lost, " * 6
    payload = deflated(text.encode())
    cuts = [[payload[:at], payload[at:]] for at in range(len(payload) + 1)]
    cuts.append([bytes([byte]) for byte in payload])
    async with under_attack() as target:
        peer = await target.open(**OFFER)
        for pieces in cuts:
            first, *others = pieces
            message = [masked(RSV1 | TEXT, first)]
            message += [masked(0, piece) for piece in others[:-1]]
            message += [masked(FIN, others[-1])]
            await peer.send(*with_pings(message))
            assert await all_said(peer, len(message)) == text


async def all_said(peer: RawPeer, pings: int) -> str | bytes:
    """The message among the answers to so many pings, which come in order."""
    found = [await peer.next_frame() for _ in range(pings + 1)]
    pongs = [said.payload for said in found if said.opcode == PONG]
    assert pongs == [b"%d" % number for number in range(pings)]
    (message,) = (said for said in found if said.opcode != PONG)
    assert message.first == FIN | TEXT
    return message.payload.decode()


# -- row 24: vectors of zlib and of RFC 7692 7.2.3

HELLO = "f2 48 cd c9 c9 07 00"
VECTORS = {
    "compressed": HELLO,
    "not compressed": "00 05 00 fa ff 48 65 6c 6c 6f 00",
    "final block": "f3 48 cd c9 c9 07 00 00",
    "two blocks": "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
    "final block and another": "f3 48 05 00 " + "ca c9 c9 07 00",
    "stored final block": "01 05 00 fa ff 48 65 6c 6c 6f 00",
    "empty blocks around it": "00 00 00 ff ff 00 00 00 ff ff " + HELLO,
}


@pytest.mark.parametrize("name", list(VECTORS))
async def test_row_24_every_kind_of_block_is_decoded_and_so_is_what_follows(name: str) -> None:
    payload = bytes.fromhex(VECTORS[name])
    async with under_attack() as target:
        peer = await target.open(**OFFER)
        for sent in (payload, bytes.fromhex(HELLO), payload, b"\0"):
            await peer.send(masked(FIN | RSV1 | TEXT, sent))
            assert await peer.next_message() == ("Hello" if len(sent) > 1 else "")


@pytest.mark.parametrize(
    "payload",
    [
        "ff ff ff ff",  # block type 3
        "07",
        "00 05 00 00 00 48 65 6c 6c 6f 00",  # lengths that do not agree
        "02 11 00 00",  # refers to what was never there
        "78 9c f2 48 cd c9 c9 07 00",  # zlib's header, which is not sent here
    ],
)
async def test_row_24_corrupt_deflate_is_1007(payload: str) -> None:
    data = bytes.fromhex(payload)
    async with under_attack() as target:
        for frames in (masked(FIN | RSV1 | BINARY, data), fragments(RSV1 | BINARY, data, b"")):
            code, _ = await target.attack(frames, **OFFER)
            assert code == 1007


# -- row 25: bombs


async def measure(ws: rawws.WebSocket) -> None:
    """Says how long a message was; to who asks for "/", the message."""
    async for message in ws:
        await ws.send(message if ws.request.target == "/" else f"{len(message)}")


async def warm(target: Target) -> None:
    """What is made once is made."""
    peer = await target.open(masked(FIN | RSV1 | TEXT, deflated(b"a" * 1000)), path="/n", **OFFER)
    assert await peer.next_message() == "1000"


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [MOST - 1, MOST])
async def test_row_25_message_up_to_the_limit_is_kept_whole_in_4_times_its_size(
    opcode: int, size: int
) -> None:
    bomb = masked(FIN | RSV1 | opcode, deflated(b"a" * size, level=9))
    async with under_attack(measure) as target:
        await warm(target)
        peer = await target.open(path="/n", **OFFER)
        with memory() as (_, peak):
            await peer.send(bomb)
            assert await peer.next_message() == f"{size}"
            assert peak() <= 4 * MOST


BOMBS = {
    "one more than the limit": deflated(b"a" * (MOST + 1), level=9),
    "16 MiB": deflated(bytes(2**24), level=9),
    "64 MiB": deflated(bytes(2**26), level=9),
    "nothing, 2 million times": b"\0\0\0\xff\xff" * 2**18,
}


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("name", list(BOMBS))
@pytest.mark.parametrize("pieces", [1, 100])
async def test_row_25_bomb_is_1009_in_little_more_memory_than_the_limit(
    opcode: int, name: str, pieces: int
) -> None:
    payload = BOMBS[name]
    size = -(-len(payload) // pieces)
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    bomb = fragments(RSV1 | opcode, *parts)
    async with under_attack(measure) as target:
        await warm(target)
        peer = await target.open(path="/n", **OFFER)
        with memory() as (now, peak):
            await peer.send(bomb)
            assert (await read_verdict(peer))[0] == 1009
            assert peak() <= MOST + 256 * 1024 + READ + OWN_READ
            assert now() <= 256 * 1024


async def test_row_25_bomb_from_a_server_is_1009_too() -> None:
    bomb = frame(TEXT, BOMBS["16 MiB"])
    bomb = bytes([bomb[0] | RSV1]) + bomb[1:]
    async with hostile_server(bomb, Sec_WebSocket_Extensions=NAME) as server:
        with pytest.raises(rawws.ConnectionBroken) as caught:
            async with rawws.connect(server.url, compression=rawws.Deflate()) as ws:
                await ws.receive()
    assert isinstance(caught.value.__cause__, rawws.MessageTooBig)
    said, _ = server.heard
    assert said is not None
    assert (said.opcode, said.payload[:2]) == (CLOSE, (1009).to_bytes(2))
