"""The heads of HTTP messages: request or status line, and headers [RFC 9112].

`HeadReader` cuts a head out of what arrives, under the limits, and whatever the packets
look like; only whole heads go on to be parsed, by h11. Each byte is looked at once, so that
a head which comes byte by byte costs no more than its length.

Limits are exact. A head counts from its first byte to the end of its blank line. One empty
line before it is passed over [RFC 9112 2.2], and counts.
"""

from __future__ import annotations

import re
from typing import Any

import h11

from .errors import RemoteProtocolError
from .fields import check_ascii, members, quote
from .http import Headers, Request, Response
from .limits import Limits
from .url import parse_authority

CR = 0x0D

# What no head may hold. h11 refuses these too, but takes quadratic time over white space
# that comes before them.
_ILLEGAL = re.compile(rb"[\x00\x0b\x0c]|\r(?!\n)")
# What a head is made of where `check_ascii` has nothing to find.
_PRINTABLE = re.compile(rb"[\t\r\n\x20-\x7e]*")
_ABSOLUTE = re.compile(r"(?:http|ws)s?://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE)


class HeadReader:
    """Bytes in, whole heads out.

    Attributes:
        at_eof: the peer will send no more, and nothing is left of what it sent.
    """

    def __init__(self, limits: Limits) -> None:
        self._max_size = limits.max_header_size
        self._max_headers = limits.max_headers
        self._buffer = bytearray()
        self._eof = False
        self.begin()

    def __len__(self) -> int:
        return len(self._buffer)

    @property
    def at_eof(self) -> bool:
        return self._eof and not self._buffer

    def begin(self) -> None:
        """Give the next head all of the limits again."""
        self._size = 0  # bytes of heads cut out since
        self._headers = 0  # header lines found since
        self._begin_head()

    def _begin_head(self) -> None:
        self._start = 0  # of the head, in the buffer
        self._line = 0  # where the line begins that is not complete yet
        self._seen = 0  # up to where newlines have been looked for

    def feed(self, data: bytes) -> None:
        """Take bytes; b"" is end of file."""
        if data:
            self._buffer += data
        else:
            self._eof = True

    def take_rest(self) -> bytes:
        """What is left, which was not looked at."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._begin_head()
        return rest

    def next_head(self) -> bytes | None:
        """The next head with its blank line, or `None` if that is not complete.

        Raises:
            RemoteProtocolError: 431 over the limits; 400 for what is no HTTP from the first
                byte, or ends within a head.
        """
        buffer = self._buffer
        stop = None if self._max_size is None else self._max_size - self._size
        self._check_first_byte()
        while (newline := buffer.find(b"\n", self._seen, stop)) >= 0:
            length = newline - self._line
            self._seen = newline + 1
            if length > 1 or (length == 1 and buffer[self._line] != CR):
                self._count_line()
            elif self._line > self._start:
                return self._cut()
            elif self._start:
                raise RemoteProtocolError("empty lines instead of HTTP [RFC 9112 2.2]", 400)
            else:
                self._start = self._seen
                self._check_first_byte()
            self._line = self._seen
        if stop is not None and len(buffer) >= stop:
            raise RemoteProtocolError(
                f"HTTP head of more than {self._max_size} bytes [RFC 6585 5]", 431
            )
        self._seen = len(buffer)
        if self._eof:
            if self._seen > self._start:
                raise RemoteProtocolError("end of file within an HTTP head [RFC 9112 8]", 400)
            self.take_rest()
        return None

    def _check_first_byte(self) -> None:
        # The TLS greeting of a client that took this for a TLS port has no newlines to wait for.
        first = self._buffer[self._start : self._start + 1]
        if first and first[0] < 0x21 and first[0] not in b"\r\n":
            raise RemoteProtocolError(f"first byte 0x{first[0]:02x} is not HTTP", 400)

    def _count_line(self) -> None:
        if self._line == self._start:
            return  # the request or status line
        self._headers += 1
        if self._max_headers is not None and self._headers > self._max_headers:
            raise RemoteProtocolError(
                f"HTTP head of more than {self._max_headers} headers [RFC 6585 5]", 431
            )

    def _cut(self) -> bytes:
        end = self._seen
        head = bytes(self._buffer[self._start : end])
        del self._buffer[:end]
        self._size += end
        self._begin_head()
        return head


def parse_head(connection: h11.Connection, head: bytes, what: str) -> object:
    """h11's event for `head`, a whole "request" or "response".

    Raises:
        RemoteProtocolError: as h11 says, without the peer's bytes: they may be a secret. 400
            for the bytes that no head may have.
    """
    if (bad := _ILLEGAL.search(head)) is not None:
        raise RemoteProtocolError(f"{bad[0]!r} in an HTTP head [RFC 9110 5.5]", 400)
    try:
        connection.receive_data(head)
        return connection.next_event()
    except h11.RemoteProtocolError as error:
        reason = str(error).partition(": bytearray(")[0]
        raise RemoteProtocolError(
            f"malformed HTTP {what}: {reason} [RFC 9112]", error.error_status_hint
        ) from None


def decode_headers(event: h11.Request | h11.InformationalResponse | h11.Response) -> Headers:
    """The headers of what h11 parsed, in the order and the case they came."""
    pairs = event.headers.raw_items()
    return Headers((name.decode("ascii"), value.decode("latin-1")) for name, value in pairs)


def parse_request(head: bytes, remote_address: Any = None) -> tuple[Request, bool]:
    """The request that `head` is, from a peer of that address, and whether a body follows it.

    Raises:
        RemoteProtocolError: 505 for another HTTP than 1.x, 501 for a Transfer-Encoding
            other than chunked, 400 for all else that is wrong.
    """
    event = parse_head(h11.Connection(h11.SERVER), head, "request")
    assert isinstance(event, h11.Request)
    major, _, minor = event.http_version.decode("ascii").partition(".")
    if major != "1":
        raise RemoteProtocolError(f"HTTP/{major}.{minor} is not spoken here [RFC 9110 15.6.6]", 505)
    headers = decode_headers(event)
    if _PRINTABLE.fullmatch(head) is None:
        check_ascii(headers)
    method = event.method.decode("ascii")
    version = "1.0" if minor == "0" else "1.1"
    authority = _check_host(headers, version)
    target = _origin_form(method, event.target.decode("ascii"), authority)
    request = Request(method, target, headers, version, remote_address=remote_address)
    return request, _has_body(headers)


def _check_host(headers: Headers, version: str) -> tuple[str, int | None] | None:
    hosts = headers.get_all("Host")
    if not hosts and version == "1.0":
        return None
    authority = parse_authority(hosts[0]) if len(hosts) == 1 else None
    if authority is None:
        shown = quote(", ".join(hosts))
        raise RemoteProtocolError(
            f"Host must be one host and port, not {shown} [RFC 9112 3.2]", 400
        )
    return authority


def _origin_form(method: str, target: str, host: tuple[str, int | None] | None) -> str:
    """The target as path and query, also if it came as a whole URL [RFC 9112 3.2.2]."""
    if target.startswith("/") or target == "*" or method == "CONNECT":
        return target
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise RemoteProtocolError(f"request target {quote(target)} [RFC 9112 3.2]", 400)
    # What it says beside Host would be two answers to one question.
    if host is not None and parse_authority(match["authority"]) != host:
        raise RemoteProtocolError(
            f"request target {quote(target)} is not of the Host [RFC 9112 3.2.2]", 400
        )
    return match["rest"] if match["rest"].startswith("/") else f"/{match['rest']}"


def _has_body(headers: Headers) -> bool:
    lengths = headers.get_all("Content-Length")
    if "Transfer-Encoding" not in headers:
        return bool(lengths) and int(lengths[0]) > 0
    if lengths:
        raise RemoteProtocolError("Content-Length beside Transfer-Encoding [RFC 9112 6.3]", 400)
    return True


def encode_head(first_line: str, headers: Headers) -> bytes:
    """A head as it goes out. That nothing in it breaks a line has been checked."""
    lines = [first_line, *(f"{name}: {value}" for name, value in headers.lines), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def encode_response(response: Response, method: str, *, close: bool) -> bytes:
    """A response as it goes out, with Content-Length, and Connection: close where it applies.

    Args:
        response: checked.
        method: of the request: the answer to HEAD has no body.
        close: whether it is the last on this connection.
    """
    status, headers, body = response.status, response.headers, bytes(response.body)
    added: list[tuple[str, str]] = []
    if status not in (204, 304) and "Content-Length" not in headers:
        added.append(("Content-Length", str(len(body))))
    if close and "close" not in map(str.lower, members(headers, "Connection")):
        added.append(("Connection", "close"))
    head = encode_head(f"HTTP/1.1 {status} {response.reason}", Headers((*headers.lines, *added)))
    return head if method == "HEAD" or status in (204, 304) else head + body
