"""Rooms, and who is in them. No input or output here, and nothing that waits.

A room is there while somebody is in it. Names are unique in a room, as `names.key` compares
them. Whoever joins gets a secret; with it the name can be taken over from a connection that is
not yet known to be dead, such as that of a page which is just being reloaded.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .errors import ChatError
from .names import key

MAX_ROOMS = 1000
MAX_MEMBERS = 500

Connection = TypeVar("Connection")


@dataclass(eq=False, slots=True)
class Member(Generic[Connection]):
    """Somebody in a room.

    Attributes:
        name: as it is shown.
        room: the one they are in.
        connection: whatever reaches them.
        secret: with which they can take their name over.
    """

    name: str
    room: Room[Connection]
    connection: Connection
    secret: str


@dataclass(eq=False, slots=True)
class Room(Generic[Connection]):
    """A room with somebody in it.

    Attributes:
        name: as the first to come wrote it.
        members: by the key of their names.
    """

    name: str
    members: dict[str, Member[Connection]] = field(default_factory=dict)

    def connections(self) -> list[Connection]:
        """Whatever reaches everybody in the room."""
        return [member.connection for member in self.members.values()]


class Rooms(Generic[Connection]):
    """All rooms, by the key of their names.

    Args:
        max_rooms: how many there can be at once.
        max_members: how many people one can hold.
    """

    def __init__(self, *, max_rooms: int = MAX_ROOMS, max_members: int = MAX_MEMBERS) -> None:
        self._rooms: dict[str, Room[Connection]] = {}
        self._max_rooms = max_rooms
        self._max_members = max_members

    def __len__(self) -> int:
        return len(self._rooms)

    def join(
        self, room_name: str, name: str, connection: Connection, secret: str = ""
    ) -> tuple[Member[Connection], Connection | None]:
        """Enter a room, which is made if it is not there.

        Returns:
            the new member, and the connection that had the name until now, if any had.

        Raises:
            ChatError: "name-taken", "room-full", "too-many-rooms"; nothing has changed.
        """
        room = self._rooms.get(key(room_name))
        if room is None:
            if len(self._rooms) >= self._max_rooms:
                raise ChatError("too-many-rooms", "There are too many rooms; try one of them.")
            room = Room(room_name)
        name_key = key(name)
        holder = room.members.get(name_key)
        if holder is None:
            if len(room.members) >= self._max_members:
                raise ChatError("room-full", "The room is full.")
            secret = secrets.token_urlsafe(16)
        elif not hmac.compare_digest(holder.secret.encode(), secret.encode()):
            raise ChatError("name-taken", "Somebody in the room has that name already.")
        member = Member(name, room, connection, secret)
        room.members[name_key] = member
        self._rooms[key(room.name)] = room
        return member, holder.connection if holder else None

    def leave(self, member: Member[Connection]) -> bool:
        """Leave the room; it goes with the last one.

        Returns:
            False when the member had left before, or another connection took the name over.
        """
        room, name_key = member.room, key(member.name)
        if room.members.get(name_key) is not member:
            return False
        del room.members[name_key]
        if not room.members:
            del self._rooms[key(room.name)]
        return True

    def people(self, room_name: str) -> list[str]:
        """The names of who is in a room, sorted; none when there is no such room."""
        room = self._rooms.get(key(room_name))
        return [member.name for _, member in sorted(room.members.items())] if room else []
