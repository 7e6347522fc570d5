"""What a connection is given up for: a peer that takes nothing, or does not end what was closed.

Pings have their own; see module `pings`.
"""

from __future__ import annotations

import trio

from .timeouts import Timeouts


class Deadlines:
    """The write and the close deadline of one connection, on Trio's clock, in seconds."""

    __slots__ = ("_close_due", "_timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._close_due: float | None = None

    def begin_close(self) -> None:
        """From now on the end is owed; only the first time counts."""
        if self._close_due is None and self._timeouts.close is not None:
            self._close_due = trio.current_time() + self._timeouts.close

    def missed(self, now: float, stuck_since: float | None) -> Exception | None:
        """Which deadline has passed, if one has.

        Args:
            now: the time.
            stuck_since: when the peer last took something, `None` while it is not waited for.
        """
        timeouts = self._timeouts
        if (
            stuck_since is not None
            and timeouts.write is not None
            and now - stuck_since >= timeouts.write
        ):
            return trio.TooSlowError(f"peer took nothing for {timeouts.write} s")
        if self._close_due is not None and now >= self._close_due:
            return trio.TooSlowError(f"no end within {timeouts.close} s of the Close")
        return None
