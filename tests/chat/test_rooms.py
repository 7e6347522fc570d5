"""Rooms and who is in them."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from rawws.chat.errors import ChatError
from rawws.chat.names import key
from rawws.chat.rooms import Member, Rooms


def test_room_is_there_while_somebody_is_in_it() -> None:
    rooms: Rooms[str] = Rooms()
    ada, _ = rooms.join("lobby", "Ada", "a")
    grace, _ = rooms.join("Lobby", "Grace", "g")
    assert len(rooms) == 1
    assert rooms.people("LOBBY") == ["Ada", "Grace"]
    assert sorted(ada.room.connections()) == ["a", "g"]

    assert rooms.leave(ada)
    assert rooms.people("lobby") == ["Grace"]
    assert rooms.leave(grace)
    assert rooms.people("lobby") == []
    assert len(rooms) == 0


def test_room_keeps_the_name_that_the_first_gave_it() -> None:
    rooms: Rooms[str] = Rooms()
    rooms.join("Lobby", "Ada", "a")
    member, _ = rooms.join("lobby", "Grace", "g")
    assert member.room.name == "Lobby"


@pytest.mark.parametrize("name", ["Ada", "ADA", "\uff41\uff44\uff41"])
def test_name_is_unique_in_its_room(name: str) -> None:
    rooms: Rooms[str] = Rooms()
    rooms.join("lobby", "Ada", "a")
    with pytest.raises(ChatError, match="name-taken"):
        rooms.join("lobby", name, "b")
    rooms.join("elsewhere", name, "b")


@pytest.mark.parametrize("secret", ["", "wrong", "é"])
def test_wrong_secret_takes_nothing_over(secret: str) -> None:
    rooms: Rooms[str] = Rooms()
    rooms.join("lobby", "Ada", "a")
    with pytest.raises(ChatError, match="name-taken"):
        rooms.join("lobby", "Ada", "b", secret)
    assert rooms.people("lobby") == ["Ada"]


def test_secret_takes_the_name_over_at_once_and_again() -> None:
    rooms: Rooms[str] = Rooms()
    first, nobody = rooms.join("lobby", "Ada", "a")
    assert nobody is None
    second, former = rooms.join("lobby", "ada", "b", first.secret)
    assert former == "a"
    third, former = rooms.join("lobby", "Ada", "c", first.secret)
    assert former == "b"

    assert not rooms.leave(first)
    assert not rooms.leave(second)
    assert rooms.people("lobby") == ["Ada"]
    assert third.room.connections() == ["c"]
    assert rooms.leave(third)
    assert not rooms.leave(third)


def test_secret_of_who_has_left_is_worth_nothing() -> None:
    rooms: Rooms[str] = Rooms()
    first, _ = rooms.join("lobby", "Ada", "a")
    rooms.leave(first)
    rooms.join("lobby", "Ada", "b")
    with pytest.raises(ChatError, match="name-taken"):
        rooms.join("lobby", "Ada", "a", first.secret)


def test_full_room_and_full_house_are_refused_without_a_trace() -> None:
    rooms: Rooms[str] = Rooms(max_rooms=1, max_members=2)
    ada, _ = rooms.join("lobby", "Ada", "a")
    rooms.join("lobby", "Grace", "g")
    with pytest.raises(ChatError, match="room-full"):
        rooms.join("lobby", "Linus", "l")
    with pytest.raises(ChatError, match="too-many-rooms"):
        rooms.join("elsewhere", "Linus", "l")
    assert rooms.people("lobby") == ["Ada", "Grace"]
    assert len(rooms) == 1
    assert rooms.join("lobby", "Ada", "b", ada.secret)[1] == "a"


def test_late_leave_does_not_touch_a_new_room_of_the_same_name() -> None:
    rooms: Rooms[str] = Rooms()
    old, _ = rooms.join("lobby", "Ada", "a")
    rooms.leave(old)
    rooms.join("lobby", "Ada", "b")
    assert not rooms.leave(old)
    assert rooms.people("lobby") == ["Ada"]


class ManyPeople(RuleBasedStateMachine):
    """Rooms against a plain dictionary."""

    members = Bundle("members")
    names = st.sampled_from(["Ada", "ada", "\uff21\uff24\uff21", "Grace", "Linus"])
    places = st.sampled_from(["one", "One", "two", "three"])

    def __init__(self) -> None:
        super().__init__()
        self.rooms: Rooms[int] = Rooms(max_rooms=2, max_members=2)
        self.model: dict[str, dict[str, int]] = {}
        self.count = 0

    @rule(target=members, room=places, name=names)
    def join(self, room: str, name: str) -> Member[int] | None:
        self.count += 1
        people = self.model.get(key(room), {})
        full = len(self.model) == 2 if not people else len(people) == 2
        try:
            member, former = self.rooms.join(room, name, self.count)
        except ChatError:
            assert full or key(name) in people
            return None
        assert not full
        assert key(name) not in people
        assert former is None
        self.model.setdefault(key(room), {})[key(name)] = self.count
        return member

    @rule(member=consumes(members))
    def leave(self, member: Member[int] | None) -> None:
        if member is not None:
            assert self.rooms.leave(member)
            people = self.model[key(member.room.name)]
            del people[key(member.name)]
            if not people:
                del self.model[key(member.room.name)]

    @invariant()
    def agree(self) -> None:
        assert len(self.rooms) == len(self.model)
        for room in ("one", "two", "three"):
            assert [key(name) for name in self.rooms.people(room)] == sorted(
                self.model.get(room, {})
            )


TestManyPeople = ManyPeople.TestCase
