"""The client: open a connection, shake hands, and leave in good order."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import trio

from ..core.deflate import Deflate
from ..core.errors import HandshakeError
from ..core.events import Accepted, Closed, Event, Rejected
from ..core.handshake_client import HandshakeRejected
from ..core.limits import Limits
from ..core.protocol import ClientProtocol, HeaderLines
from ..core.url import URL, parse_url
from .connection import Connection
from .errors import HandshakeTimeout
from .heartbeat import heartbeat
from .home import Home, open_home
from .streams import ByteStream, DirectSocket, adopt, give_up_socket, send_all
from .timeouts import Timeouts
from .tls import TlsSocket
from .websocket import WebSocket


@asynccontextmanager
async def connect(
    url: str,
    *,
    stream: trio.abc.Stream | None = None,
    ssl_context: ssl.SSLContext | None = None,
    subprotocols: Iterable[str] = (),
    headers: HeaderLines = (),
    origin: str | None = None,
    compression: Deflate | None = None,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
) -> AsyncIterator[WebSocket]:
    """Connect to a WebSocket server, for the length of an `async with` block.

    Leaving the block closes with 1000; leaving it by an exception closes with 1011, and the
    exception comes out as it is, never in an ExceptionGroup.

    Args:
        url: "ws://host:port/path?query", or "wss://..." for TLS.
        stream: use this connected stream, and let the URL say only what is asked for on
            it; it is taken over, and closed. A "wss" URL puts TLS on it.
        ssl_context: for "wss"; by default the system's authorities are trusted.
        subprotocols: offered in order of preference; see `WebSocket.subprotocol`.
        headers: more lines for the request, such as Authorization.
        origin: the Origin header, for servers that want one.
        compression: offer permessage-deflate with these settings.
        limits: what the server may cost, in bytes.
        timeouts: how long the server is waited for, in seconds.

    Raises:
        InvalidURL, LocalProtocolError, TypeError, ValueError: an argument cannot be used.
        OSError: no connection could be made; `ssl.SSLError`: TLS was refused, except over
            `stream`, where that is a HandshakeError.
        HandshakeRejected: the server answered with another status.
        HandshakeTimeout: no upgrade within `timeouts.handshake`.
        HandshakeError: the server's answer is no upgrade, or there was none.

    Cancellation: while connecting, nothing is left behind; in the block, one Close with
    1001 is sent if that goes without waiting, and the socket is closed.
    """
    limits, timeouts = limits or Limits(), timeouts or Timeouts()
    try:
        protocol = ClientProtocol(
            url,
            subprotocols=subprotocols,
            headers=headers,
            origin=origin,
            compression=compression,
            limits=limits,
        )
    except BaseException:
        if stream is not None:
            await trio.aclose_forcefully(stream)
        raise
    async with open_home() as home:
        with _deadline(timeouts.handshake):
            wire = await _open_stream(parse_url(url), stream, ssl_context, home)
            accepted = await _shake_hands(protocol, wire)
        connection = Connection(protocol, wire, home, limits, timeouts)
        home.start_task(partial(heartbeat, (connection,), timeouts.tick))
        websocket = WebSocket(
            connection,
            request=protocol.request,
            response=accepted.response,
            subprotocol=accepted.subprotocol,
            extensions=accepted.extensions,
            local_address=wire.local_address,
            remote_address=wire.remote_address,
        )
        try:
            yield websocket
        except Exception:
            with suppress(trio.Cancelled):  # what the body raised is what comes out
                await websocket.aclose(1011)
            raise
        except BaseException:  # cancelled: nothing may be waited for
            connection.leave(1001)
            raise
        await websocket.aclose()


@contextmanager
def _deadline(seconds: float | None) -> Iterator[None]:
    with trio.move_on_after(float("inf") if seconds is None else seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise HandshakeTimeout(f"no upgrade within {seconds} s")


async def _open_stream(
    url: URL, stream: trio.abc.Stream | None, context: ssl.SSLContext | None, home: Home
) -> ByteStream:
    """Connect, unless `stream` is connected already; TLS, if the URL says so, is to follow."""
    if url.secure:
        context = context or ssl.create_default_context()
    if stream is None:
        stream = await trio.open_tcp_stream(url.host, url.port)
    if not url.secure or context is None:
        return adopt(stream, home.start_task)
    if type(stream) is not trio.SocketStream:
        stream = trio.SSLStream(stream, context, server_hostname=url.host, https_compatible=True)
        return adopt(stream, home.start_task)
    return TlsSocket(DirectSocket(give_up_socket(stream)), context, server_hostname=url.host)


async def _shake_hands(protocol: ClientProtocol, wire: ByteStream) -> Accepted:
    """Send the request and wait for the answer; whatever goes wrong closes `wire`."""
    try:
        if isinstance(wire, TlsSocket):
            await wire.handshake()
        await send_all(wire, protocol.data_to_send())
        while (event := protocol.next_event()) is None:
            data = wire.receive_nowait()
            if data is None:
                await wire.wait_readable()
            else:
                protocol.receive_data(data)
        return _accepted(event)
    except trio.BrokenResourceError as error:
        wire.close()
        raise HandshakeError(f"connection lost before the upgrade: {error}") from error
    except BaseException:
        wire.close()
        raise


def _accepted(event: Event) -> Accepted:
    if isinstance(event, Rejected):
        raise HandshakeRejected(event.response)
    if isinstance(event, Closed):
        raise HandshakeError(f"the server's answer is no upgrade: {event.error}") from event.error
    assert isinstance(event, Accepted)
    return event
