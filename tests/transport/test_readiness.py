"""Waiting for many sockets at once: no edge is lost, whoever waits, reads or is cancelled."""

from __future__ import annotations

import select
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from rawws.transport.readiness import Readiness, WatchedSocket
from rawws.transport.streams import CHUNK


@pytest.fixture
async def readiness(nursery: trio.Nursery) -> AsyncIterator[Readiness]:
    watcher = Readiness()
    nursery.start_soon(watcher.run)
    yield watcher
    nursery.cancel_scope.cancel()


def pair(readiness: Readiness) -> tuple[WatchedSocket, socket.socket]:
    ours, peer = socket.socketpair()
    return WatchedSocket(ours, readiness), peer


async def read_to_end(stream: WatchedSocket) -> bytes:
    data = bytearray()
    with trio.fail_after(5):
        while True:
            await stream.wait_readable()
            piece = stream.receive_nowait()
            if piece == b"":
                return bytes(data)
            data += piece or b""


async def test_what_came_while_nobody_waited_is_seen(readiness: Readiness) -> None:
    stream, peer = pair(readiness)
    with peer:
        peer.send(b"early")
        await wait_all_tasks_blocked()
        with trio.fail_after(5):
            await stream.wait_readable()
        assert stream.receive_nowait() == b"early"
        stream.close()


async def test_wait_ends_when_something_comes_and_not_before(
    readiness: Readiness, nursery: trio.Nursery
) -> None:
    stream, peer = pair(readiness)
    woken = trio.Event()

    async def wait() -> None:
        await stream.wait_readable()
        woken.set()

    with peer:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        assert not woken.is_set()
        peer.send(b"x")
        with trio.fail_after(5):
            await woken.wait()
        stream.close()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5])
async def test_all_is_read_up_to_an_end_that_came_in_the_same_moment(
    readiness: Readiness, size: int
) -> None:
    stream, peer = pair(readiness)
    with peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        peer.sendall(b"x" * size)
    assert len(await read_to_end(stream)) == size
    stream.close()


async def test_cancelled_wait_loses_nothing(readiness: Readiness) -> None:
    stream, peer = pair(readiness)
    with peer:
        peer.send(b"here")
        await wait_all_tasks_blocked()
        with trio.CancelScope() as scope:
            scope.cancel()
            await stream.wait_readable()
        assert scope.cancelled_caught
        with trio.fail_after(5):
            await stream.wait_readable()
        assert stream.receive_nowait() == b"here"
        with trio.move_on_after(0.01):
            await stream.wait_readable()
        peer.send(b"later")
        with trio.fail_after(5):
            await stream.wait_readable()
        assert stream.receive_nowait() == b"later"
        stream.close()


async def test_interrupt_wakes_and_leaves_the_socket_good(
    readiness: Readiness, nursery: trio.Nursery
) -> None:
    stream, peer = pair(readiness)
    with peer:
        woken = trio.Event()

        async def wait() -> None:
            await stream.wait_readable()
            woken.set()

        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        stream.interrupt()
        with trio.fail_after(5):
            await woken.wait()
        peer.send(b"still")
        with trio.fail_after(5):
            await stream.wait_readable()
        assert stream.receive_nowait() == b"still"
        stream.close()


async def test_close_wakes_who_then_finds_it_closed(
    readiness: Readiness, nursery: trio.Nursery
) -> None:
    stream, peer = pair(readiness)
    woken = trio.Event()

    async def wait() -> None:
        await stream.wait_readable()
        with pytest.raises(trio.ClosedResourceError):
            stream.receive_nowait()
        woken.set()

    with peer:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        stream.close()
        with trio.fail_after(5):
            await woken.wait()
        with pytest.raises(trio.ClosedResourceError):
            await stream.wait_readable()


async def test_socket_with_the_number_of_a_closed_one_starts_anew(readiness: Readiness) -> None:
    first, peer = pair(readiness)
    peer.send(b"unread")
    peer.close()
    await wait_all_tasks_blocked()
    number = first._fd
    first.close()
    second, other = pair(readiness)
    with other:
        assert number in (second._fd, other.fileno())
        with trio.move_on_after(0.05) as scope:
            await second.wait_readable()
        assert scope.cancelled_caught
        second.close()


async def test_each_of_many_is_woken_for_its_own(
    readiness: Readiness, nursery: trio.Nursery
) -> None:
    pairs = [pair(readiness) for _ in range(300)]
    got: dict[int, bytes | None] = {}

    async def take(number: int, stream: WatchedSocket) -> None:
        await stream.wait_readable()
        got[number] = stream.receive_nowait()

    async with trio.open_nursery() as takers:
        for number, (stream, _) in enumerate(pairs):
            takers.start_soon(take, number, stream)
        await wait_all_tasks_blocked()
        for number, (_, peer) in enumerate(pairs):
            peer.send(b"%d" % number)
    assert got == {number: b"%d" % number for number in range(300)}
    for stream, peer in pairs:
        stream.close()
        peer.close()


async def test_socket_that_cannot_be_watched_is_closed() -> None:
    watcher = Readiness()
    with watcher._epoll:
        pass
    ours, peer = socket.socketpair()
    with peer, pytest.raises(ValueError, match="closed epoll"):
        WatchedSocket(ours, watcher)
    assert ours.fileno() < 0


async def test_server_works_on_a_system_without_epoll(
    monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery
) -> None:
    async def echo(ws: rawws.WebSocket) -> None:
        async for message in ws:
            await ws.send(message)

    monkeypatch.delattr(select, "epoll")
    server = await nursery.start(partial(rawws.serve, echo, 0, host="127.0.0.1"))
    monkeypatch.undo()
    async with rawws.connect(f"ws://127.0.0.1:{server.port}/") as ws:
        await ws.send("hello")
        assert await ws.receive() == "hello"
    await server.aclose()
