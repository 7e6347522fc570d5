"""Who of many sockets has something to read: one system call for all, none for each wait.

`trio.lowlevel.wait_readable` tells the kernel anew, for every wait, that a socket is waited
for. With many busy sockets that is a good part of what a message costs. A server's sockets
are told to the kernel once instead, in an epoll set of the server's own, edge-triggered, and
one task waits for that set and wakes those whose sockets have something new.

An edge is reported once, so what was reported and not yet taken up is remembered: a socket
that had an edge while nobody waited, one that may not be read empty yet, and one whose peer has
ended its stream, which stays readable for good.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress

import trio
from trio.lowlevel import current_task, reschedule, wait_task_rescheduled

from .streams import CHUNK, DirectSocket

BATCH = 512  # sockets asked about at a time

if hasattr(select, "epoll"):
    _EDGES = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
    _ENDS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Readiness:
    """The sockets of one server, by number. `run` has to run while they are waited for.

    Attributes:
        waiting: who waits for a socket.
        ready: those that may have something to read, and nobody has looked since.
        ended: those that stay readable, because the peer has ended its stream.
    """

    __slots__ = ("_epoll", "ended", "ready", "waiting")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.waiting: dict[int, trio.lowlevel.Task] = {}
        self.ready: set[int] = set()
        self.ended: set[int] = set()

    def watch(self, fd: int) -> None:
        """Begin with a socket."""
        self._epoll.register(fd, _EDGES)

    def forget(self, fd: int) -> None:
        """Leave a socket alone, before it is closed; who waits for it is woken."""
        self.ready.discard(fd)
        self.ended.discard(fd)
        with suppress(OSError, ValueError):  # `run` has ended
            self._epoll.unregister(fd)
        self.wake(fd)

    def wake(self, fd: int) -> None:
        """Wake who waits for that socket."""
        if (task := self.waiting.pop(fd, None)) is not None:
            reschedule(task)

    async def run(self) -> None:
        """Wake those whose sockets have something to read, until cancelled."""
        with self._epoll as epoll:
            while True:
                await trio.lowlevel.wait_readable(epoll.fileno())
                for fd, events in epoll.poll(0, BATCH):
                    if events & _ENDS:
                        self.ended.add(fd)
                    if (task := self.waiting.pop(fd, None)) is not None:
                        reschedule(task)
                    else:
                        self.ready.add(fd)


class WatchedSocket(DirectSocket):
    """A `DirectSocket` whose reader waits by way of a `Readiness`."""

    __slots__ = ("_readiness",)

    def __init__(self, sock: socket.socket, readiness: Readiness) -> None:
        super().__init__(sock)
        self._readiness = readiness
        try:
            readiness.watch(self._fd)
        except (OSError, ValueError):  # the kernel has no room for one more; `run` has ended
            sock.close()
            raise

    def receive_nowait(self) -> bytes | None:
        data = DirectSocket.receive_nowait(self)  # super() takes longer to look it up
        if data is not None and len(data) == CHUNK:
            self._readiness.ready.add(self._fd)
        return data

    async def wait_readable(self) -> None:
        if self.closed:
            self._check_open()
        readiness, fd = self._readiness, self._fd
        if fd in readiness.ready or fd in readiness.ended:
            await trio.lowlevel.checkpoint()
            self._check_open()
            readiness.ready.discard(fd)  # not before, or a cancellation would lose it
        else:
            readiness.waiting[fd] = current_task()
            await wait_task_rescheduled(self._stop_waiting)
            if self.closed:
                self._check_open()

    def interrupt(self) -> None:
        self._readiness.wake(self._fd)

    def close(self) -> None:
        if not self.closed:
            self._readiness.forget(self._fd)
        super().close()

    def _stop_waiting(self, _: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
        del self._readiness.waiting[self._fd]
        return trio.lowlevel.Abort.SUCCEEDED
