"""A WebSocket without IO: bytes in, events and bytes out, the same verbs for both roles.

    p = ServerProtocol()            # or ClientProtocol("ws://example.org/")
    p.receive_data(data)            # what the peer sent; b"" is its end of file
    for event in p.events():
        if isinstance(event, Request):
            p.accept()
        elif isinstance(event, Message):
            p.send_message(event.data)
    data = p.data_to_send()         # what the peer is to get; then send it

A server first sees a `Request` and answers it with `accept` or `reject`; after a rejected
one, another may follow on the same connection (`keep_alive`). A client first sees
`Accepted` or `Rejected`. Bytes that follow the handshake in its packet are the first frames.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .close import Close
from .conversation import Conversation, State
from .deflate import Deflate
from .errors import LocalProtocolError, RemoteProtocolError
from .events import Accepted, Event, Rejected
from .handshake_client import ClientHandshake
from .handshake_server import ServerHandshake
from .http import Request, Response
from .limits import Limits
from .url import parse_url

__all__ = ["ClientProtocol", "ServerProtocol", "State"]

HeaderLines = Mapping[str, str] | Iterable[tuple[str, str]]


class ServerProtocol(Conversation):
    """The server's side of one connection.

    Args:
        limits: what the peer may cost.
        compression: permessage-deflate is accepted with these settings; `None` declines it.
        remote_address: the peer's, for `Request.remote_address`.
        fast_lane: False sends every data frame through wsproto, for comparisons.

    Attributes:
        request: the request that waits for an answer, or, once accepted, the one that was.
    """

    __slots__ = ("_handshake", "extensions", "request", "subprotocol")

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        compression: Deflate | None = None,
        remote_address: Any = None,
        fast_lane: bool = True,
    ) -> None:
        limits = limits or Limits()
        super().__init__(limits, None, fast_lane)
        self._handshake: ServerHandshake | None = ServerHandshake(
            limits, compression, remote_address
        )
        self.request: Request | None = None
        self.subprotocol: str | None = None
        self.extensions = ""

    @property
    def offered_subprotocols(self) -> tuple[str, ...]:
        """What the client can speak, in its order of preference."""
        return self._pending().subprotocols

    @property
    def refusal(self) -> Response | None:
        """What the request is owed if it cannot be upgraded, else `None` [4.2.1, 4.2.2]."""
        return self._pending().refusal()

    @property
    def keep_alive(self) -> bool:
        """After `reject`: whether another request may follow on this connection."""
        return self.state is State.CONNECTING

    def accept(self, subprotocol: str | None = None, headers: HeaderLines = ()) -> None:
        """Agree to the upgrade: queue the 101. The connection is open.

        Args:
            subprotocol: one of `offered_subprotocols`.
            headers: more lines for the response.

        Raises:
            LocalProtocolError: no request waits, it cannot be upgraded, or what was given
                may not be sent. Nothing is queued.
        """
        handshake = self._pending()
        self._out.append(handshake.accept(subprotocol, headers))
        self.subprotocol = subprotocol
        self.extensions = handshake.extensions
        self._handshake = None
        self._start(handshake.deflate, handshake.trailing)
        assert self.request is not None
        self.request.headers.forget_index()  # they live as long as the connection

    def reject(self, response: Response) -> None:
        """Answer the request with plain HTTP.

        Raises:
            LocalProtocolError: no request waits, or the response is not one. Nothing is
                queued.
        """
        handshake = self._pending()
        self._out.append(handshake.reject(response))
        self.request = None
        if not handshake.keep_alive:
            self._end(Close(1006, f"answered with {response.status}", "local"))

    def _pending(self) -> ServerHandshake:
        waits = self.request is not None and self.state is State.CONNECTING
        if self._handshake is None or not waits:
            raise LocalProtocolError("no request waits for an answer")
        return self._handshake

    def _feed_handshake(self, data: bytes) -> None:
        assert self._handshake is not None
        self._handshake.receive_data(data)

    def _handshake_event(self) -> Event | None:
        handshake = self._handshake
        assert handshake is not None
        if self.request is not None:
            return None
        try:
            self.request = handshake.next_request()
        except RemoteProtocolError as error:
            self.error = error
            self._out.append(handshake.reject(Response(error.code, body=f"{error}\n")))
            return self._end(Close(1006, f"answered with {error.code}", "local"))
        if self.request is None and handshake.at_eof:
            return self._lost()
        return self.request


class ClientProtocol(Conversation):
    """The client's side of one connection. Its request is queued at once.

    Args:
        url: "ws://host:port/path" or "wss://..."; see `parse_url`.
        subprotocols: offered, in order of preference.
        headers: more lines for the request.
        origin: value of the Origin header, for servers that ask for one.
        compression: permessage-deflate is offered with these settings; `None` does not.
        limits: what the peer may cost.
        random: gives that many unpredictable bytes: the key and the masks [5.3].
        fast_lane: False sends every data frame through wsproto, for comparisons.

    Raises:
        InvalidURL, LocalProtocolError: for what may not be sent.
    """

    __slots__ = ("_handshake", "request")

    def __init__(
        self,
        url: str,
        *,
        subprotocols: Iterable[str] = (),
        headers: HeaderLines = (),
        origin: str | None = None,
        compression: Deflate | None = None,
        limits: Limits | None = None,
        random: Callable[[int], bytes] = os.urandom,
        fast_lane: bool = True,
    ) -> None:
        limits = limits or Limits()
        super().__init__(limits, random, fast_lane)
        handshake = ClientHandshake(
            parse_url(url),
            subprotocols=subprotocols,
            headers=headers,
            origin=origin,
            compression=compression,
            limits=limits,
            random=random,
        )
        self._handshake: ClientHandshake | None = handshake
        self.request = handshake.request
        self._out.append(handshake.request_bytes())

    def _feed_handshake(self, data: bytes) -> None:
        assert self._handshake is not None
        self._handshake.receive_data(data)

    def _handshake_event(self) -> Event | None:
        handshake = self._handshake
        assert handshake is not None
        try:
            event = handshake.next_event()
        except RemoteProtocolError as error:
            return self._fail(error)
        if isinstance(event, Accepted):
            self._handshake = None
            self._start(handshake.deflate, handshake.trailing)
        elif isinstance(event, Rejected):
            self._end(Close(1006, f"answered with {event.response.status}", "remote"))
        return event
