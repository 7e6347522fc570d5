"""A message in pieces: received as its bytes arrive, or given to be sent."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable

import trio

from ..core.encoder import Data
from ..core.errors import InvalidMessage
from ..core.events import Message
from .connection import Connection


class MessageStream:
    """The next message of a WebSocket, piece by piece; iterate over it once.

    Gives at least one piece, which may be empty. Text is cut between characters.

    Raises, while iterating: what `WebSocket.receive` raises; `ConnectionBroken` or
    `ConnectionEnded` within a message too, when the rest of it will not come.

    Cancellation: nothing is lost; go on iterating.
    """

    __slots__ = ("_begun", "_connection", "_done", "busy")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun = False
        self._done = False
        self.busy = False  # a task waits for the next piece

    def __aiter__(self) -> MessageStream:
        return self

    async def __anext__(self) -> str | bytes:
        if self._done:
            raise StopAsyncIteration
        if self.busy:
            raise trio.BusyResourceError("another task is receiving from this WebSocket")
        connection = self._connection
        self.busy = True
        try:
            if not connection.quiet:
                await connection.home.pause()
            while connection.quiet or (part := connection.poll(parts=True)) is None:
                await connection.read()
        finally:
            self.busy = False
        self._begun = True
        self._done = isinstance(part, Message) or part.final
        return part.data

    def abandon(self) -> None:
        """Skip what is left of the message."""
        if self._begun and not self._done:
            self._connection.skip_message()
        self._done = True


class Pieces:
    """The pieces of an ordinary iterable, for `async for`."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: Iterable[Data]) -> None:
        self._pieces = iter(pieces)

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> Data:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


def as_pieces(pieces: Iterable[Data] | AsyncIterable[Data]) -> AsyncIterable[Data]:
    """The pieces of either kind of iterable.

    Raises:
        InvalidMessage: it is none, or a message.
    """
    if isinstance(pieces, AsyncIterable):
        return pieces
    if isinstance(pieces, Iterable) and not isinstance(pieces, Data):
        return Pieces(pieces)
    raise InvalidMessage(
        f"pieces must be an iterable or async iterable of messages, not {pieces!r:.60}"
    )
