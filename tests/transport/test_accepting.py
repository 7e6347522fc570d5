"""Accepting: a listener survives whatever one connection, or the system, does to it."""

from __future__ import annotations

import errno
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rawws.transport.listener import BATCH, PAUSE, QUIET, accept_all
from tests.transport.raw import HOST, PATIENCE

# What accept() may raise for one connection, and what for the system.
LOST = ["ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "ENETUNREACH", "EHOSTUNREACH"]
TROUBLE = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EINVAL"]


class Listener(socket.socket):
    """A listening socket that raises what it is told to before it accepts."""

    def __init__(self) -> None:
        super().__init__()
        self.setblocking(False)
        self.bind((HOST, 0))
        self.listen(5 * BATCH)
        self.errors: list[int] = []

    def accept(self) -> tuple[socket.socket, object]:
        if self.errors:
            number = self.errors.pop()
            raise OSError(number, os.strerror(number))
        return super().accept()


class Taken:
    """Takes connections, and tells when there are enough."""

    def __init__(self, enough: int) -> None:
        self.sockets: list[socket.socket] = []
        self.all_here = trio.Event()
        self._enough = enough

    def __call__(self, sock: socket.socket) -> None:
        self.sockets.append(sock)
        if len(self.sockets) == self._enough:
            self.all_here.set()

    async def wait(self) -> None:
        with trio.fail_after(PATIENCE):
            await self.all_here.wait()
        assert len(self.sockets) == self._enough


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listening socket."""
    with Listener() as listener:
        yield listener


@pytest.fixture
def tidy() -> Iterator[ExitStack]:
    """Closes what it is given."""
    with ExitStack() as stack:
        yield stack


def knock(tidy: ExitStack, listener: Listener, count: int) -> Taken:
    """Clients that have connected, and what is to take them."""
    for _ in range(count):
        tidy.enter_context(socket.create_connection(listener.getsockname()))
    taken = Taken(count)
    tidy.callback(lambda: [sock.close() for sock in taken.sockets])
    return taken


# -- batches


async def test_all_connections_are_taken_and_others_run_after_each_batch(
    listener: Listener, tidy: ExitStack, nursery: trio.Nursery
) -> None:
    taken = knock(tidy, listener, 3 * BATCH + 1)
    seen = [0]

    async def watch() -> None:
        while len(taken.sockets) <= 3 * BATCH:
            await trio.lowlevel.checkpoint()
            seen.append(len(taken.sockets))

    nursery.start_soon(watch)
    nursery.start_soon(accept_all, listener, taken)
    await taken.wait()
    await wait_all_tasks_blocked()
    assert max(after - before for before, after in pairwise(seen)) <= 2 * BATCH
    nursery.cancel_scope.cancel()


async def test_connections_are_taken_as_they_come(
    listener: Listener, tidy: ExitStack, nursery: trio.Nursery
) -> None:
    one, other = knock(tidy, listener, 1), Taken(1)
    with trio.CancelScope() as scope:
        nursery.start_soon(accept_all, listener, lambda sock: waiting.pop()(sock))
        waiting = [other, one]
        await one.wait()
        await wait_all_tasks_blocked()
        client = tidy.enter_context(socket.create_connection(listener.getsockname()))
        await other.wait()
        tidy.enter_context(other.sockets[0])
        assert other.sockets[0].getpeername() == client.getsockname()
    assert not scope.cancelled_caught
    nursery.cancel_scope.cancel()


# -- trouble


@pytest.mark.parametrize("name", LOST)
async def test_connection_that_is_gone_before_it_is_accepted_costs_nothing(
    listener: Listener,
    tidy: ExitStack,
    nursery: trio.Nursery,
    mock_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    taken = knock(tidy, listener, 2)
    listener.errors = [getattr(errno, name)] * 3
    nursery.start_soon(accept_all, listener, taken)
    await taken.wait()  # the clock stands still, so nothing may pause
    assert not caplog.records
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", TROUBLE)
async def test_system_in_trouble_is_given_a_pause_and_then_asked_again(
    listener: Listener,
    tidy: ExitStack,
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    taken = knock(tidy, listener, 2)
    listener.errors = [getattr(errno, name)] * 3
    start = trio.current_time()
    nursery.start_soon(accept_all, listener, taken)
    await taken.wait()
    assert trio.current_time() - start == pytest.approx(3 * PAUSE)
    (record,) = caplog.records
    assert record.name == "rawws.server"
    assert record.levelno == logging.ERROR
    assert os.strerror(getattr(errno, name)) in record.getMessage()
    nursery.cancel_scope.cancel()


async def test_trouble_that_lasts_is_logged_now_and_then(
    listener: Listener,
    tidy: ExitStack,
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    knock(tidy, listener, 1)
    listener.errors = [errno.EMFILE] * 10_000
    nursery.start_soon(accept_all, listener, Taken(1))
    await trio.sleep(3.5 * QUIET)
    assert len(caplog.records) == 4
    nursery.cancel_scope.cancel()


STARVED = f"""
import logging, resource, socket, trio
from rawws.transport.listener import accept_all

async def main():
    starved, fed = trio.Event(), trio.Event()

    class Handler(logging.Handler):
        def emit(self, record):
            starved.set()

    def take(sock):
        taken.append(sock)
        if len(taken) == 8:
            fed.set()

    logging.getLogger("rawws.server").addHandler(Handler())
    with socket.create_server(({HOST!r}, 0)) as listener:
        listener.setblocking(False)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(8)]
        taken = []
        async with trio.open_nursery() as nursery:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (clients[-1].fileno() + 3, hard))
            nursery.start_soon(accept_all, listener, take)
            await starved.wait()
            print(len(taken))
            for sock in taken + clients[:6]:
                sock.close()
            await fed.wait()
            print(len(taken))
            nursery.cancel_scope.cancel()
        for sock in taken + clients:
            sock.close()

trio.run(main)
"""


async def test_process_out_of_descriptors_serves_on_once_some_are_free() -> None:
    run = partial(subprocess.run, timeout=PATIENCE, capture_output=True, text=True, check=False)
    done = await trio.to_thread.run_sync(partial(run, [sys.executable, "-c", STARVED]))
    assert (done.stdout.split(), done.stderr) == (["2", "8"], "")


# -- the end


async def test_close_ends_who_waits_for_connections(
    listener: Listener, nursery: trio.Nursery
) -> None:
    ended = trio.Event()

    async def accept() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await accept_all(listener, Taken(1))
        ended.set()

    nursery.start_soon(accept)
    await wait_all_tasks_blocked()
    trio.lowlevel.notify_closing(listener)
    listener.close()
    await ended.wait()


@pytest.mark.parametrize("count", [2, BATCH])
async def test_close_while_connections_are_taken_ends_it(
    listener: Listener, tidy: ExitStack, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    taken = knock(tidy, listener, BATCH + 1)

    def take(sock: socket.socket) -> None:
        taken(sock)
        if len(taken.sockets) == count:
            listener.close()

    with trio.fail_after(PATIENCE), pytest.raises(trio.ClosedResourceError):
        await accept_all(listener, take)
    assert len(taken.sockets) == count
    assert not caplog.records


async def test_close_in_a_pause_ends_it(
    listener: Listener, tidy: ExitStack, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    taken = knock(tidy, listener, 1)
    listener.errors = [errno.EMFILE]

    async def close() -> None:
        await trio.sleep(PAUSE / 2)
        listener.close()

    nursery.start_soon(close)
    with trio.fail_after(PATIENCE), pytest.raises(trio.ClosedResourceError):
        await accept_all(listener, taken)
