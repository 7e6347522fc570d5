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

import trio

logger = logging.getLogger("rawws.server")

PAUSE = 0.1  # seconds that accepting rests when the system has no more to give
QUIET = 10  # seconds between log lines about that
BATCH = 64  # connections accepted before others get their turn

# What accept() raises when the system, not the connection, is in trouble.
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


async def open_tcp(
    port: int, host: str | None, *, backlog: int, reuse_port: bool
) -> list[socket.socket]:
    """Bind and listen on every address of `host`; on all interfaces for `None`.

    With port 0 the system chooses a number for the first address, and the others take it.

    Raises:
        OSError: none of the addresses could be bound; or, after the first was, another.
    """
    infos = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in infos:
            chosen = sockets[0].getsockname()[1] if sockets else port
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:
                if error.errno == errno.EAFNOSUPPORT:
                    continue
                raise
            sockets.append(sock)
            _bind(sock, (address[0], chosen, *address[2:]), backlog, reuse_port)
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise OSError(errno.EAFNOSUPPORT, f"no address of {host!r} can be listened on")
    return sockets


def _bind(sock: socket.socket, address: object, backlog: int, reuse_port: bool) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(address)  # type: ignore[arg-type]
    sock.listen(backlog)


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
        inode = os.stat(path).st_ino
        try:
            sock.listen(backlog)
            yield sock
        finally:
            with suppress(OSError):
                if os.stat(path).st_ino == inode:  # and not another server's by now
                    os.unlink(path)


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


async def accept_all(listener: socket.socket, take: Callable[[socket.socket], None]) -> None:
    """Accept connections until cancelled, and give each to `take`, which must not raise.

    Raises:
        trio.ClosedResourceError: the listening socket was closed.
    """
    quiet_until = -1.0
    while True:
        await trio.lowlevel.wait_readable(listener.fileno())
        try:
            for sock in _batch(listener):
                take(sock)
        except OSError as error:
            if listener.fileno() < 0:
                raise trio.ClosedResourceError("the listener was closed") from None
            if error.errno not in _EXHAUSTED:
                continue  # that connection was gone before it was accepted
            if trio.current_time() >= quiet_until:
                quiet_until = trio.current_time() + QUIET
                logger.error("cannot accept connections for now: %s", error)
            await trio.sleep(PAUSE)


def _batch(listener: socket.socket) -> Iterable[socket.socket]:
    for _ in range(BATCH):
        try:
            yield listener.accept()[0]
        except (BlockingIOError, InterruptedError):
            return
