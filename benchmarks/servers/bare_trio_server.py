"""Trio's own streams, which echo bytes and know no WebSocket."""

from contextlib import suppress
from functools import partial

import trio

from .task import read_task

TASK = read_task()


async def echo(stream: trio.abc.Stream) -> None:
    async with stream:
        with suppress(trio.BrokenResourceError):  # a load does not say goodbye in TLS's way
            while data := await stream.receive_some():
                await stream.send_all(data)


async def main() -> None:
    serve = partial(trio.serve_tcp, echo, 0, host="127.0.0.1")
    if TASK.tls:
        serve = partial(trio.serve_ssl_over_tcp, echo, 0, TASK.tls, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(serve)
        listener = listeners[0].transport_listener if TASK.tls else listeners[0]
        print(listener.socket.getsockname()[1], flush=True)


trio.run(main)
