"""trio-websocket, as it comes. Its broadcast sends one by one: a task each is slower."""

from functools import partial

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from .task import read_task

TASK = read_task()
connections: set[WebSocketConnection] = set()


async def echo(request: WebSocketRequest) -> None:
    ws = await request.accept()
    try:
        while True:
            await ws.send_message(await ws.get_message())
    except ConnectionClosed:
        pass


async def broadcast(request: WebSocketRequest) -> None:
    ws = await request.accept()
    connections.add(ws)
    try:
        while True:
            message = await ws.get_message()
            for each in tuple(connections):
                await each.send_message(message)
    except ConnectionClosed:
        pass
    finally:
        connections.discard(ws)


async def main() -> None:
    handler = broadcast if TASK.broadcasts else echo
    serve = partial(serve_websocket, handler, "127.0.0.1", 0, ssl_context=TASK.tls)
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve)
        print(server.port, flush=True)


trio.run(main)
