"""ws:// and wss:// URLs, and the hosts in them [RFC 6455 3].

Nothing is repaired in silence: what a browser would strip or guess at (white space,
backslashes, user names) is refused. Only non-ASCII is rewritten: hosts to IDNA, the target
to percent-encoded UTF-8.

A host has one normal form throughout: a name in lower-case ASCII, an IPv6 address in its
shortest writing without brackets. `normalize_host` and `parse_authority` are total: what
is no host is `None`, never an exception, so that they can be given what a peer sent.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import quote

from .errors import InvalidURL
from .record import Record

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_URL = re.compile(r"(?P<scheme>[^:/?#]+)://(?P<authority>[^/?#]*)(?P<target>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:@]*)(?::(?P<port>[0-9]{0,5}))?")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_MAX_NAME = 254  # RFC 1035 2.3.4, with the final dot


class URL(Record):
    """Where a WebSocket is; made by `parse_url`.

    Attributes:
        secure: wss, that is over TLS.
        host: name or address, without brackets.
        port: 1 to 65535.
        target: what stands in the request line: path and query.
    """

    __slots__ = __match_args__ = ("secure", "host", "port", "target")

    secure: bool
    host: str
    port: int
    target: str

    def __init__(self, secure: bool, host: str, port: int, target: str) -> None:
        object.__setattr__(self, "secure", secure)
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "port", port)
        object.__setattr__(self, "target", target)

    @property
    def host_header(self) -> str:
        """The value of the Host header: brackets for IPv6, no default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_url(url: str) -> URL:
    """Take a ws or wss URL apart.

    An empty path becomes "/", a missing port 80 or 443; non-ASCII is encoded. The rest of
    the target stays as it is.

    Raises:
        InvalidURL: another scheme, no host or a bad one, a port outside 1 to 65535, a
            fragment, a user name, white space, a control character or a backslash.
        TypeError: `url` is not a str.
    """
    if not isinstance(url, str):
        raise TypeError(f"url must be a str, not {url!r}")
    match = _URL.fullmatch(url)
    if match is None or match["scheme"].lower() not in ("ws", "wss"):
        raise InvalidURL(f"URL {url!r} must start with ws:// or wss://")
    if "@" in match["authority"]:
        # Not quoted whole: there is a password in it.
        host = match["authority"].rpartition("@")[2]
        raise InvalidURL(
            f"URL of host {host!r} has a user name in it; pass an Authorization header instead"
        )
    if (bad := _FORBIDDEN.search(url)) is not None:
        raise InvalidURL(f"URL {url!r} has {bad[0]!r} in it, which must be percent-encoded")
    if "#" in url:
        raise InvalidURL(f"URL {url!r} has a fragment; percent-encode '#' as %23 [3]")
    secure = match["scheme"].lower() == "wss"
    authority = _parse_authority(match["authority"])
    if authority is None:
        raise InvalidURL(
            f"URL {url!r} needs a host name, IPv4 address or [IPv6 address], "
            "and may have a port from 1 to 65535"
        )
    host, port = authority
    return URL(secure, host, port or (443 if secure else 80), _encode_target(url, match["target"]))


def parse_authority(text: str) -> tuple[str, int | None] | None:
    """Host and port of a Host header or an origin; the port is `None` where there is none.

    Returns:
        The host in its normal form, or `None` when `text` is not `host[:port]` in ASCII.
    """
    return _parse_authority(text) if text.isascii() else None


def normalize_host(text: str) -> str | None:
    """The normal form of a host name or IP address, in brackets or not; `None` if it is neither.

    A name's labels must be such as DNS has, with underscores allowed; xn-- labels must
    decode.
    """
    if text.startswith("[") and text.endswith("]"):
        return _normalize_ipv6(text[1:-1])
    if ":" in text:
        return _normalize_ipv6(text)
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    text = text.lower()
    if len(text) > _MAX_NAME or _NAME.fullmatch(text) is None:
        return None
    return text if "xn--" not in text or all(map(_is_label, text.split("."))) else None


def _parse_authority(text: str) -> tuple[str, int | None] | None:
    match = _AUTHORITY.fullmatch(text)
    if match is None or (host := normalize_host(match["host"])) is None:
        return None
    if not match["port"]:
        return host, None
    port = int(match["port"])
    return (host, port) if 1 <= port <= 65535 else None


def _normalize_ipv6(text: str) -> str | None:
    if "%" in text:  # a zone means nothing to the peer [RFC 6874 1]
        return None
    try:
        return IPv6Address(text).compressed
    except ValueError:
        return None


def _is_label(label: str) -> bool:
    # Punycode only: the idna codec is IDNA 2003 and does not know all names of today.
    if not label.startswith("xn--"):
        return True
    try:
        return bool(label[4:].encode("ascii").decode("punycode"))
    except UnicodeError:
        return False


def _encode_target(url: str, target: str) -> str:
    if not target.startswith("/"):
        target = f"/{target}"
    if target.isascii():
        return target
    try:
        return quote(target, safe=_PRINTABLE)
    except UnicodeEncodeError:
        raise InvalidURL(f"URL {url!r} has a lone surrogate in it, which UTF-8 has not") from None
