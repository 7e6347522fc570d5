"""The chat as a server: one port, pages on it, and two WebSocket endpoints.

/ws is a conversation (`session`), /presence?room=... a push of who is there (`presence`).
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import parse_qs

import trio

import rawws

from .errors import ChatError
from .names import clean_room
from .pages import Pages, refuse
from .presence import Presence
from .rooms import Rooms
from .session import Session
from .wire import MAX_FRAME

CONVERSATION = "/ws"
PRESENCE = "/presence"

LIMITS = rawws.Limits(max_message_size=MAX_FRAME, receive_buffer=2 * MAX_FRAME, send_buffer=2**18)
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


class Chat:
    """Everything there is in one running chat."""

    def __init__(self) -> None:
        self.rooms: Rooms[Session] = Rooms()
        self.presence = Presence(self.rooms.people)
        self._pages = Pages()

    async def answer(self, request: rawws.Request) -> rawws.Response | None:
        """Serve a page, or let an upgrade to one of the endpoints go on."""
        if request.path == CONVERSATION:
            return None
        if request.path == PRESENCE:
            try:
                request.state.room = _parse_room(request.query)
            except ChatError as error:
                return refuse(400, f"{error.message}\n")
            return None
        return self._pages.answer(request.method, request.path)

    async def handle(self, ws: rawws.WebSocket) -> None:
        """Serve one WebSocket."""
        if ws.request.path == PRESENCE:
            await self.presence.watch(ws, ws.request.state.room)
        else:
            await Session(ws, self.rooms, self.presence).run()


async def serve(
    host: str,
    port: int,
    *,
    task_status: trio.TaskStatus[rawws.Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a chat until it is cancelled or its server is closed.

    On a loopback address only requests for a loopback name are answered: a page from elsewhere
    whose name was made to point here is none of ours.

    Args:
        host: address to listen on.
        port: 0 lets the system choose.
        task_status: gets the `rawws.Server` once it listens.
    """
    chat = Chat()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat.presence.publish)
        await rawws.serve(
            chat.handle,
            port,
            host=host,
            hosts=(*LOOPBACK_NAMES, host) if is_loopback(host) else None,
            on_request=chat.answer,
            limits=LIMITS,
            task_status=task_status,
        )
        nursery.cancel_scope.cancel()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _parse_room(query: str) -> str:
    try:
        rooms = parse_qs(query, errors="strict", max_num_fields=8).get("room", [])
    except ValueError:  # bad UTF-8, too many fields
        rooms = []
    if len(rooms) != 1:
        raise ChatError("bad-room", "Please give a room.")
    return clean_room(rooms[0])
