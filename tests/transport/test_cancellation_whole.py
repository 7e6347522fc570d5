"""`connect` and `serve`, cancelled at every checkpoint of all their tasks, leave nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from rawws.transport import home
from tests.transport.checkpoints import Point, every_point
from tests.transport.raw import BINARY, CLOSE, HOST, request
from tests.transport.strict import PATIENCE, StrictPeer
from tests.transport.support import MemoryListener, Way, tls_contexts

GOOD_ENDS = {1000, 1001, 1006}
MESSAGES = [b"one", b"two" * 10000, b"three"]
QUIET = rawws.Timeouts(ping_interval=None)


@pytest.fixture(autouse=True)
def _every_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others might get their turn they do, so that there are as many points every time."""
    monkeypatch.setattr(home, "SLICE", 0)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def echo(ws: rawws.WebSocket) -> None:
    """Sends everything back; whatever is cut off, the other side has to be right."""
    try:
        async for message in ws:
            await ws.send(message)
    finally:
        assert ws.closed is None or ws.closed.code in GOOD_ENDS, ws.closed


@pytest.mark.parametrize("way", ["plain", "tls", "foreign"])
async def test_cancelled_connect_leaves_nothing_behind(nursery: trio.Nursery, way: str) -> None:
    ways = Way(way)
    server = await ways.serve(nursery, echo, timeouts=QUIET)
    outcomes = []
    with trio.fail_after(PATIENCE):
        await wait_all_tasks_blocked()
        files, living = open_files(), tasks()
        for point in every_point():
            got = []
            with point.cancels(family=True) as scope:
                async with ways.connect(server, timeouts=QUIET) as ws:
                    for message in MESSAGES:
                        await ws.send(message)
                        got.append(await ws.receive())
            outcomes.append(scope.cancelled_caught)
            assert got == MESSAGES[: len(got)]
            await until(lambda: not server.connections)
            await until(lambda: tasks() == living)
            assert open_files() == files
    assert outcomes.count(True) >= 20
    assert outcomes.count(False) >= 2


async def until(condition: Callable[[], bool]) -> None:
    """Wait until what other tasks do makes it true."""
    with trio.fail_after(PATIENCE):
        while not condition():
            await wait_all_tasks_blocked(0.001)


@pytest.mark.parametrize("way", ["plain", "tls", "foreign"])
async def test_cancelled_serve_leaves_nothing_behind(way: str) -> None:
    outcomes = []
    files, living = open_files(), tasks()
    with trio.fail_after(PATIENCE):
        for point in every_point():
            serving = Serving(way)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serving.run, point)
                await serving.visit()
            outcomes.append(serving.scope.cancelled_caught)
            assert tasks() == living
            assert open_files() == files
    assert outcomes.count(True) >= 20
    assert outcomes.count(False) >= 2


class Serving:
    """One life of a server, with one strict visitor; as the task status, it knows the server."""

    def __init__(self, way: str) -> None:
        self._way = way
        self._memory = MemoryListener()
        self._options: dict[str, Any] = {"port": 0, "host": HOST}
        if way == "foreign":
            self._options = {"listeners": [self._memory]}
        elif way == "tls":
            self._options["ssl_context"] = tls_contexts()[0]
        self._server: rawws.Server | None = None
        self._known = trio.Event()
        self._talk = trio.CancelScope()

    def started(self, server: rawws.Server) -> None:
        self._server = server
        self._known.set()

    async def run(self, point: Point) -> None:
        with point.cancels(family=True) as self.scope:
            await rawws.serve(echo, task_status=self, timeouts=QUIET, **self._options)
        self._known.set()
        await wait_all_tasks_blocked()
        self._talk.cancel()

    async def visit(self) -> None:
        """Talk as long as the server is there, and end it."""
        await self._known.wait()
        if self._server is None:
            return
        with suppress(OSError, trio.BrokenResourceError), self._talk:
            await self._talk_on(await self._dial(self._server))
        # Left alone is only who was never accepted, where no system sees to that.
        assert not self._talk.cancelled_caught or self._way == "foreign"
        await self._server.aclose()

    async def _dial(self, server: rawws.Server) -> trio.abc.Stream:
        if server.port is None:
            return self._memory.dial()
        stream = await trio.open_tcp_stream(HOST, server.port)
        if "ssl_context" not in self._options:
            return stream
        context = tls_contexts()[1]
        return trio.SSLStream(stream, context, server_hostname=HOST, https_compatible=True)

    async def _talk_on(self, stream: trio.abc.Stream) -> None:
        peer = StrictPeer(stream, "server")
        async with stream:
            await stream.send_all(request())
            head = await peer.read_head()
            assert head.startswith(b"HTTP/1.1 101 ") or not head
            for message in MESSAGES:
                if peer.is_open:
                    await peer.say(message)
                while peer.is_open and peer.messages[-1:] != [message]:
                    await peer.read()
            if peer.is_open:
                await peer.say_close(1000)
            await peer.read_to_end()
        assert peer.messages == MESSAGES[: len(peer.messages)]
        opcodes = peer.opcodes(torn=self.scope.cancelled_caught)
        if not self.scope.cancelled_caught:
            assert opcodes == [BINARY] * len(MESSAGES) + [CLOSE]
