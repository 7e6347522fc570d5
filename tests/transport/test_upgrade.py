"""HTTP on the port of a server: pages beside WebSockets, and who is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import trio

import rawws
from rawws import Request, Response
from rawws.transport.upgrade import Policy, upgrade
from tests.transport.raw import TEXT, RawPeer, page, request
from tests.transport.support import Parked, Way, begin, complaints
from tests.transport.wires import ScriptedStream


@dataclass
class Answer:
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


async def read_answer(peer: RawPeer, *, body: bool = True) -> Answer:
    first, *lines = (await peer.read_head()).split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    length = int(headers.get("content-length", "0")) if body else 0
    return Answer(int(first.split()[1]), headers, await peer.read_bytes(length))


async def echo(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


@pytest.fixture
async def dial(way: Way, nursery: trio.Nursery) -> AsyncIterator[Any]:
    """`dial(**options)` starts a server and connects to it, no more."""
    peers: list[RawPeer] = []

    async def dial(handler: Any = echo, **options: Any) -> RawPeer:
        server = await way.serve(nursery, handler, **options)
        peers.append(RawPeer(await way.dial(server), masks=True))
        return peers[-1]

    yield dial
    for peer in peers:
        await trio.aclose_forcefully(peer.stream)


async def pages(request: Request) -> Response | None:
    """Answers all that is no upgrade."""
    if "Upgrade" in request.headers:
        return None
    body = f"{request.method} {request.target}"
    return Response(200, {"Content-Type": "text/plain", "X-Path": request.path}, body)


# -- pages


async def test_pages_and_then_a_websocket_come_over_one_connection(dial: Any) -> None:
    peer = await dial(on_request=pages)
    for target in ("/", "/a?b=c", "/"):
        await peer.send(page(target))
        answer = await read_answer(peer)
        assert (answer.status, answer.body) == (200, f"GET {target}".encode())
        assert answer.headers["x-path"] == target.partition("?")[0]
        assert "connection" not in answer.headers
    await peer.send(request())
    assert (await read_answer(peer)).status == 101
    await peer.say("hello")
    assert await peer.next_message() == "hello"


async def test_requests_in_one_packet_are_answered_in_order(dial: Any) -> None:
    peer = await dial(on_request=pages)
    hello = peer.frame(TEXT, b"hello")
    await peer.send(*(page(f"/{number}") for number in range(50)), request(), hello)
    for number in range(50):
        assert (await read_answer(peer)).body == f"GET /{number}".encode()
    assert (await read_answer(peer)).status == 101
    assert await peer.next_message() == "hello"


async def test_request_may_come_bit_by_bit(dial: Any) -> None:
    peer = await dial(on_request=pages)
    for data in (page("/one"), page("/two")):
        for index in range(0, len(data), 7):
            await peer.send(data[index : index + 7])
            await trio.lowlevel.checkpoint()
        assert (await read_answer(peer)).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "DELETE", "PURGE"])
async def test_every_method_is_shown(dial: Any, method: str) -> None:
    peer = await dial(on_request=pages)
    await peer.send(page("/", method=method))
    assert (await read_answer(peer)).body == f"{method} /".encode()


async def test_answer_to_head_has_no_body(dial: Any) -> None:
    peer = await dial(on_request=pages)
    await peer.send(page(method="HEAD"), page())
    head = await read_answer(peer, body=False)
    get = await read_answer(peer)
    assert (head.status, get.status) == (200, 200)
    assert int(head.headers["content-length"]) == len("HEAD /")
    assert get.body == b"GET /"


@pytest.mark.parametrize(
    ("headers", "options"),
    [({"Connection": "close"}, {}), ({}, {"Connection": "close"}), ({"Content_Length": "3"}, {})],
)
async def test_last_answer_says_so_and_ends_the_stream(
    dial: Any, headers: dict[str, str], options: dict[str, str]
) -> None:
    async def on_request(_: Request) -> Response:
        return Response(200, options, "last")

    peer = await dial(on_request=on_request)
    await peer.send(page(**headers), b"xyz", page("/never-answered"))
    answer = await read_answer(peer)
    assert (answer.body, answer.headers["connection"].lower()) == (b"last", "close")
    assert await peer.at_end()


@pytest.mark.parametrize(
    "response",
    [
        Response(401, {"WWW-Authenticate": "Basic"}, "who are you?"),
        Response(302, {"Location": "/elsewhere"}),
        Response(204),
        Response(404, body=b"\xff\x00"),
        Response(599, [("X", "1"), ("X", "2")]),
    ],
    ids=lambda response: str(response.status),
)
async def test_upgrade_can_be_answered_with_anything_else(dial: Any, response: Response) -> None:
    async def on_request(_: Request) -> Response:
        return response

    peer = await dial(on_request=on_request)
    await peer.send(request())
    answer = await read_answer(peer)
    assert (answer.status, answer.body) == (response.status, response.body)
    for name, value in response.headers.lines:
        assert answer.headers[name.lower()] in (value.lower(), "2")
    assert await peer.at_end()


async def test_client_gets_the_response_that_it_is_refused_with(
    way: Way, nursery: trio.Nursery
) -> None:
    async def on_request(request: Request) -> Response | None:
        if request.headers.get("Authorization") == "Bearer secret":
            return None
        return Response(401, {"WWW-Authenticate": "Bearer"}, "who are you?")

    server = await way.serve(nursery, echo, on_request=on_request)
    with pytest.raises(rawws.HandshakeRejected) as refusal:
        async with way.connect(server):
            pass
    assert refusal.value.response.status == 401
    assert refusal.value.response.headers["WWW-Authenticate"] == "Bearer"
    assert refusal.value.response.body == b"who are you?"
    async with way.connect(server, headers={"Authorization": "Bearer secret"}) as ws:
        assert ws.closed is None


async def test_what_on_request_finds_out_travels_to_the_handler(
    way: Way, nursery: trio.Nursery
) -> None:
    async def on_request(request: Request) -> None:
        assert (request.remote_address is None) == (way.name == "foreign")
        request.state.user = request.query

    handler = Parked()
    server = await way.serve(nursery, handler, on_request=on_request)
    for user in ("somebody", "somebody-else"):
        async with way.connect(server, f"/?{user}"):
            ws = await handler.taken()
            assert ws.request.state.user == user
            assert ws.request.remote_address == ws.remote_address
            handler.leave.set()


# -- on_request that fails


class NoResponse:
    status = 200


@pytest.mark.parametrize(
    "returned",
    ["a page", 200, b"", NoResponse(), Response(101), Response(1000), Response(200, {"X": "a\nb"})],
    ids=lambda returned: type(returned).__name__,
)
async def test_what_is_no_response_is_logged_and_answered_500(
    dial: Any, caplog: pytest.LogCaptureFixture, returned: Any
) -> None:
    async def on_request(_: Request) -> Any:
        return returned

    peer = await dial(on_request=on_request)
    for _ in range(2):
        await peer.send(page())
        assert (await read_answer(peer)).status == 500
    assert len(complaints(caplog)) == 2


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("mine"), ExceptionGroup("mine", [KeyError("x")])]
)
async def test_error_of_on_request_is_logged_and_answered_500(
    dial: Any, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    async def on_request(_: Request) -> Response:
        raise error

    peer = await dial(on_request=on_request)
    for _ in range(2):
        await peer.send(page())
        answer = await read_answer(peer)
        assert (answer.status, answer.body) == (500, b"internal error\n")
    first, _ = complaints(caplog)
    assert first.exc_info is not None
    assert first.exc_info[1] is error


@pytest.mark.parametrize("failing", [False, True])
async def test_error_of_a_cancelled_on_request_stays_in_the_log(
    caplog: pytest.LogCaptureFixture, failing: bool
) -> None:
    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ZeroDivisionError("mine")

    async def on_request(_: Request) -> None:
        async with trio.open_nursery() as inner:
            if failing:
                inner.start_soon(fail)
            inner.start_soon(trio.sleep_forever)

    async def serve_and_stop(stop: Any) -> None:
        way = Way("foreign")
        async with trio.open_nursery() as serving:
            server = await way.serve(serving, echo, on_request=on_request)
            peer = RawPeer(await way.dial(server), masks=True)
            await peer.send(request())
            await begin(serving, trio.sleep, 0)
            await stop(serving, server)

    async def close(_: trio.Nursery, server: rawws.Server) -> None:
        await server.aclose()

    async def cancel(serving: trio.Nursery, _: rawws.Server) -> None:
        serving.cancel_scope.cancel()

    await serve_and_stop(close)
    await serve_and_stop(cancel)
    assert len(complaints(caplog)) == 2 * failing


async def test_peer_that_leaves_before_its_answer_is_nothing_to_talk_about(
    dial: Any, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    asked, answer, answered = trio.Event(), trio.Event(), trio.Event()

    async def on_request(_: Request) -> Response:
        asked.set()
        await answer.wait()
        answered.set()
        return Response(200, body="x" * 1_000_000)

    peer = await dial(on_request=on_request)
    await peer.send(page())
    await asked.wait()
    await trio.aclose_forcefully(peer.stream)
    answer.set()
    await answered.wait()
    await begin(nursery, trio.sleep, 0)
    assert not complaints(caplog)


async def test_request_that_comes_as_its_deadline_strikes_is_not_begun_with() -> None:
    asked: list[Request] = []

    async def on_request(request: Request) -> None:
        asked.append(request)

    class JustInTime(ScriptedStream):
        def receive_nowait(self) -> bytes | None:
            scope.cancel()  # as the deadline does, while the waiting task is woken already
            return request()

    policy = Policy((), None, None, None, rawws.Limits(), rawws.Timeouts(), on_request, ())
    with trio.CancelScope() as scope:
        assert await upgrade(JustInTime(), policy, lambda _: None, scope) is None
    assert asked == []
