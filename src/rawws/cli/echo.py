"""`rawws echo`: a server to try a client against."""

from __future__ import annotations

from functools import partial

import trio

import rawws


async def echo(host: str, port: int) -> None:
    """Serves until cancelled, and prints its URL once it listens.

    Args:
        host: address or name to listen on.
        port: TCP port, 0 for a free one.

    Raises:
        OSError: in a group, as a nursery has it: it cannot listen there.
    """
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(rawws.serve, _send_back, port, host=host))
        shown = f"[{host}]" if ":" in host else host
        print(f"ws://{shown}:{server.port}/", flush=True)


async def _send_back(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)
