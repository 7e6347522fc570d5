"""Conversations over real sockets."""

from __future__ import annotations

import json
import time

import pytest
import trio

import rawws
from rawws.chat import session
from tests.chat.support import (
    close_code,
    join,
    open_presence,
    open_raw,
    open_talk,
    receive,
    say,
    send,
    wait_for_people,
)


async def test_message_goes_to_everybody_in_the_room_and_to_nobody_else(
    chat: rawws.Server,
) -> None:
    async with open_talk(chat) as ada, open_talk(chat) as grace, open_talk(chat) as linus:
        answer = await join(ada, "Ada")
        assert answer == {
            "type": "joined",
            "name": "Ada",
            "room": "lobby",
            "secret": answer["secret"],
        }
        await join(grace, "Grace", "LOBBY")
        await join(linus, "Linus", "elsewhere")

        before = int(time.time() * 1000)
        await say(ada, "hello <b>")
        heard = await receive(grace)
        assert heard == {
            "type": "message",
            "room": "lobby",
            "author": "Ada",
            "text": "hello <b>",
            "time": heard["time"],
        }
        assert before <= heard["time"] <= int(time.time() * 1000)
        assert await receive(ada) == heard

        await say(linus, "anybody?")
        assert (await receive(linus))["author"] == "Linus"


async def test_join_is_answered_before_anything_that_is_said_later(chat: rawws.Server) -> None:
    async with open_talk(chat) as ada, open_talk(chat) as grace:
        await join(ada, "Ada")
        await send(grace, type="join", name="Grace", room="lobby")
        await say(grace, "hi")
        assert [(await receive(grace))["type"] for _ in range(2)] == ["joined", "message"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\xff\x00", "bad-frame"),
        ("[" * 50_000, "bad-frame"),
        ('{"type": "say", "text": NaN}', "bad-frame"),
        (r'{"type": "say", "text": "\ud800"}', "bad-frame"),
        ('{"type": "join", "name": 1e999, "room": {}}', "bad-frame"),
        ('{"type": "say", "text": "' + "x" * 4001 + '"}', "bad-text"),
        ('{"type": "join", "name": "system", "room": "lobby"}', "name-reserved"),
        ('{"type": "join", "name": "Grace", "room": "lobby"}', "name-taken"),
        ('{"type": "say", "text": "hi"}', "not-joined"),
    ],
)
async def test_bad_request_is_answered_with_an_error_and_nobody_else_notices(
    chat: rawws.Server, frame: str | bytes, code: str
) -> None:
    async with open_talk(chat) as grace, open_talk(chat) as attacker:
        await join(grace, "Grace")
        await attacker.send(frame)
        error = await receive(attacker)
        assert (error["type"], error["code"]) == ("error", code)

        assert (await join(attacker, "Mallory"))["type"] == "joined"
        await say(attacker, "hello")
        assert (await receive(grace))["text"] == "hello"


async def test_second_join_on_a_connection_is_refused(chat: rawws.Server) -> None:
    async with open_talk(chat) as ada:
        await join(ada, "Ada")
        assert (await join(ada, "Eve"))["code"] == "joined-already"


async def test_message_over_the_limit_ends_only_its_sender(chat: rawws.Server) -> None:
    async with open_talk(chat) as grace, open_talk(chat) as attacker:
        await join(grace, "Grace")
        await join(attacker, "Mallory")
        await attacker.send("x" * 70_000)
        assert await close_code(attacker) == 1009
        await say(grace, "still here")
        assert (await receive(grace))["text"] == "still here"


async def test_flood_is_warned_then_closed_with_1008_and_leaves_the_room(
    chat: rawws.Server,
) -> None:
    async with open_presence(chat) as watcher, open_talk(chat) as attacker:
        await join(attacker, "Mallory")
        await wait_for_people(watcher, "Mallory")
        try:
            for number in range(200):
                await say(attacker, str(number))
        except rawws.ConnectionClosed:
            pass
        warned = False
        with pytest.raises(rawws.ConnectionBroken):
            while True:
                warned |= (await receive(attacker)).get("code") == "too-fast"
        assert warned
        assert await close_code(attacker) == 1008
        await wait_for_people(watcher)


async def test_name_is_free_again_when_its_connection_ends(chat: rawws.Server) -> None:
    async with open_presence(chat) as watcher:
        async with open_talk(chat) as ada:
            await join(ada, "Ada")
            await wait_for_people(watcher, "Ada")
        await wait_for_people(watcher)
        async with open_talk(chat) as ada:
            assert (await join(ada, "Ada"))["type"] == "joined"


async def test_name_is_free_again_when_its_connection_is_lost(chat: rawws.Server) -> None:
    async with open_presence(chat) as watcher:
        with await open_raw(chat) as lost:
            lost.send(type="join", name="Ada", room="lobby")
            await wait_for_people(watcher, "Ada")
        await wait_for_people(watcher)


async def test_secret_takes_the_name_over_from_a_connection_that_is_still_open(
    chat: rawws.Server,
) -> None:
    async with open_talk(chat) as old, open_talk(chat) as new, open_talk(chat) as thief:
        secret = (await join(old, "Ada"))["secret"]
        assert (await join(thief, "Ada", secret="guess"))["code"] == "name-taken"
        assert (await join(new, "Ada", secret=secret))["type"] == "joined"
        assert await close_code(old) == session.TAKEN_OVER
        await say(new, "me again")
        assert (await receive(new))["author"] == "Ada"


async def test_name_is_taken_over_from_a_connection_that_does_not_answer(
    chat: rawws.Server,
) -> None:
    with await open_raw(chat) as old:
        old.send(type="join", name="Ada", room="lobby")
        secret = json.loads((await trio.to_thread.run_sync(old.receive))[1])["secret"]
        async with open_talk(chat) as new:
            assert (await join(new, "Ada", secret=secret))["type"] == "joined"
            await say(new, "me again")
            assert (await receive(new))["author"] == "Ada"


async def test_member_who_does_not_read_is_closed_and_delays_nobody(
    chat: rawws.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "BURST", 1e6)
    text = "小" * 4000
    async with open_presence(chat) as watcher, open_talk(chat) as ada, open_talk(chat) as grace:
        with await open_raw(chat) as jammed:
            jammed.send(type="join", name="Jammed", room="lobby")
            await wait_for_people(watcher, "Jammed")
            await join(ada, "Ada")
            await join(grace, "Grace")
            await wait_for_people(watcher, "Ada", "Grace", "Jammed")
            for _ in range(1000):
                await say(ada, text)
                assert (await receive(grace))["text"] == text
                await receive(ada)
            await wait_for_people(watcher, "Ada", "Grace")
