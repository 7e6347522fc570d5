"""aiohttp, as it comes; it compresses when the client offers it."""

import asyncio

from aiohttp import WSMsgType, web

from ..loop import run
from .task import read_task

TASK = read_task()
connections: set[web.WebSocketResponse] = set()


async def echo(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    return ws


async def broadcast(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    connections.add(ws)
    try:
        async for message in ws:
            for each in tuple(connections):
                await each.send_str(message.data)
    finally:
        connections.discard(ws)
    return ws


async def main() -> None:
    application = web.Application()
    application.router.add_get("/", broadcast if TASK.broadcasts else echo)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=TASK.tls).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


run(main(), TASK.uvloop)
