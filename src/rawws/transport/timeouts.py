"""How long a peer is waited for."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of a connection, in seconds; `None` switches one off.

    Attributes:
        handshake: from the first byte that is owed to the end of the upgrade, however the
            bytes trickle. For a kept-alive HTTP connection, each request anew.
        ping_interval: how often the peer is pinged, and so how soon a dead one is noticed.
        ping: how long a pong may take. It does not run while received data is left lying,
            because then a pong could not be seen.
        write: how long the peer may take nothing of what is to be written.
        close: how long the peer may take to answer a Close and end its stream.
    """

    handshake: float | None = 10
    ping_interval: float | None = 20
    ping: float | None = 20
    write: float | None = 20
    close: float | None = 10

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise TypeError(f"Timeouts.{field.name} must be a number or None, not {value!r}")
            if not 0 < value < math.inf:
                raise ValueError(
                    f"Timeouts.{field.name} must be more than 0 seconds and finite, or None, "
                    f"not {value!r}"
                )

    @property
    def tick(self) -> float:
        """How often deadlines are looked at: often enough for the shortest of them."""
        given: list[float | None] = [getattr(self, field.name) for field in fields(self)]
        return min([0.5, *(value / 8 for value in given if value is not None)])
