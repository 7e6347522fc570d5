"""The upgrade, as a client sees it [RFC 6455 4.1].

One `ClientHandshake` is one request and its answer. Interim answers (100, 103) are passed
over, within the limits of one header block. A 101 must be right in everything that this
client can check; a server that answers with more than was asked for, or twice, has not
understood, and nothing it sends can be trusted to be WebSocket. Any other status is an
answer in plain HTTP, a page or a redirect, and is handed on with the start of its body.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping

import h11

from .deflate import NAME, Deflate, PerMessageDeflate
from .deflate_negotiation import accept_answer, offer
from .errors import HandshakeError, LocalProtocolError, RemoteProtocolError
from .events import Accepted, Rejected
from .extensions import parse_extensions
from .fields import (
    RESERVED,
    accept_token,
    check_ascii,
    check_headers,
    check_subprotocols,
    check_value,
    members,
    quote,
)
from .head import HeadReader, decode_headers, encode_head, parse_head
from .http import Headers, Request, Response
from .limits import Limits
from .url import URL, parse_authority

MAX_BODY = 16384  # bytes kept of the body of an answer that is no 101

_TARGET = re.compile(r"/[\x21-\x7e]*")

# h11 reads the body in slices of this size, and may hold twice as much of what is not
# body: trailers take it quadratic time.
_SLICE = 1024


class HandshakeRejected(HandshakeError):
    """The server answered with another status than 101.

    Attributes:
        response: what it answered, with at most the first 16 KiB of the body.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"server answered {response.status} {response.reason}".rstrip())
        self.response = response


class ClientHandshake:
    """An HTTP request out, and what the server makes of it in.

    Args:
        url: where to.
        subprotocols: to be offered, the preferred one first.
        headers: more of them for the request. Not among them: Host and Sec-WebSocket-*,
            Upgrade, Connection, Content-Length, Transfer-Encoding, which are the
            handshake's own to write, and Origin.
        origin: the value of the Origin header, for servers that want one.
        compression: what to offer, `None` for nothing.
        limits: `max_header_size` and `max_headers` of all that the server answers.
        random: gives that many bytes which nobody can foretell, `os.urandom` say.

    Raises:
        LocalProtocolError: one of these cannot be sent.

    Attributes:
        request: what is sent.
        deflate: once accepted, the compression agreed, or `None`.
        trailing: once accepted, what had come behind the 101: the first frames.
    """

    def __init__(
        self,
        url: URL,
        *,
        subprotocols: Iterable[str] = (),
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        origin: str | None = None,
        compression: Deflate | None = None,
        limits: Limits,
        random: Callable[[int], bytes],
    ) -> None:
        _check_url(url)
        self._subprotocols = check_subprotocols(subprotocols)
        more = check_headers(headers, RESERVED | {"host", "origin"})
        self._key = base64.b64encode(random(16)).decode("ascii")
        lines = [
            ("Host", url.host_header),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", self._key),
            ("Sec-WebSocket-Version", "13"),
        ]
        if origin is not None:
            check_value("origin", origin)
            lines.append(("Origin", origin))
        if self._subprotocols:
            lines.append(("Sec-WebSocket-Protocol", ", ".join(self._subprotocols)))
        if compression is not None:
            lines.append(("Sec-WebSocket-Extensions", offer(compression)))
        self.request = Request("GET", url.target, Headers((*lines, *more.lines)))
        self.deflate: PerMessageDeflate | None = None
        self.trailing = b""
        self._compression = compression
        self._reader = HeadReader(limits)
        self._http = _expecting_answer()
        self._rejection: Response | None = None
        self._body = bytearray()
        self._done = False
        self._accepted = False

    def request_bytes(self) -> bytes:
        """The request, to be sent."""
        return encode_head(f"GET {self.request.target} HTTP/1.1", self.request.headers)

    @property
    def at_eof(self) -> bool:
        """Whether the server will send no more, and all that it sent has been taken.

        Once accepted, `trailing` is the last then.
        """
        return self._reader.at_eof

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the server; b"" is end of file. Nothing is parsed yet.

        What comes after an error or a rejection is ignored.

        Raises:
            LocalProtocolError: the request was accepted; what comes now are frames.
        """
        if not data or not self._done:
            self._reader.feed(data)
        elif self._accepted:
            raise LocalProtocolError("the handshake is over, its input belongs to the frames")

    def next_event(self) -> Accepted | Rejected | None:
        """How it ended, once; `None` before and after.

        A rejection comes when its body has ended, by end of file too, or has grown past
        what is kept of it.

        Raises:
            RemoteProtocolError: the answer is malformed, too long, is missing at end of
                file, or claims what was not asked for. `code` means nothing here: a server
                is owed no answer.
        """
        if self._done:
            return None
        try:
            event = self._next_event()
        except RemoteProtocolError:
            self._done = True
            self._reader.take_rest()
            raise
        self._done = event is not None
        return event

    def _next_event(self) -> Accepted | Rejected | None:
        while self._rejection is None:
            head = self._reader.next_head()
            if head is None:
                if self._reader.at_eof:
                    raise RemoteProtocolError("end of file instead of an answer [4.1]")
                return None
            response = self._parse(head)
            if response.status == 101:
                return self._accept(response)
            if response.status >= 200:
                self._rejection = response
        return self._read_body(self._rejection)

    def _parse(self, head: bytes) -> Response:
        event = parse_head(self._http, head, "response")
        assert isinstance(event, h11.InformationalResponse | h11.Response)
        if event.status_code == 101 and event.http_version != b"1.1":
            raise RemoteProtocolError("101 in another HTTP than 1.1 [4.2.2]")
        return Response(event.status_code, decode_headers(event))

    def _accept(self, response: Response) -> Accepted:
        headers = response.headers
        check_ascii(headers)
        if [value.lower() for value in members(headers, "Upgrade")] != ["websocket"]:
            raise _mismatch(headers, "Upgrade", "websocket")
        if "upgrade" not in map(str.lower, members(headers, "Connection")):
            raise _mismatch(headers, "Connection", "Upgrade")
        if headers.get_all("Sec-WebSocket-Accept") != [accept_token(self._key)]:
            raise _mismatch(headers, "Sec-WebSocket-Accept", "the answer to the key sent")
        chosen = headers.get_all("Sec-WebSocket-Protocol")
        if len(chosen) > 1 or not set(chosen) <= set(self._subprotocols):
            raise _mismatch(headers, "Sec-WebSocket-Protocol", f"one of {self._subprotocols!r}")
        self.deflate = self._agree(headers)
        self._accepted = True
        self.trailing = self._reader.take_rest()
        extensions = headers.get("Sec-WebSocket-Extensions", "")
        return Accepted(response, chosen[0] if chosen else None, extensions)

    def _agree(self, headers: Headers) -> PerMessageDeflate | None:
        value = headers.get("Sec-WebSocket-Extensions")
        if value is None:
            return None
        try:
            answers = parse_extensions(value)
        except ValueError as error:
            raise RemoteProtocolError(
                f"malformed Sec-WebSocket-Extensions {quote(value)}: {error}"
            ) from None
        if self._compression is None or [name for name, _ in answers] != [NAME]:
            offered = "nothing" if self._compression is None else NAME
            raise _mismatch(headers, "Sec-WebSocket-Extensions", f"{offered}, once")
        return accept_answer(self._compression, answers[0][1])

    def _read_body(self, response: Response) -> Rejected | None:
        """Read on in the body, whatever is wrong in it: the status has been said."""
        rest = self._reader.take_rest()
        try:
            for start in range(0, len(rest), _SLICE):
                self._http.receive_data(rest[start : start + _SLICE])
                if self._body_has_ended():
                    return self._reject(response)
            if self._reader.at_eof:
                self._http.receive_data(b"")
            return self._reject(response) if self._body_has_ended() else None
        except h11.RemoteProtocolError:
            return self._reject(response)

    def _body_has_ended(self) -> bool:
        while isinstance(event := self._http.next_event(), h11.Data):
            self._body += event.data
            if len(self._body) >= MAX_BODY:
                return True
        return event is not h11.NEED_DATA

    def _reject(self, response: Response) -> Rejected:
        body = bytes(self._body[:MAX_BODY])
        return Rejected(Response(response.status, response.headers, body))


def _check_url(url: URL) -> None:
    # A URL need not come from `parse_url`.
    if not isinstance(url, URL):
        raise LocalProtocolError(f"url must be a URL made by parse_url, not {url!r}")
    if parse_authority(url.host_header) is None:
        raise LocalProtocolError(f"host {url.host_header!r} of the URL is no host [RFC 9112 3.2]")
    target = url.target
    if _TARGET.fullmatch(target) is None:
        raise LocalProtocolError(
            f"target {target!r} of the URL must be '/' and visible ASCII [RFC 9112 3.2]"
        )


def _expecting_answer() -> h11.Connection:
    """An h11 that has sent an upgrade, and so knows how to read the answer."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * _SLICE)
    upgrade = [("Host", "-"), ("Connection", "Upgrade"), ("Upgrade", "websocket")]
    connection.send(h11.Request(method="GET", target="/", headers=upgrade))
    connection.send(h11.EndOfMessage())
    return connection


def _mismatch(headers: Headers, name: str, wanted: str) -> RemoteProtocolError:
    value = headers.get(name)
    found = "is missing" if value is None else f"is {quote(value)}"
    return RemoteProtocolError(f"{name} of the answer {found}, expected {wanted} [4.1]")
