"""Listening: sockets bound, and connections accepted in batches.

A listener survives everything that happens to one connection, and running out of file
descriptors or memory too: it pauses and tries again. One checkpoint is spent on a batch of
connections, not on each.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import trio

logger = logging.getLogger("rawws.server")

PAUSE = 0.1  # seconds that accepting rests when the system has no more to give
QUIET = 10  # seconds between log lines about that
BATCH = 64  # connections accepted before others get their turn
ATTEMPTS = 10  # numbers tried for port 0, until one is free for every address

# What socket() and bind() raise for an address that this machine does not have.
_NOT_HERE = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}

# What accept() raises when the connection, not the listener or the system, is in trouble.
_LOST = {
    *(errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENOPROTOOPT),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH),
}


async def open_tcp(
    port: int, host: str | None, *, backlog: int, reuse_port: bool
) -> list[socket.socket]:
    """Bind and listen on every address of `host`; on all interfaces for `None`.

    With port 0 the system chooses a number for the first address, and the others take it.
    Addresses that this machine does not have are passed over, if there is another.

    Raises:
        OSError: an address could not be bound; nothing is left open.
    """
    infos = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    attempts = 1 if port else ATTEMPTS
    while True:
        attempts -= 1
        try:
            return _listen_all(infos, port, backlog, reuse_port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not attempts:
                raise


def _listen_all(
    infos: Iterable[tuple[Any, ...]], port: int, backlog: int, reuse_port: bool
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for *kind, _, address in dict.fromkeys(infos):  # some resolvers give one twice
            chosen = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(
                    _listen(kind, (address[0], chosen, *address[2:]), backlog, reuse_port)
                )
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    if missing is not None and not sockets:
        raise missing
    return sockets


def _listen(
    kind: list[int], address: tuple[Any, ...], backlog: int, reuse_port: bool
) -> socket.socket:
    sock = socket.socket(*kind)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


@contextmanager
def unix_socket(path: str | os.PathLike[str], *, backlog: int) -> Iterator[socket.socket]:
    """Listen on a Unix socket; its file goes with it. One that nobody serves is replaced.

    Raises:
        OSError: the path cannot be bound, or is somebody's.
    """
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.bind(os.fspath(path))
        ours = _identity(path)
        try:
            sock.listen(backlog)
            yield sock
        finally:
            with suppress(OSError):
                if _identity(path) == ours:  # and not another server's by now
                    os.unlink(path)


def _identity(path: str | os.PathLike[str]) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns  # the number alone may be used again


def _remove_stale(path: str | os.PathLike[str]) -> None:
    """Remove a socket file that a server left behind when it died."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(os.fspath(path))
            except ConnectionRefusedError:
                os.unlink(path)
            except OSError:  # busy: somebody's
                return


class Trouble:
    """What a listener does about an `accept` that failed: it goes on."""

    def __init__(self) -> None:
        self._quiet_until = -1.0

    async def wait_out(self, error: OSError) -> None:
        """Pause, and log it now and then, unless just that one connection was lost."""
        if error.errno in _LOST:
            await trio.lowlevel.checkpoint()
            return
        if trio.current_time() >= self._quiet_until:
            self._quiet_until = trio.current_time() + QUIET
            logger.error("cannot accept connections for now: %s", error)
        await trio.sleep(PAUSE)


async def accept_all(listener: socket.socket, take: Callable[[socket.socket], None]) -> None:
    """Accept connections until cancelled, and give each to `take`, which must not raise.

    Raises:
        trio.ClosedResourceError: the listening socket was closed.
    """
    trouble = Trouble()
    while (number := listener.fileno()) >= 0:
        await trio.lowlevel.wait_readable(number)
        try:
            for sock in _batch(listener):
                take(sock)
        except OSError as error:
            if listener.fileno() < 0:
                break
            await trouble.wait_out(error)
    raise trio.ClosedResourceError("the listener was closed")


def _batch(listener: socket.socket) -> Iterable[socket.socket]:
    for _ in range(BATCH):
        try:
            yield listener.accept()[0]
        except (BlockingIOError, InterruptedError):
            return
