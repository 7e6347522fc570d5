"""websockets.trio, as it comes."""

import trio
from websockets.trio.client import connect

from .on_trio import run
from .task import MESSAGE, read_task

TASK = read_task()


async def echo(task_status: trio.TaskStatus[None]) -> None:
    async with connect(TASK.url) as ws:
        task_status.started()
        while True:
            await ws.send(MESSAGE)
            await ws.recv()
            TASK.messages += 1


run(TASK, echo)
