"""rawws, as it comes."""

from functools import partial

import trio

import rawws


async def echo(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(rawws.serve, echo, 0, host="127.0.0.1"))
        print(server.port, flush=True)


trio.run(main)
