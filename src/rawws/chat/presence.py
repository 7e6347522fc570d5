"""Who is there: a push that only sends.

A page opens /presence?room=... beside its conversation and is sent the list of people at once
and after every change. Changes that come together are told together: the first of them goes
out right away, then lists of a room are `INTERVAL` apart at least, so that five hundred people
who come at once do not cost five hundred lists for each.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

import rawws

from . import wire
from .names import key

INTERVAL = 0.1


class Presence:
    """Those who watch a room's list of people.

    Args:
        people: tells who is in a room.
    """

    def __init__(self, people: Callable[[str], list[str]]) -> None:
        self._people = people
        self._watchers: dict[str, set[rawws.WebSocket]] = {}
        self._changed: dict[str, str] = {}
        self._wake = trio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._watchers.values()))

    def changed(self, room: str) -> None:
        """Somebody came to a room or left it; `publish` will tell."""
        if key(room) in self._watchers:
            self._changed[key(room)] = room
            self._wake.set()

    async def publish(self) -> None:
        """Tell changes to those who watch, for as long as the chat runs."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            changed, self._changed = self._changed, {}
            for room_key, room in changed.items():
                watchers = self._watchers.get(room_key, ())
                rawws.broadcast(watchers, wire.encode_people(room, self._people(room)))
            await trio.sleep(INTERVAL)

    async def watch(self, ws: rawws.WebSocket, room: str) -> None:
        """Send the list now and after each change, until the connection is closed."""
        watchers = self._watchers.setdefault(key(room), set())
        watchers.add(ws)
        try:
            # Without a wait, so that a newer list cannot go out before this one.
            ws.send_nowait(wire.encode_people(room, self._people(room)))
            await ws.wait_closed()
        finally:
            watchers.discard(ws)
            if not watchers and self._watchers.get(key(room)) is watchers:
                del self._watchers[key(room)]
