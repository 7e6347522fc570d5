"""picows, as it comes."""

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from ..loop import run
from .task import read_task

TASK = read_task()
connections: set[WSTransport] = set()


class Echo(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


class Broadcast(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        connections.add(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            message = frame.get_payload_as_bytes()
            for each in connections:
                each.send(frame.msg_type, message)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        connections.discard(transport)


def listener(request: WSUpgradeRequest) -> WSListener:
    return Broadcast() if TASK.broadcasts else Echo()


async def main() -> None:
    server = await ws_create_server(listener, "127.0.0.1", 0, ssl=TASK.tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


run(main(), TASK.uvloop)
