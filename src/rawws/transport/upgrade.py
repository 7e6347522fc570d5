"""One accepted connection, up to the upgrade: TLS, requests, and who answers them.

Whatever asks for something else than a WebSocket is plain HTTP, answered by `on_request` or
by the protocol, with keep-alive where both sides want it. Each request has the whole
`Timeouts.handshake`, from when it is waited for to its last byte, however it trickles.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import NamedTuple

import trio

from ..core.conversation import State
from ..core.deflate import Deflate
from ..core.errors import LocalProtocolError
from ..core.events import Closed
from ..core.http import Request, Response
from ..core.limits import Limits
from ..core.origin import Hosts, Origins, host_allowed, origin_allowed
from ..core.protocol import HeaderLines, ServerProtocol
from .streams import ByteStream, linger, send_all
from .timeouts import Timeouts

logger = logging.getLogger("rawws.server")

OnRequest = Callable[[Request], Awaitable[Response | None]]
Busy = Callable[[Request], Response | None]


def passes(error: BaseException) -> bool:
    """Whether no user's code should have stopped it: a cancellation, or the program's end."""
    return not isinstance(error, Exception | BaseExceptionGroup)


class Policy(NamedTuple):
    """What a server's users said about whom to let in; as the arguments of `serve`."""

    subprotocols: Sequence[str]
    origins: Origins
    hosts: Hosts
    compression: Deflate | None
    limits: Limits
    timeouts: Timeouts
    on_request: OnRequest | None
    headers: HeaderLines


async def upgrade(
    stream: ByteStream, policy: Policy, busy: Busy, scope: trio.CancelScope
) -> ServerProtocol | None:
    """Serve HTTP on `stream` until a WebSocket comes of it.

    Args:
        stream: just accepted, TLS done.
        policy: whom to let in.
        busy: says what an upgrade is answered while there are too many connections.
        scope: what this runs in. It is cancelled if the peer is too slow.

    Returns:
        The protocol with its 101 queued, or `None` if the connection is over; then the
        stream is to be closed.

    Raises:
        trio.BrokenResourceError: the peer is gone.
    """
    protocol = ServerProtocol(
        limits=policy.limits,
        compression=policy.compression,
        remote_address=stream.remote_address,
    )
    patience = policy.timeouts.handshake
    while protocol.state is State.CONNECTING:
        scope.deadline = inf if patience is None else trio.current_time() + patience
        request = await _next_request(stream, protocol)
        scope.deadline = inf
        if scope.cancel_called:  # the request came as its deadline struck, or the server stops
            return None
        if request is not None and await _answer(request, protocol, policy, busy):
            return protocol
        await send_all(stream, protocol.data_to_send(), policy.timeouts.write)
        await trio.lowlevel.checkpoint()  # a peer may have sent many requests at once
    with trio.move_on_after(inf if policy.timeouts.close is None else policy.timeouts.close):
        await linger(stream)
    return None


async def _next_request(stream: ByteStream, protocol: ServerProtocol) -> Request | None:
    """The next request, `None` if there will be none."""
    while (event := protocol.next_event()) is None:
        data = stream.receive_nowait()
        if data is None:
            await stream.wait_readable()
        else:
            protocol.receive_data(data)
    if isinstance(event, Closed):
        return None
    assert isinstance(event, Request)
    return event


async def _answer(request: Request, protocol: ServerProtocol, policy: Policy, busy: Busy) -> bool:
    """Accept or reject; whether the connection is a WebSocket now."""
    response = await _response(request, protocol, policy)
    if response is None:
        response = busy(request)
    if response is None:
        subprotocol = next(
            (name for name in policy.subprotocols if name in protocol.offered_subprotocols), None
        )
        protocol.accept(subprotocol, policy.headers)
        return True
    try:
        protocol.reject(response)
    except LocalProtocolError as error:
        logger.error("on_request returned what cannot be sent: %s", error)
        protocol.reject(Response(500, body="internal error\n"))
    return False


async def _response(request: Request, protocol: ServerProtocol, policy: Policy) -> Response | None:
    """What to answer instead of an upgrade, `None` to go on with it."""
    refusal = protocol.refusal
    if not host_allowed(request, policy.hosts):
        return Response(421 if refusal else 403, body="this host is not served here\n")
    if policy.on_request is not None:
        try:
            response = await policy.on_request(request)
        except Exception:
            logger.exception("on_request failed for %s", request.target)
            return Response(500, body="internal error\n")
        except BaseExceptionGroup as group:
            passing, bugs = group.split(passes)
            if passing is None or bugs is None:
                raise
            logger.exception("on_request failed for %s", request.target)
            raise passing from None
        if response is not None:
            return response
    if refusal is None and not origin_allowed(request, policy.origins):
        return Response(403, body="this origin is not allowed\n")
    return refusal
