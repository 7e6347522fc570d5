"""Who of many sockets has something to read: one system call for all, none for each wait.

`trio.lowlevel.wait_readable` tells the kernel anew, for every wait, that a socket is waited
for. With many busy sockets that is a good part of what a message costs. A server's sockets
are told to the kernel once instead, in an epoll set of the server's own, edge-triggered, and
one task waits for that set and wakes those whose sockets have something new.

An edge is reported once, so a socket remembers that it may have something to read: when an
edge came while nobody waited, when the last read may not have emptied it, and for good when
its peer has ended its stream.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Awaitable
from contextlib import suppress

import trio
from trio.lowlevel import current_task, reschedule, wait_task_rescheduled

from .streams import DirectSocket

BATCH = 512  # sockets asked about at a time

if hasattr(select, "epoll"):
    _EDGES = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
    _ENDS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Readiness:
    """The sockets of one server, by number. `run` has to run while they are waited for."""

    __slots__ = ("_epoll", "_sockets")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, WatchedSocket] = {}

    def watch(self, fd: int, sock: WatchedSocket) -> None:
        """Begin with a socket."""
        self._epoll.register(fd, _EDGES)
        self._sockets[fd] = sock

    def forget(self, fd: int) -> None:
        """Leave a socket alone, before it is closed."""
        self._sockets.pop(fd, None)
        with suppress(OSError, ValueError):  # `run` has ended
            self._epoll.unregister(fd)

    async def run(self) -> None:
        """Wake those whose sockets have something to read, until cancelled."""
        sockets = self._sockets
        with self._epoll as epoll:
            while True:
                await trio.lowlevel.wait_readable(epoll.fileno())
                for fd, events in epoll.poll(0, BATCH):
                    sock = sockets[fd]
                    if events & _ENDS:
                        sock.ended = True
                    if (task := sock.waiter) is not None:
                        sock.waiter = None
                        reschedule(task)
                    else:
                        sock.ready = True


class WatchedSocket(DirectSocket):
    """A `DirectSocket` whose reader waits by way of a `Readiness`.

    Attributes:
        waiter: who waits for it to be readable.
        ended: whether it stays readable, because the peer has ended its stream.
    """

    __slots__ = ("_readiness", "ended", "waiter")

    def __init__(self, sock: socket.socket, readiness: Readiness) -> None:
        super().__init__(sock)
        self._readiness = readiness
        self.waiter: trio.lowlevel.Task | None = None
        self.ended = False
        try:
            readiness.watch(self._fd, self)
        except (OSError, ValueError):  # the kernel has no room for one more; `run` has ended
            sock.close()
            raise

    def wait_readable(self) -> Awaitable[None]:
        if self.ready or self.ended or self.closed:
            return self._look_again()
        self.waiter = current_task()
        return wait_task_rescheduled(self._stop_waiting)

    def interrupt(self) -> None:
        if (task := self.waiter) is not None:
            self.waiter = None
            reschedule(task)

    def close(self) -> None:
        if not self.closed:
            self._readiness.forget(self._fd)
            self.interrupt()
        super().close()

    async def _look_again(self) -> None:
        self._check_open()
        await trio.lowlevel.checkpoint()
        self.ready = False  # not before, or a cancellation would lose it

    def _stop_waiting(self, _: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
        self.waiter = None
        return trio.lowlevel.Abort.SUCCEEDED
