"""One task for all connections of a server or a client: pings, deadlines, stand-in reading."""

from __future__ import annotations

from collections.abc import Collection

import trio

from .connection import Connection

TURN = 256  # connections looked at before others get their turn


async def heartbeat(connections: Collection[Connection], tick: float) -> None:
    """Call `beat` of each connection every `tick` seconds, until cancelled."""
    while True:
        await trio.sleep(tick)
        for number, connection in enumerate(tuple(connections), 1):
            connection.beat(trio.current_time())
            if number % TURN == 0:
                await trio.lowlevel.checkpoint()
