"""Connecting: what is asked, what may be answered, and whatever carries it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

import rawws
from rawws import Deflate
from tests.transport.conftest import OpenPair
from tests.transport.raw import HOST, switching
from tests.transport.support import Way, connect_over, raw_server, tls_contexts


async def echo(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def check_echo(ws: rawws.WebSocket) -> None:
    await ws.send("echo")
    assert await ws.receive() == "echo"


# -- what is asked, and what was agreed


async def test_request_says_what_is_wanted(way: Way, nursery: trio.Nursery) -> None:
    asked = []

    def answer(request: str) -> bytes:
        asked.extend(request.split("\r\n"))
        return switching(request, Sec_WebSocket_Protocol="v2", Server="raw")

    async with (
        raw_server(nursery, way, answer) as server,
        server.connect(
            "/room?name=x",
            subprotocols=["v2", "v1"],
            headers={"Authorization": "Bearer x"},
            origin="https://example.org",
            compression=Deflate(),
        ) as ws,
    ):
        assert asked[0] == "GET /room?name=x HTTP/1.1"
        assert any(line.startswith(f"Host: {HOST}") for line in asked)
        assert "Sec-WebSocket-Protocol: v2, v1" in asked
        assert "Authorization: Bearer x" in asked
        assert "Origin: https://example.org" in asked
        assert any(line.startswith("Sec-WebSocket-Extensions: permess") for line in asked)
        assert (ws.request.path, ws.request.query) == ("/room", "name=x")
        assert ws.request.headers["Authorization"] == "Bearer x"
        assert ws.response is not None
        assert (ws.response.status, ws.response.headers["Server"]) == (101, "raw")
        assert (ws.subprotocol, ws.extensions) == ("v2", "")
        await trio.aclose_forcefully((await server.accepted()).stream)


async def test_both_ends_know_what_was_agreed(pair: OpenPair, way: Way) -> None:
    options = {"compression": Deflate(), "subprotocols": ["b", "a"]}
    async with pair(server=options, client=options | {"subprotocols": ["a", "c", "b"]}) as (
        near,
        far,
    ):
        assert near.subprotocol == far.subprotocol == "b"
        assert near.extensions == far.extensions != ""
        assert near.request.target == far.request.target
        assert far.response is None
        if way.name == "foreign":
            assert near.local_address is near.remote_address is None
            assert far.local_address is far.remote_address is None
        else:
            assert near.local_address == far.remote_address == far.request.remote_address
            assert near.remote_address == far.local_address


async def test_addresses_are_known_after_the_end(pair: OpenPair, way: Way) -> None:
    async with pair() as (near, far):
        before = (near.local_address, near.remote_address)
        await far.wait_closed() if near.closed else None
    assert (near.local_address, near.remote_address) == before


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"subprotocols": ["a", "a"]}, rawws.LocalProtocolError),
        ({"subprotocols": "a"}, rawws.LocalProtocolError),
        ({"subprotocols": ["a\r\nb"]}, rawws.LocalProtocolError),
        ({"headers": {"X": "a\r\nb"}}, rawws.LocalProtocolError),
        ({"headers": {"Upgrade": "h2c"}}, rawws.LocalProtocolError),
        ({"headers": {"Sec-WebSocket-Key": "x"}}, rawws.LocalProtocolError),
        ({"origin": "a\nb"}, rawws.LocalProtocolError),
        ({"path": "/\r\n"}, rawws.InvalidURL),
        ({"path": "/#fragment"}, ValueError),
    ],
)
async def test_argument_that_cannot_be_used_is_refused_before_anything_is_sent(
    options: dict[str, Any], error: type[Exception]
) -> None:
    near, far = trio.testing.memory_stream_pair()
    with pytest.raises(error):
        async with connect_over(near, **options):
            pass
    assert await far.receive_some() == b""  # it was taken over all the same


@pytest.mark.parametrize("url", ["http://example.org/", "ws://", "example.org", "ws://a b/"])
async def test_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(rawws.InvalidURL):
        async with rawws.connect(url):
            pass
    with pytest.raises(TypeError):
        async with rawws.connect(b"ws://example.org/"):  # type: ignore[arg-type]
            pass


# -- whatever carries it


async def test_name_of_the_host_is_looked_up(nursery: trio.Nursery) -> None:
    server = await Way("plain").serve(nursery, echo)
    async with rawws.connect(f"ws://localhost:{server.port}/") as ws:
        await check_echo(ws)


async def test_unix_socket_carries_it(nursery: trio.Nursery, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    await nursery.start(lambda task_status: rawws.serve(echo, path=path, task_status=task_status))
    stream = await trio.open_unix_socket(path)
    async with connect_over(stream) as ws:
        await check_echo(ws)


async def test_tls_goes_on_a_unix_socket_too(nursery: trio.Nursery, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server, client = tls_contexts()

    async def start(task_status: trio.TaskStatus[rawws.Server]) -> None:
        await rawws.serve(echo, path=path, ssl_context=server, task_status=task_status)

    await nursery.start(start)
    stream = await trio.open_unix_socket(path)
    async with rawws.connect("wss://localhost/", stream=stream, ssl_context=client) as ws:
        await check_echo(ws)


async def test_socket_that_is_connected_already_carries_it(nursery: trio.Nursery) -> None:
    server = await Way("plain").serve(nursery, echo)
    assert server.port is not None
    stream = await trio.open_tcp_stream(HOST, server.port)
    async with rawws.connect("ws://example.org/asked", stream=stream) as ws:
        assert ws.request.headers["Host"] == "example.org"
        await check_echo(ws)
    assert stream.socket.fileno() < 0


async def test_tls_of_somebody_else_carries_it(nursery: trio.Nursery) -> None:
    way = Way("tls")
    server = await way.serve(nursery, echo)
    async with connect_over(await way.dial(server)) as ws:
        await check_echo(ws)


async def test_tls_goes_on_a_foreign_stream_for_wss(nursery: trio.Nursery) -> None:
    way = Way("foreign")
    server = await way.serve(nursery, echo, ssl_context=tls_contexts()[0])
    async with rawws.connect(
        "wss://localhost/", stream=await way.dial(server), ssl_context=tls_contexts()[1]
    ) as ws:
        await check_echo(ws)
