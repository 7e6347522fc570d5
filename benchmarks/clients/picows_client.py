"""picows, as it comes."""

import asyncio

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from ..loop import run
from .task import MESSAGE, read_task

TASK = read_task()


class Echo(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.BINARY, MESSAGE)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        frame.get_payload_as_bytes()
        TASK.messages += 1
        transport.send(WSMsgType.BINARY, MESSAGE)


async def main() -> None:
    for _ in range(TASK.connections):
        await ws_connect(Echo, TASK.url)
    await TASK.report(asyncio.sleep)


run(main(), TASK.uvloop)
