"""Messages that have arrived and that nobody has asked for yet."""

from __future__ import annotations

from collections import deque

from ..core.events import Message, MessagePart

WAITING_COST = 100  # bytes that a message costs beyond its own, while it waits


class Inbox:
    """Messages in the order they came.

    Attributes:
        size: bytes that they may take in memory, about.
    """

    __slots__ = ("_messages", "size")

    def __init__(self) -> None:
        self._messages: deque[Message | MessagePart] | None = None  # most never need one
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._messages)

    def put(self, message: Message | MessagePart) -> None:
        """Keep a message."""
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        self.size += _weight(message)

    def take(self) -> Message | MessagePart:
        """Give out the oldest; there must be one."""
        assert self._messages is not None
        message = self._messages.popleft()
        self.size -= _weight(message)
        return message

    def clear(self) -> None:
        """Let go of all of them."""
        self._messages = None
        self.size = 0


def _weight(message: Message | MessagePart) -> int:
    data = message.data
    wide = isinstance(data, str) and not data.isascii()
    return len(data) * (4 if wide else 1) + WAITING_COST
