"""Who is there, told to those who watch."""

from __future__ import annotations

from functools import partial

import pytest
import trio

import rawws
from rawws.chat.presence import Presence
from tests.chat.support import join, open_presence, open_talk, receive


async def test_watcher_gets_the_list_at_once_and_after_every_change(chat: rawws.Server) -> None:
    async with open_talk(chat) as ada:
        await join(ada, "Ada")
        async with open_presence(chat, "LOBBY") as watcher:
            assert (await receive(watcher))["people"] == ["Ada"]
            async with open_talk(chat) as grace:
                await join(grace, "Grace")
                assert await receive(watcher) == {
                    "type": "people",
                    "room": "lobby",
                    "people": ["Ada", "Grace"],
                }
            assert (await receive(watcher))["people"] == ["Ada"]


async def test_watcher_of_one_room_hears_nothing_of_another(chat: rawws.Server) -> None:
    async with open_presence(chat) as watcher, open_talk(chat) as ada, open_talk(chat) as grace:
        assert (await receive(watcher))["people"] == []
        await join(ada, "Ada", "elsewhere")
        await join(grace, "Grace")
        assert (await receive(watcher))["people"] == ["Grace"]


@pytest.mark.parametrize(
    "query", ["", "?room=", "?room=%00", "?room=%ff", "?room=a&room=b", "?x=1"]
)
async def test_list_of_no_room_is_refused_with_400(chat: rawws.Server, query: str) -> None:
    with pytest.raises(rawws.HandshakeRejected) as refusal:
        async with rawws.connect(f"ws://127.0.0.1:{chat.port}/presence{query}"):
            pass
    assert refusal.value.response.status == 400


async def test_changes_that_come_together_are_told_together(nursery: trio.Nursery) -> None:
    people: list[str] = []
    presence = Presence(lambda room: list(people))
    nursery.start_soon(presence.publish)

    async def watch(ws: rawws.WebSocket) -> None:
        await presence.watch(ws, "lobby")

    server = await nursery.start(partial(rawws.serve, watch, 0, host="127.0.0.1"))
    async with open_presence(server) as watcher:
        assert (await receive(watcher))["people"] == []
        for number in range(50):
            people.append(str(number))
            presence.changed("lobby")
        assert (await receive(watcher))["people"] == people
        people.clear()
        presence.changed("lobby")
        assert (await receive(watcher))["people"] == []
        assert len(presence) == 1


async def test_watcher_who_is_gone_is_forgotten(nursery: trio.Nursery) -> None:
    presence = Presence(lambda room: [])
    gone = trio.Event()

    async def watch(ws: rawws.WebSocket) -> None:
        try:
            await presence.watch(ws, "lobby")
        finally:
            gone.set()

    server = await nursery.start(partial(rawws.serve, watch, 0, host="127.0.0.1"))
    async with open_presence(server) as watcher:
        await receive(watcher)
    with trio.fail_after(10):
        await gone.wait()
    assert len(presence) == 0
