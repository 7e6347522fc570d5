"""Who may connect: the Origin header and the Host header [RFC 6455 10.2].

A browser lets any page open a WebSocket to anywhere, and sends cookies along; the Origin
header is what tells a server whose page it was. The Host header tells under which name the
browser found the server, which is how DNS rebinding shows. Programs that are no browsers
send what they like, or no Origin at all: these checks protect users of browsers, they are
no authentication.

`origin_allowed` and `host_allowed` are total: no header of a peer makes them raise.
`check_origins` and `check_hosts` are for the application's arguments, once, at the start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from .http import Request
from .url import normalize_host, parse_authority


class SameOrigin(Enum):
    """The type of `SAME_ORIGIN`."""

    SAME_ORIGIN = "SAME_ORIGIN"

    def __repr__(self) -> str:
        return self.value


SAME_ORIGIN: Final = SameOrigin.SAME_ORIGIN
"""Allow pages of this server only: host and port of Origin equal Host."""

Origins = SameOrigin | Iterable[str | re.Pattern[str]] | None
Hosts = Iterable[str] | None

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.\-]*://[^\s/?#@A-Z]+|null")


def origin_allowed(request: Request, origins: Origins) -> bool:
    """Whether the page that the request comes from may connect.

    A request without Origin comes from no page and is allowed. Several Origin headers are
    not, unless there is no check at all.

    Args:
        request: the handshake.
        origins: `SAME_ORIGIN`; or the origins allowed, each a str that is equal or a
            compiled pattern that matches the whole; or `None` for no check.
    """
    if origins is None:
        return True
    values = request.headers.get_all("Origin")
    if len(values) != 1:
        return not values
    if isinstance(origins, SameOrigin):
        return _is_same_origin(values[0], request.headers.get_all("Host"))
    return any(
        values[0] == origin if isinstance(origin, str) else bool(origin.fullmatch(values[0]))
        for origin in origins
    )


def host_allowed(request: Request, hosts: Hosts) -> bool:
    """Whether the request is for a name that this server goes by.

    Args:
        request: any HTTP request.
        hosts: names or addresses without port; case and the port asked for do not matter.
            `None` allows any, and also none.
    """
    if hosts is None:
        return True
    values = request.headers.get_all("Host")
    authority = parse_authority(values[0]) if len(values) == 1 else None
    return authority is not None and authority[0] in map(normalize_host, hosts)


def check_origins(origins: Origins) -> Origins:
    """The application's `origins`, as a tuple if it was another iterable.

    Raises:
        TypeError: neither `SAME_ORIGIN`, nor `None`, nor an iterable of str and compiled
            patterns of str.
        ValueError: a str that no browser could send as its Origin.
    """
    if origins is None or isinstance(origins, SameOrigin):
        return origins
    checked: list[str | re.Pattern[str]] = []
    for origin in _as_tuple("origins", origins, "SAME_ORIGIN, a list of origins, or None"):
        if isinstance(origin, str):
            _check_origin(origin)
        elif not isinstance(origin, re.Pattern) or not isinstance(origin.pattern, str):
            raise TypeError(f"origins may hold str and compiled patterns of str, not {origin!r}")
        checked.append(origin)
    return tuple(checked)


def _check_origin(origin: str) -> None:
    if _ORIGIN.fullmatch(origin) is None:
        raise ValueError(
            f"origins: {origin!r} is not an origin as browsers send it, in lower case and "
            "without path: 'https://example.com', 'http://localhost:8000'; "
            "None instead of the list allows any"
        )


def check_hosts(hosts: Hosts) -> tuple[str, ...] | None:
    """The application's `hosts`, in their normal form.

    Raises:
        TypeError: neither `None` nor an iterable of str.
        ValueError: a str that is no host name or address, or has a port.
    """
    if hosts is None:
        return None
    checked: list[str] = []
    for name in _as_tuple("hosts", hosts, "a list of names, or None"):
        if not isinstance(name, str):
            raise TypeError(f"hosts may hold str, not {name!r}")
        host = normalize_host(name)
        if host is None:
            raise ValueError(
                f"hosts: {name!r} is neither a host name nor an IP address, without port; "
                "None instead of the list allows any"
            )
        checked.append(host)
    return tuple(checked)


def _as_tuple(option: str, values: object, allowed: str) -> tuple[object, ...]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{option} must be {allowed}, not {values!r}")
    return tuple(values)


def _is_same_origin(origin: str, hosts: list[str]) -> bool:
    scheme, separator, rest = origin.partition("://")
    default = _DEFAULT_PORTS.get(scheme.lower())
    if default is None or not separator or len(hosts) != 1:
        return False
    theirs, ours = parse_authority(rest), parse_authority(hosts[0])
    if theirs is None or ours is None:
        return False
    return theirs[0] == ours[0] and (theirs[1] or default) == (ours[1] or default)
