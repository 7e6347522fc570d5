"""What HTTP there is in a WebSocket: headers, a request, a response.

Header values are text in ISO 8859-1, the one encoding in which every byte that HTTP allows
is a character [RFC 9110 5.5].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

from .record import Record


class Headers(Mapping[str, str]):
    """Headers in the order they came, looked up without regard to case.

    `headers[name]` and `headers.get(name)` give the lines of that name joined with ", ",
    `headers.get_all(name)` each of them, `headers.lines` all as they are.
    """

    __slots__ = ("_index", "lines")

    def __init__(self, lines: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        if isinstance(lines, Headers):
            self.lines: tuple[tuple[str, str], ...] = lines.lines
        else:
            if isinstance(lines, Mapping):
                lines = cast("Mapping[str, str]", lines).items()
            self.lines = tuple([(name, value) for name, value in lines])
        self._index: dict[str, list[str]] | None = None  # made by the first look

    def _indexed(self) -> dict[str, list[str]]:
        if self._index is None:
            self._index = {}
            for name, value in self.lines:
                self._index.setdefault(name.lower(), []).append(value)
        return self._index

    def forget_index(self) -> None:
        """Give up memory that only makes looking fast; the next look makes it anew."""
        self._index = None

    def get_all(self, name: str) -> list[str]:
        """Every line of that name, in order."""
        return list(self._indexed().get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._indexed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._indexed())

    def __len__(self) -> int:
        return len(self._indexed())

    def __repr__(self) -> str:
        return f"Headers({list(self.lines)!r})"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, as a server gets it.

    Attributes:
        method: in capitals, as HTTP has it.
        target: path and query as they stand in the request line, "/room?name=x"; "*" and
            what follows CONNECT stay as they are.
        headers: as they came.
        http_version: "1.1" or "1.0".
        state: yours: a plain namespace that goes with the request into `ws.request`, for
            the identity found in `on_request` and the like.
        remote_address: of the peer, where there is one and the transport has told it.
    """

    method: str
    target: str
    headers: Headers = field(default_factory=Headers)
    http_version: str = "1.1"
    state: SimpleNamespace = field(default_factory=SimpleNamespace, compare=False)
    remote_address: Any = field(default=None, compare=False)

    @property
    def path(self) -> str:
        """The target up to the question mark, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target after the question mark, still percent-encoded."""
        return self.target.partition("?")[2]


class Response(Record):
    """An HTTP response: what `on_request` returns, and what a refused client gets.

    Attributes:
        status: 200 to 999.
        headers: a mapping or pairs; Content-Length is added when sent, and
            Content-Type (plain text) to a body that is text and has none.
        body: text goes out as UTF-8. Of a received response, at most the first 16 KiB.
    """

    __slots__ = __match_args__ = ("status", "headers", "body")

    status: int
    headers: Headers
    body: bytes

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | str = b"",
    ) -> None:
        if not isinstance(headers, Headers):
            headers = Headers(headers)
        if isinstance(body, str):
            body = body.encode()
            if "content-type" not in headers:
                headers = Headers((*headers.lines, ("Content-Type", "text/plain; charset=utf-8")))
        object.__setattr__(self, "status", status)
        object.__setattr__(self, "headers", headers)
        object.__setattr__(self, "body", body)

    @property
    def reason(self) -> str:
        """The status in words, "" for an unknown one."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return ""
