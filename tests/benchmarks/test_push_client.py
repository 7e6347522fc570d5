"""What the benchmark's clients count: delays, bytes, requests."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

import rawws
from benchmarks.push_client import (
    BYTES,
    DELAY,
    HOST,
    REQUESTS,
    Listener,
    Poller,
    Tally,
    figures,
)
from benchmarks.servers.push import Board, only_send

either_connection = pytest.mark.parametrize("keep_alive", [True, False])


class Relay:
    """Stands between clients and a server, and counts for itself.

    Attributes:
        board: the server's.
        port: where clients get to the server.
        bytes: that went through.
        connections: that were made.
    """

    def __init__(self, board: Board, server: rawws.Server) -> None:
        self.board = board
        self.port = 0
        self.bytes = 0
        self.connections = 0
        self._server = server

    def push(self) -> None:
        rawws.broadcast(self._server.connections, self.board.post())

    async def between(self, client: trio.SocketStream) -> None:
        self.connections += 1
        assert self._server.port is not None
        server = await trio.open_tcp_stream(HOST, self._server.port)
        async with client, server, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_on, client, server)
            nursery.start_soon(self._pass_on, server, client)

    async def _pass_on(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        try:
            async for data in source:
                self.bytes += len(data)
                await sink.send_all(data)
            await sink.send_eof()
        except trio.BrokenResourceError:
            pass  # it was left for good


@asynccontextmanager
async def relayed_server() -> AsyncIterator[Relay]:
    board = Board()
    serve = partial(rawws.serve, only_send, 0, host=HOST, on_request=board.answer)
    async with trio.open_nursery() as nursery:
        relay = Relay(board, await nursery.start(serve))
        listen = partial(trio.serve_tcp, relay.between, 0, host=HOST)
        (listener,) = await nursery.start(listen)
        relay.port = listener.socket.getsockname()[1]
        yield relay
        nursery.cancel_scope.cancel()


def test_delay_runs_from_the_stamp_of_the_update() -> None:
    tally = Tally()
    now = time.monotonic()
    assert tally.learn(f"8 {now - 50}\n9 {now - 20}\n") == 9
    assert tally.delays == [pytest.approx(50, abs=5), pytest.approx(20, abs=5)]


def test_no_update_is_nothing_to_learn() -> None:
    tally = Tally()
    assert tally.learn("") is None
    assert tally.delays == []


@either_connection
async def test_poller_learns_of_each_update_once(keep_alive: bool) -> None:
    async with relayed_server() as relay, Poller(relay.port, keep_alive=keep_alive) as poller:
        for updates in (2, 0, 1):
            for _ in range(updates):
                relay.board.post()
            await poller.ask()
    assert len(poller.tally.delays) == 3
    assert poller.tally.requests == 3


@either_connection
async def test_poller_counts_all_bytes_both_ways(keep_alive: bool) -> None:
    async with relayed_server() as relay, Poller(relay.port, keep_alive=keep_alive) as poller:
        for _ in range(3):
            relay.board.post()
            await poller.ask()
    assert poller.tally.bytes == relay.bytes > 0


async def test_poller_connects_anew_for_each_request_unless_it_keeps_the_connection() -> None:
    async with relayed_server() as relay:
        for keep_alive, connections in ((True, 1), (False, 3)):
            relay.connections = 0
            async with Poller(relay.port, keep_alive=keep_alive) as poller:
                for _ in range(3):
                    await poller.ask()
            assert relay.connections == connections


async def test_first_poll_does_not_count() -> None:
    async with relayed_server() as relay:
        relay.board.post()
        poller = Poller(relay.port, keep_alive=True)
        await poller.run(0.01, seconds=0.05, phase=0)
    assert poller.tally.requests == 5
    assert poller.tally.delays == []
    assert 0 < poller.tally.bytes < relay.bytes


async def test_poller_gives_up_on_an_answer_that_is_none() -> None:
    async def fail(request: rawws.Request) -> rawws.Response:
        return rawws.Response(503)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(rawws.serve, only_send, 0, host=HOST, on_request=fail))
        async with Poller(server.port, keep_alive=True) as poller:
            with pytest.raises(SystemExit, match="503"):
                await poller.ask()
        nursery.cancel_scope.cancel()


async def test_listener_is_told_with_one_request_and_counts_all_bytes() -> None:
    async with relayed_server() as relay:
        listener = Listener(relay.port)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.listen, 0.3)
            with trio.fail_after(5):
                while not listener.tally.delays:
                    relay.push()
                    await trio.lowlevel.checkpoint()
    assert listener.tally.requests == 1
    assert listener.tally.bytes == relay.bytes > 0


def test_figures_are_for_each_time_that_a_client_learned_of_an_update() -> None:
    quick = Tally(delays=[0.001, 0.002, 0.003], bytes=300, requests=1)
    slow = Tally(delays=[0.5], bytes=100, requests=7)
    found = figures([quick, slow])
    assert found == {DELAY: pytest.approx(2.5), BYTES: 100, REQUESTS: 2}


def test_clients_that_learn_nothing_have_no_figures() -> None:
    with pytest.raises(SystemExit, match="no client"):
        figures([Tally(bytes=100, requests=7)])
