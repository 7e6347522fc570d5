"""Who is connected, who is turned away, and who never comes to be."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import rawws
from rawws import Timeouts
from tests.transport.raw import HOST, PATIENCE, RawPeer, page, request
from tests.transport.support import MemoryListener, Parked, Way, begin, complaints, connect_over


async def is_turned_away(connecting: Any) -> rawws.Response:
    """The 503 that a client gets."""
    with pytest.raises(rawws.HandshakeRejected) as refusal:
        async with connecting:
            pytest.fail("connected")
    response = refusal.value.response
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    return response


# -- who is there


async def test_connections_are_those_whose_handlers_run(way: Way, nursery: trio.Nursery) -> None:
    handler = Parked()
    server = await way.serve(nursery, handler)
    assert server.connections == frozenset()
    async with way.connect(server), way.connect(server):
        both = {await handler.taken(), await handler.taken()}
        assert server.connections == both
        handler.leave.set()
    await wait_all_tasks_blocked()
    assert server.connections == frozenset()


# -- those who never come to be


async def test_peer_that_leaves_before_the_upgrade_is_nothing_to_talk_about(
    way: Way, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Parked()
    server = await way.serve(nursery, handler)
    for said in (b"", request()[:20]):
        stream = await way.dial(server)
        await stream.send_all(said)
        await trio.aclose_forcefully(stream)
    async with way.connect(server):
        await handler.taken()
        handler.leave.set()
    assert not complaints(caplog)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x01x"])
async def test_peer_that_does_not_speak_tls_is_cut_off(
    nursery: trio.Nursery, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    way, handler = Way("tls"), Parked()
    server = await way.serve(nursery, handler, timeouts=Timeouts(handshake=0.1))
    assert server.port is not None
    stream = await trio.open_tcp_stream(HOST, server.port)
    await stream.send_all(said)
    with trio.fail_after(PATIENCE):
        while await stream.receive_some():
            pass
    await stream.aclose()
    async with way.connect(server):
        await handler.taken()
        handler.leave.set()
    assert not complaints(caplog)


async def test_accepted_socket_streams_of_a_listener_are_served(nursery: trio.Nursery) -> None:
    """As those of `trio.SocketListener`s in somebody's wrapping."""
    (inner,) = await trio.open_tcp_listeners(0, host=HOST)
    address = inner.socket.getsockname()

    class Wrapped(trio.abc.Listener[trio.SocketStream]):
        async def accept(self) -> trio.SocketStream:
            return await inner.accept()

        async def aclose(self) -> None:
            await inner.aclose()

    handler = Parked()
    await nursery.start(partial(rawws.serve, handler, listeners=[Wrapped()]))
    async with rawws.connect(f"ws://{HOST}:{address[1]}/") as near:
        far = await handler.taken()
        assert far.remote_address == near.local_address
        handler.leave.set()


async def test_listener_of_somebody_else_in_trouble_is_asked_again(
    nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Troubled(MemoryListener):
        troubles = 3

        async def accept(self) -> trio.abc.Stream:
            if self.troubles:
                self.troubles -= 1
                raise OSError(errno.EMFILE, "too many open files")
            return await super().accept()

    listener, handler = Troubled(), Parked()
    await nursery.start(partial(rawws.serve, handler, listeners=[listener]))
    async with connect_over(listener.dial()):
        await handler.taken()
        handler.leave.set()
    assert complaints(caplog)


# -- too many


async def test_more_than_max_connections_are_answered_503(way: Way, nursery: trio.Nursery) -> None:
    handler = Parked()
    server = await way.serve(nursery, handler, max_connections=2)
    async with way.connect(server), way.connect(server) as second:
        for _ in range(3):
            await is_turned_away(way.connect(server))
        both = {await handler.taken(), await handler.taken()}
        assert server.connections == both
        await second.send("still here")
        handler.leave.set()
    await wait_all_tasks_blocked()
    async with way.connect(server):
        pass


async def test_each_address_has_its_own_share(nursery: trio.Nursery) -> None:
    server = await Way("plain").serve(nursery, Parked(), max_connections_per_ip=1)
    assert server.port is not None

    async def connect_from(address: str) -> Any:
        stream = await trio.open_tcp_stream(HOST, server.port, local_address=address)
        return connect_over(stream, timeouts=Timeouts(close=0.1))

    async with await connect_from("127.0.0.2"):
        await is_turned_away(await connect_from("127.0.0.2"))
        async with await connect_from("127.0.0.3"):
            await is_turned_away(await connect_from("127.0.0.3"))


async def test_who_has_no_address_shares_with_nobody(nursery: trio.Nursery, tmp_path: Path) -> None:
    path, handler = tmp_path / "socket", Parked()
    serve = partial(rawws.serve, handler, path=path, max_connections_per_ip=1)
    await nursery.start(serve)
    async with (
        connect_over(await trio.open_unix_socket(path)) as first,
        connect_over(await trio.open_unix_socket(path)) as second,
    ):
        assert first.closed is second.closed is None
        handler.leave.set()


async def test_share_is_given_back(nursery: trio.Nursery) -> None:
    way, handler = Way("plain"), Parked()
    server = await way.serve(nursery, handler, max_connections_per_ip=1)
    handler.leave.set()
    for _ in range(3):
        async with way.connect(server) as ws:
            await ws.wait_closed()
        await wait_all_tasks_blocked()


async def test_pages_are_served_however_many_are_connected(nursery: trio.Nursery) -> None:
    async def on_request(request: rawws.Request) -> rawws.Response | None:
        return None if "Upgrade" in request.headers else rawws.Response(200, body="a page")

    way, handler = Way("foreign"), Parked()
    server = await way.serve(nursery, handler, max_connections=1, on_request=on_request)
    async with way.connect(server):
        peer = RawPeer(await way.dial(server), masks=True)
        await peer.send(page())
        assert (await peer.read_head()).startswith("HTTP/1.1 200 ")
        handler.leave.set()


# -- while the server stops


@pytest.mark.parametrize("said", [b"", request()[:30], page()], ids=["nothing", "half", "page"])
async def test_who_has_not_upgraded_is_cut_off(
    way: Way, nursery: trio.Nursery, said: bytes
) -> None:
    async def on_request(_: rawws.Request) -> None:
        await trio.sleep_forever()

    server = await way.serve(nursery, Parked(), on_request=on_request)
    peer = RawPeer(await way.dial(server), masks=True)
    await peer.send(said)
    await wait_all_tasks_blocked()
    with trio.fail_after(5):
        await server.aclose()
    assert await peer.at_end()
    await peer.stream.aclose()


async def test_who_was_just_accepted_is_cut_off_too(autojump_clock: MockClock) -> None:
    class Closing(MemoryListener):
        async def accept(self) -> trio.abc.Stream:
            stream = await super().accept()
            nursery.start_soon(server.aclose)
            return stream

    for _ in range(20):  # who runs first is a matter of luck
        async with trio.open_nursery() as nursery:
            listener = Closing()
            server: rawws.Server = await nursery.start(
                partial(rawws.serve, Parked(), listeners=[listener])
            )
            start = trio.current_time()
            listener.dial()
        assert trio.current_time() == start


async def test_who_asks_while_it_stops_is_answered_503(nursery: trio.Nursery) -> None:
    way, handler = Way("plain"), Parked()
    asked, answer = trio.Event(), trio.Event()

    async def on_request(_: rawws.Request) -> None:
        asked.set()
        with trio.CancelScope(shield=True):
            await answer.wait()

    server = await way.serve(nursery, handler, on_request=on_request)
    peer = RawPeer(await way.dial(server), masks=True)
    await peer.send(request())
    await asked.wait()
    closing = await begin(nursery, server.aclose)
    answer.set()
    await closing.result()
    assert (await peer.read_head()).startswith("HTTP/1.1 503 ")
    await peer.stream.aclose()
