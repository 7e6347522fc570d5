"""The upgrade, as a server sees it [RFC 6455 4.2].

One `ServerHandshake` goes with one connection and sees HTTP requests on it, one at a time,
until one of them is accepted: each `next_request` is answered by `accept` or `reject`, and
only then is the next one looked at. So the port can serve pages as well.

Three grades of wrong are told apart:

- What is not HTTP, or could be read in two ways, is raised by `next_request`, never shown
  to the application. It is still owed an answer: `reject` with the error's code. After it
  the connection is over, for where the next request begins is anybody's guess.
- A request that cannot be upgraded is shown: it may be for a page. `refusal` is what it is
  owed when nobody wants it.
- An extension offer that makes no sense is declined, and the upgrade goes on [9.1].

Bodies are never read. A request with one is answered and the connection closed, and so is a
refused upgrade, behind which there may be frames. Nothing that follows is parsed, so there
cannot be two answers to one request, whatever a proxy in between makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any

from .deflate import Deflate, PerMessageDeflate
from .deflate_negotiation import accept_offers
from .errors import LocalProtocolError, RemoteProtocolError
from .extensions import parse_extensions
from .fields import (
    RESERVED,
    accept_token,
    check_headers,
    is_upgrade,
    members,
    parse_subprotocols,
    quote,
)
from .head import HeadReader, encode_head, encode_response, parse_request
from .http import Headers, Request, Response
from .limits import Limits

_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")  # base64 of 16 bytes
_UPGRADE = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
)


class _State(Enum):
    IDLE = auto()
    REQUESTED = auto()
    FAILED = auto()
    ACCEPTED = auto()
    CLOSED = auto()


class ServerHandshake:
    """HTTP requests in, one of them upgraded in the end.

    After `receive_data`, call `next_request` until it returns `None`.

    Args:
        limits: `max_header_size` and `max_headers` of each request, `receive_buffer` for
            what comes behind a request that has not been answered.
        compression: what to agree to if it is offered, `None` for nothing.
        remote_address: the peer's, for its requests.

    Attributes:
        request: the one to be answered, or that was accepted; else `None`.
        keep_alive: after `reject`, whether another request may follow on the connection.
        response: the 101, once accepted.
        subprotocols: what the current request offers, in the client's order of preference.
        extensions: after `accept`, what was agreed, as in the response's header.
        deflate: after `accept`, the compression agreed, or `None`.
        trailing: after `accept`, what had come behind the request: the first frames.
    """

    def __init__(
        self, limits: Limits, compression: Deflate | None, remote_address: Any = None
    ) -> None:
        self.request: Request | None = None
        self.keep_alive = True
        self.response: Response | None = None
        self.subprotocols: tuple[str, ...] = ()
        self.extensions = ""
        self.deflate: PerMessageDeflate | None = None
        self.trailing = b""
        self._receive_buffer = limits.receive_buffer
        self._overfull = f"more than {limits.receive_buffer} bytes ahead of the answer"
        self._compression = compression
        self._remote_address = remote_address
        self._reader = HeadReader(limits)
        self._state = _State.IDLE
        self._has_body = False
        self._refusal: Response | None = None  # but for what depends on what comes behind

    @property
    def at_eof(self) -> bool:
        """Whether the client will send no more, and all that it sent has been taken.

        Once accepted, `trailing` is the last then.
        """
        return self._reader.at_eof

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the client; b"" is end of file. Nothing is parsed yet.

        What comes after an error or after the last answer is ignored.

        Raises:
            LocalProtocolError: the request was accepted; what comes now are frames.
        """
        if self._state is _State.ACCEPTED:
            raise LocalProtocolError("the handshake is over, its input belongs to the frames")
        if not data:
            self._reader.feed(b"")
        elif self._state is _State.IDLE or (
            self._state is _State.REQUESTED and not self._is_overfull()
        ):
            self._reader.feed(data)

    def next_request(self) -> Request | None:
        """The next request; `None` if there is none yet, or the current one is not answered.

        Raises:
            RemoteProtocolError: what came is no HTTP request that can be understood, or
                too much came behind the current one. `code` is the HTTP status owed, for
                `reject`: 400, 431, 501 or 505.
        """
        try:
            if self._state is _State.IDLE:
                return self._read()
            if self._state is _State.REQUESTED and self._is_overfull():
                raise RemoteProtocolError(self._overfull, 400)
        except RemoteProtocolError:
            self._state = _State.FAILED
            self._reader.take_rest()
            raise
        return None

    def _is_overfull(self) -> bool:
        return self._receive_buffer is not None and len(self._reader) > self._receive_buffer

    def _read(self) -> Request | None:
        head = self._reader.next_head()
        if head is None:
            return None
        request, self._has_body = parse_request(head, self._remote_address)
        self.request = request
        self._state = _State.REQUESTED
        try:
            self.subprotocols = parse_subprotocols(request.headers)
        except ValueError:
            self.subprotocols = ()  # `refusal` will say so
        self._refusal = _refusal(request, self._has_body)
        return request

    def refusal(self) -> Response | None:
        """What the current request is owed if it cannot be upgraded; `None` if it can [4.2.1].

        That is 405 for another method than GET, 426 for what is no upgrade or asks for
        another version [4.4], 505 for HTTP/1.0, and 400 for a bad key, a list of
        subprotocols that is none, a body, or too much behind the request, some of which is
        lost.

        Raises:
            LocalProtocolError: there is no request.
        """
        self._current()
        if self._refusal is None and self._is_overfull():
            return Response(400, body=f"{self._overfull}\n")
        return self._refusal

    def accept(
        self,
        subprotocol: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> bytes:
        """Agree to the upgrade [4.2.2].

        Args:
            subprotocol: one of `subprotocols`, or none.
            headers: more of them for the 101.

        Returns:
            The 101, to be sent.

        Raises:
            LocalProtocolError: there is no request, or one that has a `refusal`; the
                subprotocol was not offered; a header cannot be sent, or is the handshake's
                own. The request can still be answered.
        """
        request = self._current()
        refusal = self.refusal()
        if refusal is not None:
            reason = refusal.body.decode().strip()
            raise LocalProtocolError(f"the request is owed {refusal.status}: {reason}")
        if subprotocol is not None and subprotocol not in self.subprotocols:
            raise LocalProtocolError(
                f"subprotocol {subprotocol!r} was not offered, only {self.subprotocols!r} [4.2.2]"
            )
        more = check_headers(headers, RESERVED)
        lines = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", accept_token(request.headers["Sec-WebSocket-Key"])),
        ]
        if subprotocol is not None:
            lines.append(("Sec-WebSocket-Protocol", subprotocol))
        self.deflate, self.extensions = self._negotiate(request.headers)
        if self.extensions:
            lines.append(("Sec-WebSocket-Extensions", self.extensions))
        self.response = Response(101, Headers((*lines, *more.lines)))
        self._state = _State.ACCEPTED
        self.trailing = self._reader.take_rest()
        return encode_head("HTTP/1.1 101 Switching Protocols", self.response.headers)

    def _negotiate(self, headers: Headers) -> tuple[PerMessageDeflate | None, str]:
        if self._compression is None or "Sec-WebSocket-Extensions" not in headers:
            return None, ""
        try:
            offers = parse_extensions(headers["Sec-WebSocket-Extensions"])
        except ValueError:
            return None, ""
        return accept_offers(self._compression, offers) or (None, "")

    def reject(self, response: Response) -> bytes:
        """Answer the current request, or the error that `next_request` raised, in plain HTTP.

        Content-Length is added, and Connection: close when this is the last answer; see
        `keep_alive`. No body goes out in answer to HEAD, or with 204 and 304.

        Returns:
            The response, to be sent.

        Raises:
            LocalProtocolError: there is nothing to answer, or what `response` holds cannot
                be sent. Nothing has changed then.
        """
        if self._state is not _State.FAILED:
            self._current()
        method = "" if self.request is None else self.request.method
        _check_response(response, method)
        self.keep_alive = self._may_continue(response)
        data = encode_response(response, method, close=not self.keep_alive)
        self.request = None
        self.subprotocols = ()
        if self.keep_alive:
            self._state = _State.IDLE
            self._reader.begin()
        else:
            self._state = _State.CLOSED
            self._reader.take_rest()
        return data

    def _may_continue(self, response: Response) -> bool:
        request = self.request
        if self._state is _State.FAILED or request is None or self._is_overfull():
            return False
        if request.http_version == "1.0" or self._has_body or is_upgrade(request.headers):
            return False
        options = members(request.headers, "Connection") + members(response.headers, "Connection")
        return "close" not in map(str.lower, options)

    def _current(self) -> Request:
        if self.request is None or self._state is not _State.REQUESTED:
            raise LocalProtocolError("there is no request to be answered")
        return self.request


def _refusal(request: Request, has_body: bool) -> Response | None:
    headers = request.headers
    if request.method != "GET":
        return Response(405, {"Allow": "GET"}, f"{quote(request.method)} is not GET\n")
    if not is_upgrade(headers):
        return Response(426, _UPGRADE, "this is for WebSocket clients\n")
    if request.http_version == "1.0":
        return Response(505, body="WebSocket needs HTTP/1.1\n")
    if "upgrade" not in map(str.lower, members(headers, "Connection")):
        return Response(426, _UPGRADE, "Upgrade needs Connection: Upgrade\n")
    if headers.get_all("Sec-WebSocket-Version") != ["13"]:
        return Response(426, _UPGRADE, "Sec-WebSocket-Version must be 13\n")
    keys = headers.get_all("Sec-WebSocket-Key")
    if len(keys) != 1 or _KEY.fullmatch(keys[0]) is None:
        return Response(400, body="Sec-WebSocket-Key must be one base64 of 16 bytes\n")
    try:
        parse_subprotocols(headers)
    except ValueError as error:
        return Response(400, body=f"{error}\n")
    if has_body:
        return Response(400, body="an upgrade has no body\n")
    return None


def _check_response(response: Response, method: str) -> None:
    if not isinstance(response, Response):
        raise LocalProtocolError(f"a Response is needed, not {response!r}")
    status, body = response.status, response.body
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise LocalProtocolError(f"status {status!r} of a response must be 200 to 999")
    if not isinstance(body, bytes | bytearray):
        raise LocalProtocolError(f"body of a response must be bytes, not {type(body).__name__}")
    headers = check_headers(response.headers, frozenset({"transfer-encoding"}), prefix="")
    lengths = headers.get_all("Content-Length")
    if lengths and lengths != [str(len(body))] and (body or (method != "HEAD" and status != 304)):
        raise LocalProtocolError(f"Content-Length {lengths!r} of a body of {len(body)} bytes")
