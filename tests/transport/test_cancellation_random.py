"""Everything at once on one connection, cancelled at random, against a slow and strict peer.

RAWWS_CANCELLATIONS says how many sends are cancelled over all tests of this file, 3,000 if it
is not set.
"""

from __future__ import annotations

import os
from collections import defaultdict
from random import Random

import trio

import rawws
from tests.transport.checkpoints import Point
from tests.transport.raw import BINARY, CLOSE, PING
from tests.transport.strict import (
    KINDS,
    ROLES,
    StrictPeer,
    either_form,
    either_role,
    every_kind,
    open_strict,
)

CONTINUATION = 0
SENDERS = 3
CASES = len(KINDS) * len(ROLES) * 2
CANCELLED = int(os.environ.get("RAWWS_CANCELLATIONS", "3000")) // CASES + 1
LIMITS = rawws.Limits(send_buffer=5000, receive_buffer=5000)
# The largest are more than the kernel takes at once, so that frames are cut.
SIZES = (0, 10, 10, 100, 1000, 3000, 40_000)


class Storm:
    """Senders, a receiver and a pinger on one WebSocket, each cancelled again and again."""

    def __init__(self, ws: rawws.WebSocket, peer: StrictPeer, seed: str) -> None:
        self._ws = ws
        self._peer = peer
        self._random = Random(seed)
        self._noise = self._random.randbytes(max(SIZES))
        self._pings = True
        self.cancelled = 0
        self.sent: dict[bytes, list[bytes]] = defaultdict(list)
        self.said: list[bytes] = []
        self.got: list[str | bytes] = []

    async def run(self) -> None:
        async with trio.open_nursery() as peers:
            peers.start_soon(self._read_slowly)
            async with trio.open_nursery() as pingers:
                pingers.start_soon(self._ping)
                async with trio.open_nursery() as nursery:
                    for number in range(SENDERS):
                        nursery.start_soon(self._send, b"%d" % number)
                    nursery.start_soon(self._say)
                    nursery.start_soon(self._receive)
                self._pings = False
            peers.cancel_scope.cancel()

    def _somewhere(self) -> Point:
        return Point(self._random.randrange(5), self._random.choice(("asleep", "awake")))

    def _message(self, name: bytes, number: int) -> bytes:
        size = self._random.choice(SIZES)
        return b"%s|%d|" % (name, number) + self._noise[:size]

    async def _send(self, name: bytes) -> None:
        number = cancelled = 0
        while cancelled < CANCELLED / SENDERS:
            number += 1
            message = self._message(name, number)
            if number % 10 == 0:  # in pieces; not cancelled, for that ends the connection
                await self._ws.send_stream([message[:5], message[5:1000], message[1000:]])
                self.sent[name].append(message)
                continue
            with self._somewhere().cancels() as scope:
                await self._ws.send(message)
            if scope.cancelled_caught:
                cancelled += 1
            else:
                self.sent[name].append(message)
        self.cancelled += cancelled

    async def _say(self) -> None:
        for number in range(CANCELLED // 3):
            self.said.append(self._message(b"peer", number))
            await self._peer.say(self.said[-1])

    async def _receive(self) -> None:
        while len(self.got) < CANCELLED // 3:
            with self._somewhere().cancels():
                self.got.append(await self._ws.receive())

    async def _ping(self) -> None:
        while self._pings:
            with self._somewhere().cancels():
                await self._ws.ping()
            await trio.lowlevel.checkpoint()

    async def _read_slowly(self) -> None:
        while True:
            await self._peer.read(self._random.randrange(1, 5000))


@every_kind
@either_role
@either_form
async def test_random_cancellations_tear_lose_and_double_nothing(
    kind: str, role: str, compressed: bool
) -> None:
    async with open_strict(kind, role, compressed=compressed, limits=LIMITS) as (ws, peer):
        storm = Storm(ws, peer, f"{kind} {role} {compressed}")
        await storm.run()
        async with peer.reading():
            await ws.send(b"the end")
            assert await ws.ping() >= 0
        assert storm.cancelled >= CANCELLED
        assert storm.got == storm.said
        arrived: dict[bytes, list[bytes]] = defaultdict(list)
        for message in peer.messages[:-1]:
            arrived[message[:1]].append(message)
        assert arrived == storm.sent
        assert peer.messages[-1] == b"the end"
        assert ws._connection.outbox.size == 0
        async with peer.reading():
            await ws.aclose()
        assert peer.is_content
        assert set(peer.opcodes()) == {CONTINUATION, BINARY, CLOSE, PING}
        assert ws.closed == rawws.Close(1000, "", "local")
