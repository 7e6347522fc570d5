"""Upgrades that are refused: by what they are, and by where they come from."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair

import rawws
from rawws import Limits, Request, Response, Timeouts
from tests.transport.raw import HOST, RawPeer, head, page, request
from tests.transport.support import Parked, Way


async def status_of(peer: RawPeer) -> int:
    return int((await peer.read_head()).split()[1])


async def ask(nursery: trio.Nursery, data: bytes, **options: Any) -> str:
    """Serve, ask, and give the head of the answer."""
    way, handler = Way("foreign"), Parked()
    handler.leave.set()
    server = await way.serve(nursery, handler, **options)
    peer = RawPeer(await way.dial(server), masks=True)
    await peer.send(data)
    answer = await peer.read_head()
    await peer.stream.aclose()
    return answer


# -- by what they are


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (page(), 426, "Upgrade: websocket"),
        (page(method="POST"), 405, "Allow: GET"),
        (request(method="POST"), 405, "Allow: GET"),
        (request(Upgrade="h2c"), 426, "Upgrade: websocket"),
        (request(Connection="keep-alive"), 426, "Upgrade: websocket"),
        (request(Sec_WebSocket_Version="8"), 426, "Sec-WebSocket-Version: 13"),
        (request(Sec_WebSocket_Version=None), 426, "Sec-WebSocket-Version: 13"),
        (request(Sec_WebSocket_Key="short"), 400, ""),
        (request(Content_Length="1"), 400, ""),
        (request().replace(b"HTTP/1.1", b"HTTP/1.0"), 505, ""),
        (request().replace(b"HTTP/1.1", b"HTTP/2.0"), 505, ""),
        (b"GET /\r\n\r\n", 400, ""),
        (request(X="x" * 20_000), 431, ""),
        (request(Host="a b"), 400, ""),
        (request(Host=None), 400, ""),
    ],
)
@pytest.mark.parametrize("asking", [False, True])
async def test_request_that_nobody_wants_gets_the_status_that_it_is_owed(
    nursery: trio.Nursery, data: bytes, status: int, said: str, asking: bool
) -> None:
    async def on_request(_: Request) -> None:
        return None

    answer = await ask(nursery, data, on_request=on_request if asking else None)
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert said in answer


async def test_limits_of_the_server_apply(nursery: trio.Nursery) -> None:
    limits = Limits(max_header_size=500, max_headers=8)
    assert " 101 " in await ask(nursery, request(), limits=limits)
    assert " 431 " in await ask(nursery, request(X="x" * 500), limits=limits)
    assert " 431 " in await ask(nursery, request(A="", B="", C="", D=""), limits=limits)


async def test_refused_upgrade_ends_the_stream_and_what_follows_is_dropped(
    way: Way, nursery: trio.Nursery
) -> None:
    server = await way.serve(nursery, Parked())
    peer = RawPeer(await way.dial(server), masks=True)
    await peer.send(request(Sec_WebSocket_Key="short"), bytes(100_000))
    assert await status_of(peer) == 400
    await peer.read_bytes(1)
    while not await peer.at_end():
        await peer.read_bytes(1)
    await peer.stream.aclose()


# -- by the name that they asked for


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("example.org", True),
        ("EXAMPLE.org:8000", True),
        ("[::1]:80", True),
        ("evil.example", False),
        ("example.org.evil.example", False),
        ("127.0.0.1", False),
    ],
)
async def test_other_hosts_are_refused_before_anybody_is_asked(
    nursery: trio.Nursery, host: str, allowed: bool
) -> None:
    asked = []

    async def on_request(request: Request) -> Response | None:
        asked.append(request)
        return None if "Upgrade" in request.headers else Response(200)

    options = {"hosts": ["example.org", "::1"], "on_request": on_request}
    answer = await ask(nursery, request(Host=host, Origin=None), **options)
    assert answer.split()[1] == ("101" if allowed else "403")
    answer = await ask(nursery, page(Host=host), **options)
    assert answer.split()[1] == ("200" if allowed else "421")
    assert len(asked) == (2 if allowed else 0)


# -- by the page that they come from


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ("default", None, True),
        ("default", f"http://{HOST}", True),
        ("default", f"https://{HOST}:444", False),
        ("default", f"http://{HOST}:8000", False),
        ("default", "http://evil.example", False),
        ("default", "null", False),
        (rawws.SAME_ORIGIN, "http://evil.example", False),
        (["https://example.org"], "https://example.org", True),
        (["https://example.org"], f"http://{HOST}", False),
        (["https://example.org"], None, True),
        ([re.compile(r"https://\w+\.example\.org")], "https://a.example.org", True),
        ([re.compile(r"https://\w+\.example\.org")], "https://a.example.org.evil", False),
        ([], "https://example.org", False),
        (None, "http://evil.example", True),
        (None, "null", True),
    ],
)
async def test_origin_is_checked(
    nursery: trio.Nursery, origins: Any, origin: str | None, allowed: bool
) -> None:
    options = {} if origins == "default" else {"origins": origins}
    answer = await ask(nursery, request(Origin=origin), **options)
    assert answer.split()[1] == ("101" if allowed else "403")


async def test_origin_of_what_is_no_upgrade_does_not_matter(nursery: trio.Nursery) -> None:
    assert " 426 " in await ask(nursery, page(Origin="http://other.example"))


async def test_pages_of_other_origins_may_be_answered(nursery: trio.Nursery) -> None:
    async def on_request(request: Request) -> Response:
        return Response(200, {"Access-Control-Allow-Origin": request.headers["Origin"]})

    answer = await ask(nursery, page(Origin="http://other.example"), on_request=on_request)
    assert "Access-Control-Allow-Origin: http://other.example" in answer


# -- by the time that they take


async def is_cut_off_after(peer: RawPeer) -> float:
    """Seconds until the server ends the stream without a word."""
    start = trio.current_time()
    assert await peer.at_end()
    return trio.current_time() - start


@pytest.mark.parametrize("said", [b"", b"GET / HT", request()[:-2]])
async def test_silent_client_is_cut_off_at_the_deadline(
    nursery: trio.Nursery, autojump_clock: MockClock, said: bytes
) -> None:
    way = Way("foreign")
    server = await way.serve(nursery, Parked(), timeouts=Timeouts(handshake=3))
    peer = RawPeer(await way.dial(server), masks=True)
    await peer.send(said)
    assert await is_cut_off_after(peer) == pytest.approx(3)


async def test_dribbling_client_is_cut_off_at_the_same_deadline(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    way = Way("foreign")
    server = await way.serve(nursery, Parked(), timeouts=Timeouts(handshake=3))
    peer = RawPeer(await way.dial(server), masks=True)

    async def dribble() -> None:
        with suppress(trio.BrokenResourceError):  # cut off
            for byte in request():
                await peer.send(bytes([byte]))
                await trio.sleep(0.5)

    nursery.start_soon(dribble)
    assert await is_cut_off_after(peer) == pytest.approx(3)
    nursery.cancel_scope.cancel()


async def test_each_request_has_the_whole_time(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async def on_request(_: Request) -> Response:
        await trio.sleep(4)  # the server's own time does not count
        return Response(204)

    way = Way("foreign")
    server = await way.serve(
        nursery, Parked(), on_request=on_request, timeouts=Timeouts(handshake=3)
    )
    peer = RawPeer(await way.dial(server), masks=True)
    for _ in range(5):
        await trio.sleep(2)
        await peer.send(page())
        assert await status_of(peer) == 204
    assert await is_cut_off_after(peer) == pytest.approx(3)


async def test_client_that_does_not_read_its_answer_is_cut_off(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async def on_request(_: Request) -> Response:
        return Response(200, body="x" * 1_000_000)

    way = Way("foreign", lockstep_stream_pair)
    server = await way.serve(nursery, Parked(), on_request=on_request, timeouts=Timeouts(write=3))
    peer = RawPeer(await way.dial(server), masks=True)
    await peer.send(page())
    await trio.sleep(4)
    read = 0
    while not await peer.at_end():
        await peer.read_bytes(1)
        read += 1
    assert read < 100_000


async def test_client_that_does_not_leave_after_its_answer_is_cut_off(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    way = Way("foreign")
    server = await way.serve(nursery, Parked(), timeouts=Timeouts(close=3))
    peer = RawPeer(await way.dial(server), masks=True)
    await peer.send(request(Sec_WebSocket_Key="short"))
    assert await status_of(peer) == 400
    await peer.send(b"and more")
    await trio.sleep(4)
    with pytest.raises(trio.BrokenResourceError):
        await peer.stream.send_all(b"and more")


async def test_without_deadlines_it_waits(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    way, handler = Way("foreign"), Parked()
    timeouts = Timeouts(handshake=None, write=None, close=None)
    server = await way.serve(nursery, handler, timeouts=timeouts)
    peer = RawPeer(await way.dial(server), masks=True)
    await trio.sleep(3600)
    await peer.send(head("GET / HTTP/1.1", {"Host": HOST}))
    assert await status_of(peer) == 426
    assert server.connections == frozenset()
