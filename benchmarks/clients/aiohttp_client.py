"""aiohttp, as it comes, but for its limit of 100 connections."""

import asyncio

from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector

from ..loop import run
from .task import MESSAGE, read_task

TASK = read_task()


async def echo(ws: ClientWebSocketResponse) -> None:
    while True:
        await ws.send_bytes(MESSAGE)
        await ws.receive_bytes()
        TASK.messages += 1


async def main() -> None:
    connector = TCPConnector(limit=0)
    async with ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
        for _ in range(TASK.connections):
            tasks.create_task(echo(await session.ws_connect(TASK.url)))
        await TASK.report(asyncio.sleep)


run(main(), TASK.uvloop)
