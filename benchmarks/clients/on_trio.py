"""How the clients on Trio run: one task a connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from .task import Task


def run(task: Task, echo: Callable[[trio.TaskStatus[None]], Awaitable[None]]) -> None:
    """Open the connections with `echo`, which goes on for ever, and measure them."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(task.connections):
                await nursery.start(echo)
            await task.report(trio.sleep)

    trio.run(main)
