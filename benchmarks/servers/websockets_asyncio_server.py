"""websockets.asyncio, as it comes; it compresses when the client offers it."""

from websockets.asyncio.server import ServerConnection, broadcast, serve

from ..loop import run
from .task import read_task

TASK = read_task()


async def echo(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


async def to_everyone(ws: ServerConnection) -> None:
    async for message in ws:
        broadcast(ws.server.connections, message)


async def main() -> None:
    handler = to_everyone if TASK.broadcasts else echo
    async with serve(handler, "127.0.0.1", 0, ssl=TASK.tls) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


run(main(), TASK.uvloop)
