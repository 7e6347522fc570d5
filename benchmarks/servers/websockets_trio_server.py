"""websockets.trio, as it comes; it compresses when the client offers it."""

from functools import partial

import trio
from websockets.trio.server import Server, ServerConnection, serve

from .task import read_task

TASK = read_task()


async def echo(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


async def main() -> None:
    server: Server

    async def broadcast(ws: ServerConnection) -> None:
        async for message in ws:
            for each in tuple(server.connections):
                await each.send(message)

    handler = broadcast if TASK.broadcasts else echo
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve, handler, 0, host="127.0.0.1", ssl=TASK.tls))
        print(server.listeners[0].socket.getsockname()[1], flush=True)


trio.run(main)
