"""An outbox over a scripted stream, and tasks that send through it as a WebSocket does."""

from __future__ import annotations

from collections.abc import Callable

import trio
from trio.testing import wait_all_tasks_blocked

from rawws.transport.outbox import Outbox
from tests.transport.wires import ScriptedStream

LIMIT = 100


def not_yet(_: Callable[[], None]) -> None:
    """A "soon" that never comes."""


def make_outbox(
    nursery: trio.Nursery,
    room: float,
    *,
    step: float = float("inf"),
    limit: int | None = LIMIT,
    soon: Callable[[Callable[[], None]], None] = not_yet,
) -> tuple[Outbox, ScriptedStream]:
    """An outbox whose drain tasks live in `nursery`, and the stream under it."""
    wire = ScriptedStream(room, step)
    return Outbox(wire, limit, nursery.start_soon, soon), wire


class Sender:
    """A task that sends one message.

    Attributes:
        scope: cancels it.
        message: what it sends.
        sent: whether that was put in.
    """

    def __init__(self, outbox: Outbox, message: bytes) -> None:
        self.scope = trio.CancelScope()
        self.sent = False
        self._outbox = outbox
        self.message = message

    async def __call__(self) -> None:
        with self.scope:
            if not self._outbox.has_room:
                await self._outbox.wait_room()
            if self._outbox.failure is None:
                self._outbox.put(self.message)
                self.sent = True


async def line_up(nursery: trio.Nursery, outbox: Outbox, *messages: bytes) -> list[Sender]:
    """Senders that wait for room, in this order."""
    senders = []
    for message in messages:
        senders.append(Sender(outbox, message))
        nursery.start_soon(senders[-1])
        await wait_all_tasks_blocked()
    return senders
