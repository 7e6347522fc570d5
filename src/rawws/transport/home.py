"""Where the tasks of connections live: one home for a server, one for a client.

A home outlives its connections' users, and what is cancelled around it does not reach its
tasks: frames that have begun are finished, deadlines are kept. They end when the home
closes, which is the last thing that `serve` and `connect` do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter

import trio
from trio.lowlevel import checkpoint_if_cancelled

SLICE = 0.001  # seconds that one task may go on without letting others run


class Home:
    """Starts tasks that end with it, and says when it is others' turn to run.

    Attributes:
        rested: whether others had their turn since the last `pause`; to be set by who waited.
    """

    __slots__ = ("_nursery", "_others_turn", "_scopes", "_soon", "closed", "rested")

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._scopes: set[trio.CancelScope] = set()
        self._soon: list[Callable[[], None]] = []
        self._others_turn = 0.0
        self.rested = False
        self.closed = False

    def start_task(self, async_fn: Callable[[], Awaitable[None]]) -> None:
        """Run `async_fn` in the background; what it raises is a bug and comes out of here."""
        self._nursery.start_soon(self._shelter, async_fn)

    def soon(self, fn: Callable[[], None]) -> None:
        """Call `fn`, which must not raise, once others have their turn to run."""
        if not self._soon:
            self._nursery.start_soon(self._call_soon)
        self._soon.append(fn)

    async def _call_soon(self) -> None:
        due, self._soon = self._soon, []
        for fn in due:
            fn()

    def pause(self) -> Awaitable[None]:
        """See cancellation; and let others run if that is due, once in about a millisecond.

        A full checkpoint costs as much as a frame's parsing, so not every call is one.
        """
        now = perf_counter()
        if self.rested:
            self.rested = False
            self._others_turn = now + SLICE
        if now < self._others_turn:
            return checkpoint_if_cancelled()
        self.rested = True
        return trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Cancel every task of this home."""
        self.closed = True
        for scope in self._scopes:
            scope.cancel()

    async def _shelter(self, async_fn: Callable[[], Awaitable[None]]) -> None:
        with trio.CancelScope(shield=True) as scope:
            self._scopes.add(scope)
            if self.closed:
                scope.cancel()
            try:
                await async_fn()
            finally:
                self._scopes.discard(scope)


@contextmanager
def one_error() -> Iterator[None]:
    """Let a single error out of nurseries as it is, not in their groups.

    What is cancelled beside it does not count; several errors stay in their group.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        errors = group.subgroup(_is_error)
        error: BaseException = errors or group
        while isinstance(error, BaseExceptionGroup) and (
            errors is None or len(error.exceptions) == 1
        ):
            error = error.exceptions[0]
        raise error from error.__cause__


def _is_error(error: BaseException) -> bool:
    return not isinstance(error, BaseExceptionGroup | trio.Cancelled)


@asynccontextmanager
async def open_home() -> AsyncIterator[Home]:
    """A home for the body's connections. What the body raises comes out as it is."""
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        home = Home(nursery)
        try:
            yield home
        except BaseException as error:  # kept out of the nursery, which would wrap it
            failure = error
        finally:
            home.close()
    if failure is not None:
        try:
            raise failure
        finally:
            failure = None  # or the traceback would hold itself
