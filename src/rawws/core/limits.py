"""How much of a peer's doing is held at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may cost. Sizes are in bytes; `None` switches a limit off.

    Attributes:
        max_message_size: a message, after inflation. A larger one fails the connection
            with 1009, from the frame's header where that tells [10.4].
        max_fragments: frames of one message, empty ones included. More fail with 1008.
        max_header_size: request or status line and headers of the handshake (431).
        max_headers: header lines of the handshake (431).
        receive_buffer: what has arrived and was not asked for yet. When it is full,
            reading stops and TCP holds the peer back. A message that waits counts at its
            decoded size plus 100.
        send_buffer: what waits to be written. `send` waits while it is full; an empty
            one takes a message of any size.
    """

    max_message_size: int | None = 2**20
    max_fragments: int | None = 65536
    max_header_size: int | None = 16384
    max_headers: int | None = 100
    receive_buffer: int | None = 2**20
    send_buffer: int | None = 2**20

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Limits.{field.name} must be an int or None, not {value!r}")
            if value < 1:
                raise ValueError(f"Limits.{field.name} must be at least 1 or None, not {value!r}")
