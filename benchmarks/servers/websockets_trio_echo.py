"""websockets.trio, as it comes."""

from functools import partial

import trio
from websockets.trio.server import ServerConnection, serve


async def echo(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve, echo, 0, host="127.0.0.1"))
        print(server.listeners[0].socket.getsockname()[1], flush=True)


trio.run(main)
