"""trio-websocket, as it comes."""

import trio
from trio_websocket import open_websocket_url

from .on_trio import run
from .task import MESSAGE, read_task

TASK = read_task()


async def echo(task_status: trio.TaskStatus[None]) -> None:
    async with open_websocket_url(TASK.url) as ws:
        task_status.started()
        while True:
            await ws.send_message(MESSAGE)
            await ws.get_message()
            TASK.messages += 1


run(TASK, echo)
