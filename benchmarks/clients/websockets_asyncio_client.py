"""websockets.asyncio, as it comes."""

import asyncio

from websockets.asyncio.client import ClientConnection, connect

from ..loop import run
from .task import MESSAGE, read_task

TASK = read_task()


async def echo(ws: ClientConnection) -> None:
    while True:
        await ws.send(MESSAGE)
        await ws.recv()
        TASK.messages += 1


async def main() -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(TASK.connections):
            tasks.create_task(echo(await connect(TASK.url)))
        await TASK.report(asyncio.sleep)


run(main(), TASK.uvloop)
