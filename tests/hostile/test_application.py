"""Rows 34 to 37: what an application does to its own connections.

Here it is the handler of a real server that is cancelled. Every checkpoint of every call,
over every kind of stream, is tests/transport/test_cancellation*.py.
"""

from __future__ import annotations

import logging
import zlib
from functools import partial
from random import Random

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from tests.hostile.support import FIN, RSV1, Target, echo, masked, under_attack
from tests.transport.checkpoints import Point
from tests.transport.raw import BINARY, CLOSE, HOST, RawPeer, close_of

CANCELLED = 200
OFFER = {"Sec_WebSocket_Extensions": "permessage-deflate"}
LIMITS = rawws.Limits(send_buffer=20_000)


class Cancelling:
    """A handler that cancels most of what it does; honest clients get their echo.

    Attributes:
        sent: the messages whose `send` returned.
        got: the messages that `receive` returned.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.got: list[str | bytes] = []
        self._random = Random(34)

    async def __call__(self, ws: rawws.WebSocket) -> None:
        paths = {"/send": self._send, "/receive": self._receive}
        await paths.get(ws.request.target, echo)(ws)

    def _somewhere(self) -> Point:
        return Point(self._random.randrange(4), self._random.choice(("asleep", "awake")))

    async def _send(self, ws: rawws.WebSocket) -> None:
        cancelled = 0
        while cancelled < CANCELLED:
            message = self._random.randbytes(100) * self._random.choice((1, 10, 300))
            with self._somewhere().cancels() as scope:
                await ws.send(message)
            if scope.cancelled_caught:
                cancelled += 1
            else:
                self.sent.append(message)

    async def _receive(self, ws: rawws.WebSocket) -> None:
        while b"end" not in self.got:
            with self._somewhere().cancels():
                self.got.append(await ws.receive())


async def read_slowly(peer: RawPeer) -> list[bytes]:
    """The messages up to the Close, of a peer that is slower than the server."""
    inflate = zlib.decompressobj(-15)
    messages = []
    while (found := await peer.next_frame()).opcode != CLOSE:
        assert found.opcode == BINARY
        payload = found.payload
        if found.first & RSV1:
            payload = inflate.decompress(payload + b"\0\0\xff\xff")
        messages.append(payload)
        await trio.lowlevel.checkpoint()
    return messages


@pytest.mark.parametrize("headers", [{}, OFFER], ids=["row 34, plain", "row 35, compressed"])
async def test_rows_34_and_35_cancelled_sends_tear_no_frame_and_break_no_compression(
    headers: dict[str, str],
) -> None:
    handler = Cancelling()
    async with under_attack(handler, limits=LIMITS) as target:
        peer = await target.open(path="/send", **headers)
        assert await read_slowly(peer) == handler.sent
        assert len(handler.sent) > 10


async def test_row_36_cancelled_receives_lose_and_double_nothing() -> None:
    handler = Cancelling()
    messages = [*(b"%d" % number for number in range(CANCELLED)), b"end"]
    async with under_attack(handler) as target:
        peer = await target.open(path="/receive")
        for message in messages:
            await peer.send(masked(FIN | BINARY, message))
            await trio.lowlevel.checkpoint()
        assert (await peer.next_frame()).opcode == CLOSE
    assert handler.got == messages


# -- row 37


async def raise_group(*errors: Exception) -> None:
    """Raise errors as a nursery does."""

    async def raise_one(error: Exception) -> None:
        raise error

    async with trio.open_nursery() as nursery:
        for error in errors:
            nursery.start_soon(raise_one, error)
        nursery.start_soon(trio.sleep_forever)


ENDED = rawws.ConnectionEnded(None, None)
BROKEN = rawws.ConnectionBroken(None, None)
RAISED: dict[str, tuple[list[Exception], int]] = {
    "error": ([ValueError("a bug")], 1011),
    "errors": ([ValueError("a bug"), KeyError("another")], 1011),
    "error beside the end": ([ENDED, ValueError("a bug")], 1011),
    "end": ([ENDED], 1000),
    "both ends": ([ENDED, BROKEN], 1000),
    "connection that is not closed": ([trio.ClosedResourceError()], 1011),
}


@pytest.mark.parametrize("name", list(RAISED))
@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_row_37_handler_that_raises_is_1011_and_logged_and_others_go_on(
    name: str, depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    errors, code = RAISED[name]

    async def handler(ws: rawws.WebSocket) -> None:
        if ws.request.target == "/":
            await echo(ws)
        elif depth == 0:
            raise errors[-1]
        elif depth == 1:
            await raise_group(*errors)
        else:
            await raise_group(ExceptionGroup("", errors))

    async with under_attack(handler) as target:
        other = await target.open()
        assert (await target.attack(masked(FIN | CLOSE), path="/raise"))[0] == code
        await other.send(masked(FIN | BINARY, b"still here"))
        assert await other.next_message() == b"still here"
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == (code == 1011)
    assert all(record.exc_info for record in logged)


@pytest.mark.parametrize(
    ("errors", "code"),
    [([], 1001), ([ValueError("a bug")], 1011), ([ENDED], 1001), ([ENDED, KeyError()], 1011)],
    ids=["nothing else", "error", "end", "end and error"],
)
async def test_row_37_cancellation_in_a_group_passes_and_nothing_else_does(
    errors: list[Exception], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def raise_when_cancelled(error: Exception) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise error

    async def handler(ws: rawws.WebSocket) -> None:
        async with trio.open_nursery() as nursery:
            if ws.request.target == "/raise":
                for error in errors:
                    nursery.start_soon(raise_when_cancelled, error)
            nursery.start_soon(trio.sleep_forever)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(rawws.serve, handler, 0, host=HOST))
        target = Target(server)
        peers = [await target.open(path="/raise"), await target.open(path="/other")]
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    codes = [close_of(await peer.next_frame())[0] for peer in peers]
    target.hang_up()
    assert codes == [code, 1001]
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == (code == 1011)
