"""`rawws echo`: a server to try a client against."""

from __future__ import annotations

from dataclasses import dataclass

import rawws


async def echo(host: str, port: int) -> None:
    """Serves until cancelled, and prints its URL once it listens.

    Args:
        host: address or name to listen on.
        port: TCP port, 0 for a free one.

    Raises:
        OSError: it cannot listen there.
    """
    await rawws.serve(_send_back, port, host=host, task_status=_Announcement(host))


async def _send_back(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


@dataclass(frozen=True)
class _Announcement:
    """A task status that prints the URL when the server has started."""

    host: str

    def started(self, server: rawws.Server) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        print(f"ws://{host}:{server.port}/", flush=True)
