"""One message to many connections, encoded once."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.conversation import State
from ..core.encoder import Data, encode_payload
from .websocket import WebSocket


def broadcast(websockets: Iterable[WebSocket], value: Data, *, text: bool | None = None) -> None:
    """Send `value` to each of `websockets`, without waiting for any of them.

    Connections that are closed or closing are passed over. One whose outbox is full
    (`Limits.send_buffer`) cannot keep up: the frame that has begun is finished, those that
    wait are dropped, and it is closed with 1008. The message goes out uncompressed.

    Args:
        websockets: may change afterwards, but not meanwhile.
        value: the message, as for `WebSocket.send`.
        text: as for `WebSocket.send`.

    Raises:
        LocalProtocolError: `value` cannot be sent; nobody was sent anything.
    """
    opcode, payload = encode_payload(value, text)
    unmasked: bytes | None = None
    for websocket in websockets:
        connection = websocket._connection
        protocol = connection.protocol
        if protocol.state is not State.OPEN:
            continue
        if protocol.masks:
            connection.post(protocol.frame(opcode, payload))
        else:
            unmasked = unmasked or protocol.frame(opcode, payload)
            connection.post(unmasked)
