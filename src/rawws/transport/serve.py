"""`serve`: what a server is told, checked, and the life of everything it starts."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any

import trio

from ..core.deflate import Deflate
from ..core.fields import RESERVED, check_headers, check_subprotocols
from ..core.limits import Limits
from ..core.origin import SAME_ORIGIN, Hosts, Origins, check_hosts, check_origins
from ..core.protocol import HeaderLines
from .heartbeat import heartbeat
from .home import one_error, open_home
from .listener import open_tcp, unix_socket
from .server import Handler, Listener, Server
from .streams import give_up_listener
from .timeouts import Timeouts
from .upgrade import OnRequest, Policy

BACKLOG = 1024  # connections that the kernel keeps until they are accepted


async def serve(
    handler: Handler,
    port: int | None = None,
    *,
    host: str | None = None,
    ssl_context: ssl.SSLContext | None = None,
    listeners: Iterable[trio.abc.Listener[Any]] | None = None,
    path: str | os.PathLike[str] | None = None,
    reuse_port: bool = False,
    backlog: int | None = None,
    subprotocols: Iterable[str] = (),
    origins: Origins = SAME_ORIGIN,
    hosts: Hosts = None,
    compression: Deflate | None = None,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
    on_request: OnRequest | None = None,
    headers: HeaderLines = (),
    max_connections: int | None = None,
    max_connections_per_ip: int | None = None,
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve WebSockets until cancelled, or until `Server.aclose`.

    Args:
        handler: `async def handler(ws)`, run for each connection in a task of its own. When
            it returns, the connection is closed with 1000; when it raises, that is logged
            and the connection closed with 1011. `ConnectionClosed`, and
            `trio.ClosedResourceError` once the connection is closed, are normal ends.
        port: TCP port; 0 lets the system choose, see `Server.port`.
        host: name or address to bind, `None` for all interfaces.
        ssl_context: for "wss".
        listeners: serve these too; sockets of `trio.SocketListener`s are taken over.
        path: listen on a Unix socket there.
        reuse_port: let other processes listen on the same port.
        backlog: connections that the kernel keeps until they are accepted.
        subprotocols: what the server speaks, in its order of preference.
        origins: pages that may connect: `SAME_ORIGIN`; a list of origins, each a str or a
            compiled pattern for the whole; `None` for any. Others get 403. Clients that
            send no Origin, which browsers always do, may connect.
        hosts: names allowed in the Host header, against DNS rebinding; `None` for any.
        compression: accept permessage-deflate with these settings.
        limits: what a peer may cost, in bytes.
        timeouts: how long a peer is waited for, in seconds.
        on_request: `async def on_request(request)`, called for every HTTP request. A
            `Response` that it returns is sent as plain HTTP, with keep-alive; after `None`
            the upgrade goes on.
        headers: more lines for every 101.
        max_connections: WebSockets open at a time; more are answered 503.
        max_connections_per_ip: the same for each address.
        task_status: `nursery.start` gets the `Server`, once it listens.

    Raises:
        TypeError, ValueError, LocalProtocolError: an argument cannot be used.
        OSError: an address cannot be bound.

    Cancellation: each connection is sent one Close with 1001, if that goes without waiting,
    and is closed.
    """
    policy = Policy(
        subprotocols=check_subprotocols(subprotocols),
        origins=check_origins(origins),
        hosts=check_hosts(hosts),
        compression=compression,
        limits=limits or Limits(),
        timeouts=timeouts or Timeouts(),
        on_request=on_request,
        headers=check_headers(headers, RESERVED),
    )
    _check_count("max_connections", max_connections)
    _check_count("max_connections_per_ip", max_connections_per_ip)
    _check_count("backlog", backlog)
    if port is None and path is None and listeners is None:
        raise ValueError("serve needs a port, a path or listeners; none was given")
    if port is not None and (not isinstance(port, int) or not 0 <= port <= 65535):
        raise ValueError(f"port must be 0 to 65535 or None, not {port!r}")
    with ExitStack() as stack:
        taken: list[Listener] = []
        stack.callback(_close_sockets, taken)
        taken.extend(give_up_listener(listener) for listener in listeners or ())
        if port is not None:
            taken += await open_tcp(port, host, backlog=backlog or BACKLOG, reuse_port=reuse_port)
        if path is not None:
            taken.append(stack.enter_context(unix_socket(path, backlog=backlog or BACKLOG)))
        server = Server(
            handler, policy, taken, ssl_context, max_connections, max_connections_per_ip
        )
        with one_error():
            async with open_home() as home:
                home.start_task(partial(heartbeat, server.live, policy.timeouts.tick))
                await server.run(home, task_status)


def _close_sockets(listeners: Iterable[Listener]) -> None:
    for listener in listeners:
        if isinstance(listener, socket.socket):
            listener.close()


def _check_count(name: str, value: int | None) -> None:
    if value is not None and (not isinstance(value, int) or value < 1):
        raise ValueError(f"{name} must be a positive int or None, not {value!r}")
