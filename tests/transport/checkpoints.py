"""Cancellation at every checkpoint of a piece of code, one after the other.

    for point in every_point():
        with point.cancels() as scope:
            await what_is_tested()

Each turn of the loop cancels the block at another moment: as soon as it has gone to sleep
for the n-th time, so that what it waits for never comes, and when it has been woken for the
n-th time but has not run yet, so that what it waited for has come. The loop ends when the
block has so few that it was left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Literal

import trio

Moment = Literal["asleep", "awake"]


class Point(trio.abc.Instrument):
    """One moment in the life of a block.

    Args:
        number: which of its kind, from 1 on; 0 is before the block begins.
        moment: "asleep" when it has just gone to sleep, "awake" when it was just woken.

    Attributes:
        reached: whether the block was cancelled there.
    """

    def __init__(self, number: int, moment: Moment) -> None:
        self.reached = False
        self._left = number
        self._moment = moment
        self._scope = trio.CancelScope()

    def __repr__(self) -> str:
        return f"<{'past' if self.reached else 'before'} {self._left} more {self._moment}>"

    @contextmanager
    def cancels(self, *, family: bool = False) -> Iterator[trio.CancelScope]:
        """Cancel the block at this point.

        Args:
            family: count what the tasks that the block starts do, too.
        """
        self._task = trio.lowlevel.current_task()
        self._family = family
        with self._scope:
            if not self._left:
                self._cancel()
            trio.lowlevel.add_instrument(self)
            try:
                yield self._scope
            finally:
                trio.lowlevel.remove_instrument(self)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self._moment == "asleep":
            self._count(task)

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        if self._moment == "awake":
            self._count(task)

    def _count(self, task: trio.lowlevel.Task) -> None:
        if not self.reached and self._is_of_the_block(task):
            self._left -= 1
            if not self._left:
                self._cancel()

    def _is_of_the_block(self, task: trio.lowlevel.Task) -> bool:
        while task is not self._task:
            nursery = task.parent_nursery
            if not self._family or nursery is None:
                return False
            task = nursery.parent_task
        return True

    def _cancel(self) -> None:
        self.reached = True
        self._scope.cancel()


def every_point() -> Iterator[Point]:
    """The points of a block, until one of each kind was not reached."""
    moments: tuple[Moment, ...] = ("asleep", "awake")
    for moment in moments:
        for number in count(0 if moment == "asleep" else 1):
            point = Point(number, moment)
            yield point
            if not point.reached:
                break
