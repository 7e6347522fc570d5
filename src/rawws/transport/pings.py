"""Pings that wait for their pongs, and when the next is due [5.5.2, 5.5.3]."""

from __future__ import annotations

from math import inf
from random import uniform

import trio

from .timeouts import Timeouts


class Pings:
    """The pings of one connection. Times are Trio's clock, in seconds.

    Args:
        timeouts: how often to ping, and how long a pong may take.

    Attributes:
        latency: seconds that the last answered ping took, `None` before that.
    """

    __slots__ = ("_due", "_sent", "_timeouts", "latency")

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._sent: dict[bytes, float] | None = None
        self._due = inf
        self.latency: float | None = None
        self._put_off(least=0.5)

    def __contains__(self, payload: bytes) -> bool:
        return self._sent is not None and payload in self._sent

    def is_due(self, now: float) -> bool:
        """Whether a keepalive ping is due; if so, the next one is due later."""
        if now < self._due:
            return False
        self._put_off(least=0.9)
        return True

    def sent(self, payload: bytes) -> None:
        """A ping was sent."""
        if self._sent is None:
            self._sent = {}
        self._sent[payload] = trio.current_time()

    def forget(self, payload: bytes) -> None:
        """Nobody waits for that pong any more."""
        if self._sent is not None:
            self._sent.pop(payload, None)

    def answered(self, payload: bytes) -> bool:
        """A pong came: whether it answers a ping. It answers those before that, too."""
        if self._sent is None or payload not in self._sent:
            return False
        self.latency = trio.current_time() - self._sent[payload]
        while (oldest := next(iter(self._sent))) != payload:
            del self._sent[oldest]
        del self._sent[payload]
        return True

    def missed(self, now: float) -> Exception | None:
        """What has passed if the oldest unanswered ping has waited too long."""
        limit = self._timeouts.ping
        if limit is not None and self._sent and now - next(iter(self._sent.values())) >= limit:
            return trio.TooSlowError(f"no pong within {limit} s")
        return None

    def restart(self, now: float) -> None:
        """Pongs could not be seen until now; they get the whole time again."""
        if self._sent:
            self._sent = dict.fromkeys(self._sent, now)

    def _put_off(self, least: float) -> None:
        # Not every connection in the same tick.
        interval = self._timeouts.ping_interval
        if interval is not None:
            self._due = trio.current_time() + interval * uniform(least, 1)
