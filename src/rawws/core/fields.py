"""Header fields of the handshake: what may be sent, what may be believed.

Two kinds of checks live here. `check_headers` and `check_subprotocols` are for what the
application gives: CR, LF and NUL must never reach the wire, nor a header that the handshake
writes itself. `check_ascii`, `members` and `parse_subprotocols` are for what a peer sent.

`quote` is how a peer's text gets into an error's message: escaped and short.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping

from .errors import LocalProtocolError, RemoteProtocolError
from .http import Headers

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ILLEGAL = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_ASCII = re.compile(r"[\t\x20-\x7e]*")
_QUOTED = 100  # characters of a peer's text in an error's message

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PREFIX = "sec-websocket-"
_HANDSHAKE = frozenset({"host", "upgrade", "connection", "origin"})
RESERVED = frozenset({"upgrade", "connection", "content-length", "transfer-encoding"})
"""Headers that the handshake writes itself, or that would break it, beside Sec-WebSocket-*."""


def accept_token(key: str) -> str:
    """The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key [4.2.2]."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode("ascii")).digest()).decode("ascii")


def is_token(text: str) -> bool:
    """Whether `text` is a token [RFC 9110 5.6.2]."""
    return _TOKEN.fullmatch(text) is not None


def quote(text: str) -> str:
    """A peer's text for an error's message: escaped, at most about a line of it."""
    return f"{text!a}" if len(text) <= _QUOTED else f"{text[:_QUOTED]!a}..."


def members(headers: Headers, name: str) -> list[str]:
    """The members of a comma-separated list, over all lines of that name [RFC 9110 5.6.1]."""
    parts = [part.strip(" \t") for line in headers.get_all(name) for part in line.split(",")]
    return [part for part in parts if part]


def is_upgrade(headers: Headers) -> bool:
    """Whether Upgrade names WebSocket, among others perhaps [4.2.1]."""
    return "websocket" in map(str.lower, members(headers, "Upgrade"))


def check_ascii(headers: Headers) -> None:
    """Check that the headers which the handshake reads are printable ASCII.

    Raises:
        RemoteProtocolError: 400; there is another byte in one of them.
    """
    for name, value in headers.lines:
        lowered = name.lower()
        if lowered not in _HANDSHAKE and not lowered.startswith(_PREFIX):
            continue
        if _ASCII.fullmatch(value) is None:
            raise RemoteProtocolError(f"{quote(name)} is not ASCII: {quote(value)} [4.1]", 400)


def parse_subprotocols(headers: Headers) -> tuple[str, ...]:
    """The subprotocols of a request, in the client's order of preference [4.1].

    Raises:
        ValueError: the header is there but is no list of unique tokens.
    """
    if "Sec-WebSocket-Protocol" not in headers:
        return ()
    values = tuple(members(headers, "Sec-WebSocket-Protocol"))
    if not values:
        raise ValueError("Sec-WebSocket-Protocol is empty")
    if len(set(values)) != len(values) or not all(map(is_token, values)):
        raise ValueError("Sec-WebSocket-Protocol is no list of unique tokens")
    return values


def check_subprotocols(subprotocols: Iterable[str]) -> tuple[str, ...]:
    """The application's list of subprotocols.

    Raises:
        LocalProtocolError: it is not a list of str that are unique tokens.
    """
    if isinstance(subprotocols, str | bytes) or not isinstance(subprotocols, Iterable):
        raise LocalProtocolError(f"subprotocols must be a list of names, not {subprotocols!r}")
    names = tuple(subprotocols)
    for position, name in enumerate(names):
        if not isinstance(name, str) or not is_token(name):
            raise LocalProtocolError(
                f"subprotocol {name!r} is not a token: letters, digits and !#$%&'*+-.^_`|~"
            )
        if name in names[:position]:
            raise LocalProtocolError(f"subprotocol {name!r} is given twice [4.1]")
    return names


def check_headers(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    reserved: frozenset[str] = frozenset(),
    *,
    prefix: str = _PREFIX,
) -> Headers:
    """The application's headers.

    The messages name the header but not its value, which may be a secret.

    Args:
        headers: a mapping or pairs.
        reserved: names, in lower case, that may not be among them.
        prefix: of names, in lower case, that may not be among them; "" for none.

    Raises:
        LocalProtocolError: a name that is no token, a value that HTTP cannot carry, or a
            reserved name.
    """
    try:
        checked = Headers(headers)
    except (TypeError, ValueError):
        raise LocalProtocolError("headers must be a mapping or pairs of str") from None
    for name, value in checked.lines:
        if not isinstance(name, str) or not is_token(name):
            raise LocalProtocolError(f"header name {name!r} is not a token [RFC 9110 5.1]")
        if name.lower() in reserved or (prefix and name.lower().startswith(prefix)):
            raise LocalProtocolError(f"header {name!r} is the handshake's own to write")
        check_value(f"header {name!r}", value)
    return checked


def check_value(what: str, value: str) -> None:
    """Check that `value` can be sent as a header's value.

    Raises:
        LocalProtocolError: naming `what`; it is not a str, or a character in it is a
            control character or not in ISO 8859-1 [RFC 9110 5.5].
    """
    if not isinstance(value, str):
        raise LocalProtocolError(f"{what} must be a str, not {type(value).__name__}")
    if (bad := _ILLEGAL.search(value)) is not None:
        raise LocalProtocolError(
            f"{what} has {bad[0]!r} in its value; printable ISO 8859-1 is allowed"
        )
