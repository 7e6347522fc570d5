"""What `serve` is told: arguments and their errors, and all the places it listens."""

from __future__ import annotations

import re
import socket
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import rawws
from rawws import Deflate
from tests.transport.raw import HOST, RawPeer, request
from tests.transport.support import MemoryListener, Parked, Way, connect_over, tls_contexts


async def echo(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def check_echo(stream: trio.abc.Stream) -> None:
    async with connect_over(stream) as ws:
        await ws.send("echo")
        assert await ws.receive() == "echo"


# -- arguments


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({}, ValueError, "port, a path or listeners"),
        ({"port": -1}, ValueError, "port"),
        ({"port": 65536}, ValueError, "port"),
        ({"port": "8000"}, ValueError, "port"),
        ({"port": 0, "max_connections": 0}, ValueError, "max_connections"),
        ({"port": 0, "max_connections": 1.5}, ValueError, "max_connections"),
        ({"port": 0, "max_connections_per_ip": -1}, ValueError, "max_connections_per_ip"),
        ({"port": 0, "backlog": 0}, ValueError, "backlog"),
        ({"port": 0, "subprotocols": "chat"}, rawws.LocalProtocolError, "list of names"),
        ({"port": 0, "subprotocols": ["a b"]}, rawws.LocalProtocolError, "a b"),
        ({"port": 0, "subprotocols": ["a", "a"]}, rawws.LocalProtocolError, "twice"),
        ({"port": 0, "origins": "https://example.org"}, TypeError, "origins"),
        ({"port": 0, "origins": ["https://example.org/"]}, ValueError, "origins"),
        ({"port": 0, "hosts": "example.org"}, TypeError, "hosts"),
        ({"port": 0, "hosts": ["example.org:80"]}, ValueError, "hosts"),
        ({"port": 0, "headers": {"X": "a\r\nb"}}, rawws.LocalProtocolError, "X"),
        ({"port": 0, "headers": {"a b": "x"}}, rawws.LocalProtocolError, "a b"),
        ({"port": 0, "headers": 7}, rawws.LocalProtocolError, "mapping or pairs"),
        *(
            ({"port": 0, "headers": {name: "x"}}, rawws.LocalProtocolError, name)
            for name in ("Upgrade", "Connection", "Content-Length", "Sec-WebSocket-Accept")
        ),
    ],
)
async def test_argument_that_cannot_be_used_is_refused_before_anything_is_bound(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], named: str
) -> None:
    tmp_path /= "socket"
    if options:
        options |= {"path": tmp_path}
    with trio.fail_after(5), pytest.raises(error, match=re.escape(named)):
        await rawws.serve(echo, **options)
    assert not await trio.Path(tmp_path).exists()


@pytest.mark.parametrize("name", ["limits", "timeouts", "compression"])
async def test_settings_are_checked_when_they_are_made(name: str) -> None:
    settings: Any = {
        "limits": rawws.Limits,
        "timeouts": rawws.Timeouts,
        "compression": rawws.Deflate,
    }
    first = next(iter(settings[name].__dataclass_fields__))
    with pytest.raises(ValueError, match=first):
        settings[name](**{first: -2})


async def test_port_that_is_taken_is_an_error() -> None:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        sock.listen()
        with pytest.raises(OSError, match="in use"):
            await rawws.serve(echo, sock.getsockname()[1], host=HOST)


# -- places


async def test_server_listens_everywhere_it_is_told_to(tmp_path: Path) -> None:
    memory = MemoryListener()
    (given,) = await trio.open_tcp_listeners(0, host=HOST)
    given_address = given.socket.getsockname()
    path = tmp_path / "socket"
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            partial(rawws.serve, echo, 0, host=HOST, listeners=[memory, given], path=path)
        )
        assert isinstance(server, rawws.Server)
        assert len(server.listeners) == 4
        assert memory in server.listeners
        assert server.port == given_address[1]  # of the first that has one
        for listener in server.listeners:
            if isinstance(listener, socket.socket) and listener.family != socket.AF_UNIX:
                await check_echo(await trio.open_tcp_stream(*listener.getsockname()))
        await check_echo(await trio.open_unix_socket(path))
        await check_echo(memory.dial())
        await server.aclose()
    assert server.port is None
    assert not await trio.Path(path).exists()
    with pytest.raises(OSError, match="connect"):
        await trio.open_tcp_stream(*given_address)


async def test_server_without_tcp_has_no_port(nursery: trio.Nursery, tmp_path: Path) -> None:
    server = await nursery.start(partial(rawws.serve, echo, path=tmp_path / "socket"))
    assert server.port is None
    assert [listener.family for listener in server.listeners] == [socket.AF_UNIX]


async def test_all_interfaces_are_the_default(nursery: trio.Nursery) -> None:
    server = await nursery.start(rawws.serve, echo, 0)
    await check_echo(await trio.open_tcp_stream("localhost", server.port))
    await check_echo(await trio.open_tcp_stream(HOST, server.port))


async def test_port_can_be_shared_with_another_server(nursery: trio.Nursery) -> None:
    serve = partial(rawws.serve, echo, host=HOST, reuse_port=True)
    first = await nursery.start(serve, 0)
    second = await nursery.start(serve, first.port)
    assert second.port == first.port
    await first.aclose()
    await check_echo(await trio.open_tcp_stream(HOST, second.port))


async def test_server_can_be_told_nothing_but_where(nursery: trio.Nursery) -> None:
    memory = MemoryListener()
    nursery.start_soon(partial(rawws.serve, echo, listeners=[memory]))
    await check_echo(memory.dial())


async def test_listener_that_does_tls_itself_is_served(nursery: trio.Nursery) -> None:
    (plain,) = await trio.open_tcp_listeners(0, host=HOST)
    port = plain.socket.getsockname()[1]
    listener = trio.SSLListener(plain, tls_contexts()[0], https_compatible=True)
    await nursery.start(partial(rawws.serve, echo, listeners=[listener]))
    async with Way("tls").connect_to(port) as ws:
        await ws.send("echo")
        assert await ws.receive() == "echo"


# -- what is agreed with every client


async def test_servers_order_of_subprotocols_counts(nursery: trio.Nursery) -> None:
    way, handler = Way("foreign"), Parked()
    server = await way.serve(nursery, handler, subprotocols=["b", "a"])
    for offered, chosen in ((["a", "b"], "b"), (["c", "a"], "a"), (["c"], None), ([], None)):
        async with way.connect(server, subprotocols=offered) as ws:
            assert ws.subprotocol == chosen
            assert (await handler.taken()).subprotocol == chosen
            handler.leave.set()


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [(None, Deflate(), False), (Deflate(), None, False), (Deflate(), Deflate(), True)],
)
async def test_compression_needs_both_sides(
    nursery: trio.Nursery, ours: Deflate | None, theirs: Deflate | None, agreed: bool
) -> None:
    way = Way("foreign")
    server = await way.serve(nursery, echo, compression=ours)
    async with way.connect(server, compression=theirs) as ws:
        assert ws.extensions.startswith("permessage-deflate") is agreed


async def test_headers_go_with_every_101(nursery: trio.Nursery) -> None:
    way = Way("foreign")
    server = await way.serve(nursery, echo, headers=[("Server", "mine"), ("X", "1"), ("X", "2")])
    for _ in range(2):
        async with way.connect(server) as ws:
            assert ws.response is not None
            assert ws.response.headers["Server"] == "mine"
            assert ws.response.headers.get_all("X") == ["1", "2"]


async def test_handler_sees_the_request(nursery: trio.Nursery) -> None:
    way, handler = Way("plain"), Parked()
    server = await way.serve(nursery, handler)
    stream = await way.dial(server)
    peer = RawPeer(stream, masks=True)
    await peer.send(request("/room?name=%C3%A9", Cookie="id=7"))
    ws = await handler.taken()
    assert (ws.request.method, ws.request.http_version) == ("GET", "1.1")
    assert (ws.request.path, ws.request.query) == ("/room", "name=%C3%A9")
    assert ws.request.headers["cookie"] == "id=7"
    assert ws.request.remote_address == ws.remote_address == stream.socket.getsockname()
    await stream.aclose()
