"""How fast a client may talk: a token bucket that can be overdrawn.

The bucket fills with time and every frame takes one token out, also when none is left. A short
debt earns a warning, a long one the end of the connection, and whoever stops is soon forgiven.
"""

from __future__ import annotations


class Bucket:
    """Tokens that come with time.

    Args:
        rate: tokens a second.
        burst: how many it holds, and has at first.
        now: the time in seconds, on any clock that does not go back.
    """

    __slots__ = ("_balance", "_burst", "_rate", "_then")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._balance = burst
        self._then = now

    def spend(self, now: float) -> float:
        """Take one token out; what is left, below zero when there was none."""
        self._balance = min(self._burst, self._balance + (now - self._then) * self._rate) - 1
        self._then = now
        return self._balance
