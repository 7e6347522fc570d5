"""Rows 1, 4 to 7 and 12: hostile HTTP in front of a WebSocket."""

from __future__ import annotations

import time

import pytest
from trio.testing import wait_all_tasks_blocked

import rawws
from tests.hostile.support import masked, read_answer, read_verdict, under_attack
from tests.transport.raw import KEY, TEXT, head, page, request

NAMES = (
    "Host",
    "Upgrade",
    "Connection",
    "Origin",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
)
HELLO = masked(0x80 | TEXT, b"hello")


def named(name: str) -> str:
    return name.replace("-", "_")


@pytest.mark.parametrize("name", NAMES)
async def test_row_1_byte_from_0x80_on_in_a_handshake_header_is_400(name: str) -> None:
    async with under_attack() as target:
        for byte in range(0x80, 0x100):
            data = request(**{named(name): f"127.0.0.1{chr(byte)}"})
            assert bytes([byte]) in data
            answer = await target.ask(data)
            assert (answer.status, answer.rest) == (400, b"")
            assert answer.body.isascii()


@pytest.mark.parametrize("host", ["xn--99999999", "xn--\xff", "a.xn--0.b", "a..b", "\xff", ""])
async def test_row_1_host_that_is_none_is_400(host: str) -> None:
    async with under_attack() as target:
        assert (await target.ask(request(Host=host))).status == 400


@pytest.mark.parametrize(
    "key",
    [
        "",
        "AAAA",
        "x" * 24,
        KEY[:-1],
        KEY + "=",
        KEY + KEY,
        KEY.replace("=", "-"),
        KEY.replace("d", "_"),
        KEY[:10] + " " + KEY[11:],
        f"{KEY}, {KEY}",
        None,
    ],
)
async def test_row_4_key_that_is_not_base64_of_16_bytes_is_400(key: str | None) -> None:
    async with under_attack() as target:
        answer = await target.ask(request(Sec_WebSocket_Key=key))
        assert (answer.status, answer.rest) == (400, b"")


async def test_row_4_key_sent_twice_is_400() -> None:
    async with under_attack() as target:
        twice = request().replace(b"\r\n\r\n", f"\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode())
        assert (await target.ask(twice)).status == 400


async def test_row_5_upgrade_over_http_1_0_is_505() -> None:
    async with under_attack() as target:
        answer = await target.ask(request().replace(b"HTTP/1.1", b"HTTP/1.0"), HELLO)
        assert (answer.status, answer.rest) == (505, b"")


CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
SMUGGLED = {
    "length": (request(Content_Length="5"), b"hello"),
    "length of a request": (request(Content_Length=str(len(page("/next")))), page("/next")),
    "length 0 and more": (request(Content_Length="0", Sec_WebSocket_Key="bad"), page("/next")),
    "chunked": (request(Transfer_Encoding="chunked"), CHUNKS + page("/next")),
    "chunked in capitals": (request(Transfer_Encoding="CHUNKED"), CHUNKS + page("/next")),
    "both": (request(Transfer_Encoding="chunked", Content_Length="3"), CHUNKS),
    "both, of a page": (page(Transfer_Encoding="chunked", Content_Length="3"), CHUNKS),
    "unknown coding": (request(Transfer_Encoding="gzip, chunked"), CHUNKS),
    "no coding": (request(Transfer_Encoding="identity"), page("/next")),
    "two lengths": (
        head("GET / HTTP/1.1", {"Host": "a", "Content-Length": "5, 6"}),
        b"hello" + page("/next"),
    ),
    "signed length": (page(Content_Length="+5"), b"hello" + page("/next")),
    "spaced name": (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", b"hello"),
    "bare return": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rContent-Length: 5\r\n\r\n", page()),
    "page with a body": (page(method="POST", Content_Length="5"), b"hello" + page("/next")),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", page("/next")),
    "chunk that lies": (
        page(method="POST", Transfer_Encoding="chunked"),
        b"5\r\nhelloXX0\r\n\r\n" + page("/next"),
    ),
}


@pytest.mark.parametrize("name", list(SMUGGLED))
@pytest.mark.parametrize("apart", [False, True], ids=["one packet", "two packets"])
async def test_row_5_request_that_can_be_read_in_two_ways_gets_one_answer(
    name: str, apart: bool
) -> None:
    first, second = SMUGGLED[name]
    async with under_attack() as target:
        peer = await target.dial()
        await peer.send(first, b"" if apart else second)
        answer = await read_answer(peer)
        if apart:
            await peer.send(second)
        assert answer.status in (400, 405, 426, 501)
        assert answer.header("Connection") == "close"
        assert answer.rest == b""


async def test_row_5_pages_in_one_packet_get_one_answer_each() -> None:
    async def on_request(asked: rawws.Request) -> rawws.Response | None:
        return rawws.Response(200, body=asked.target) if asked.target != "/" else None

    async with under_attack(on_request=on_request) as target:
        peer = await target.dial()
        await peer.send(page("/a"), page("/b"), request("/"), HELLO)
        for target_asked in (b"/a", b"/b"):
            answer = await read_answer(peer)
            assert (answer.status, answer.body) == (200, target_asked)
        assert (await read_answer(peer)).status == 101
        assert await peer.next_message() == "hello"


async def decline(_: rawws.Request) -> None:
    return None


@pytest.mark.parametrize("on_request", [None, decline])
async def test_row_6_what_is_no_upgrade_is_told_what_would_be(on_request: object) -> None:
    async with under_attack(on_request=on_request) as target:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"):
            answer = await target.ask(request(method=method))
            assert (answer.status, answer.header("Allow")) == (405, "GET")
        for version in ("0", "8", "12", "14", "13, 13", "013", "x", "", None):
            answer = await target.ask(request(Sec_WebSocket_Version=version))
            assert (answer.status, answer.header("Sec-WebSocket-Version")) == (426, "13")
        for data in (page(), request(Upgrade="h2c"), request(Upgrade=None)):
            answer = await target.ask(data)
            assert (answer.status, answer.header("Upgrade")) == (426, "websocket")


def lines(count: int, size: int = 5) -> bytes:
    """A request with that many headers more, each of that many bytes."""
    more = b"".join(b"a: %s\r\n" % (b"x" * (size - 5)) for _ in range(count))
    return request()[:-2] + more + b"\r\n"


OWN = request().count(b"\r\n") - 2
TOO_LARGE = {
    "one long header": lines(1, 16384),
    "long target": request("/" + "x" * 16384),
    "many headers": lines(101 - OWN),
    "no end of a line": b"GET /" + b"x" * 20_000,
    "no end of the head": lines(3, 6000)[:-2],
    "a megabyte": lines(50, 20_000),
}


@pytest.mark.parametrize("name", list(TOO_LARGE))
async def test_row_7_head_over_the_limits_is_431(name: str) -> None:
    async with under_attack() as target:
        answer = await target.ask(TOO_LARGE[name])
        assert (answer.status, answer.rest) == (431, b"")


@pytest.mark.parametrize("name", ["one long header", "many headers", "no end of a line"])
async def test_row_7_head_over_the_limits_is_431_byte_by_byte(name: str) -> None:
    async with under_attack() as target:
        peer = await target.dial()
        for at in range(len(TOO_LARGE[name])):
            await peer.stream.send_all(TOO_LARGE[name][at : at + 1])
            if at % 1000 == 0:
                await wait_all_tasks_blocked()
        assert (await read_answer(peer)).status == 431


async def test_row_7_head_at_the_limits_is_accepted() -> None:
    async with under_attack() as target:
        for data in (lines(100 - OWN), lines(1, 16384 - len(request()))):
            assert (await target.ask(data)).status == 101


async def test_row_7_time_goes_up_with_the_length_of_the_head_not_faster() -> None:
    async def seconds(size: int) -> float:
        data = lines(1, size)
        peer = await target.dial()
        start = time.process_time()
        for at in range(len(data)):
            await peer.stream.send_all(data[at : at + 1])
        assert (await read_answer(peer)).status == 101
        return time.process_time() - start

    async with under_attack() as target:
        short = min([await seconds(1000) for _ in range(3)])
        long = min([await seconds(8000) for _ in range(2)])
    assert long < short * 8 * 2.5


@pytest.mark.parametrize("count", [1, 1000])
async def test_row_12_frames_in_the_packet_of_the_request_are_delivered(count: int) -> None:
    texts = [f"{number} " * (number % 100) for number in range(count)]
    async with under_attack() as target:
        frames = [masked(0x80 | TEXT, text.encode()) for text in texts]
        peer = await target.open(*frames, masked(0x89, b"ping"))
        for text in texts:
            assert await peer.next_message() == text
        assert (await peer.next_frame()).payload == b"ping"


async def test_row_12_violation_in_the_packet_of_the_request_fails_the_connection() -> None:
    async with under_attack() as target:
        peer = await target.open(HELLO, b"\x83\x80" + bytes(4), HELLO)
        assert await peer.next_message() == "hello"
        code, _ = await read_verdict(peer)
        assert code == 1002
