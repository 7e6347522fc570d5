"""trio-websocket, as it comes."""

from functools import partial

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket


async def echo(request: WebSocketRequest) -> None:
    ws = await request.accept()
    try:
        while True:
            await ws.send_message(await ws.get_message())
    except ConnectionClosed:
        pass


async def main() -> None:
    serve = partial(serve_websocket, echo, "127.0.0.1", 0, ssl_context=None)
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve)
        print(server.port, flush=True)


trio.run(main)
