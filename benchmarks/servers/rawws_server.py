"""rawws, as it comes."""

from functools import partial

import trio

import rawws

from .task import read_task

TASK = read_task()


async def echo(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def main() -> None:
    server: rawws.Server

    async def broadcast(ws: rawws.WebSocket) -> None:
        async for message in ws:
            rawws.broadcast(server.connections, message)

    serve = partial(
        rawws.serve,
        broadcast if TASK.broadcasts else echo,
        0,
        host="127.0.0.1",
        ssl_context=TASK.tls,
        compression=rawws.Deflate() if TASK.deflate else None,
    )
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve)
        print(server.port, flush=True)


trio.run(main)
