"""websockets.trio, as it comes."""

import trio
from websockets.trio.client import connect

from .task import MESSAGE, read_task

TASK = read_task()


async def echo(task_status: trio.TaskStatus[None]) -> None:
    async with connect(TASK.url) as ws:
        task_status.started()
        while True:
            await ws.send(MESSAGE)
            await ws.recv()
            TASK.messages += 1


async def main() -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(TASK.connections):
            await nursery.start(echo)
        await TASK.report(trio.sleep)


trio.run(main)
