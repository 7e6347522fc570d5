"""One conversation: a connection on /ws, from its first frame to its last.

Everything that changes what others see happens without a wait in between, so a session is
never seen half joined. Only answers to the client itself are waited for; a client that does not
read them delays nobody but itself.
"""

from __future__ import annotations

import time

import trio

import rawws

from . import wire
from .errors import ChatError
from .pace import Bucket
from .presence import Presence
from .rooms import Member, Rooms

RATE = 5.0
"""Frames a second that a client may send in the long run."""
BURST = 20.0
"""Frames that it may send at once."""
PATIENCE = 40.0
"""Frames beyond that, each refused with an error, until it is closed with 1008."""

POLICY_VIOLATION = 1008
TAKEN_OVER = 4001


class Session:
    """What the server knows of one client.

    Args:
        ws: its connection.
        rooms: all rooms.
        presence: is told when people come and go.
    """

    def __init__(self, ws: rawws.WebSocket, rooms: Rooms[Session], presence: Presence) -> None:
        self.ws = ws
        self._rooms = rooms
        self._presence = presence
        self._member: Member[Session] | None = None
        self._bucket = Bucket(RATE, BURST, trio.current_time())
        self._scope = trio.CancelScope()
        self._farewell: tuple[int, str] | None = None

    async def run(self) -> None:
        """Converse until the connection ends, the client floods, or its name is taken over.

        Raises:
            rawws.ConnectionClosed: when the connection did not end cleanly.
        """
        try:
            with self._scope:
                await self._converse()
        finally:
            self._leave()
        if self._farewell is not None:
            await self.ws.aclose(*self._farewell)

    async def _converse(self) -> None:
        async for frame in self.ws:
            balance = self._bucket.spend(trio.current_time())
            if balance < -PATIENCE:
                self._farewell = (POLICY_VIOLATION, "too many messages")
                return
            try:
                if balance < 0:
                    raise ChatError("too-fast", "You are sending too fast; wait a moment.")
                self._handle(wire.parse(frame))
            except ChatError as error:
                await self.ws.send(wire.encode_error(error))

    def _handle(self, request: wire.Request) -> None:
        if isinstance(request, wire.Join):
            self._join(request)
        else:
            self._say(request)

    def _join(self, request: wire.Join) -> None:
        if self._member is not None:
            raise ChatError("joined-already", "You are in a room already.")
        member, former = self._rooms.join(request.room, request.name, self, request.secret)
        self._member = member
        if former is not None:
            former._end(TAKEN_OVER, "joined again from elsewhere")
        # Not awaited: what is said in the room from now on has to come after it.
        answer = wire.encode_joined(member.name, member.room.name, member.secret)
        rawws.broadcast((self.ws,), answer)
        self._presence.changed(member.room.name)

    def _say(self, request: wire.Say) -> None:
        member = self._member
        if member is None:
            raise ChatError("not-joined", "Join a room first.")
        now = int(time.time() * 1000)
        message = wire.encode_message(member.room.name, member.name, request.text, now)
        rawws.broadcast([session.ws for session in member.room.connections()], message)

    def _end(self, code: int, reason: str) -> None:
        self._farewell = (code, reason)
        self._scope.cancel()

    def _leave(self) -> None:
        if self._member is not None and self._rooms.leave(self._member):
            self._presence.changed(self._member.room.name)
