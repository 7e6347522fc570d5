"""Handlers: what their ends mean, to the peer, to the log and to everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from tests.transport.raw import CLOSE, PATIENCE, RawPeer, frame, request
from tests.transport.support import MemoryListener, Way, complaints, open_raw


@pytest.fixture
async def dial(way: Way, nursery: trio.Nursery) -> AsyncIterator[Any]:
    """`dial(handler)` starts a server and gives a raw client of it."""
    peers: list[RawPeer] = []

    async def dial(handler: Any, **options: Any) -> RawPeer:
        server = await way.serve(nursery, handler, **options)
        peers.append(await open_raw(way, server))
        return peers[-1]

    yield dial
    for peer in peers:
        await trio.aclose_forcefully(peer.stream)


# -- good ends


async def returns(ws: rawws.WebSocket) -> None:
    assert await ws.receive() == "go"


async def receives_to_the_end(ws: rawws.WebSocket) -> None:
    while True:
        await ws.receive()


async def sends_too_late(ws: rawws.WebSocket) -> None:
    await ws.wait_closed()
    await ws.send("late")


async def closes_and_receives(ws: rawws.WebSocket) -> None:
    await ws.aclose(3000)
    await ws.receive()


async def ends_with_another_connection(_: rawws.WebSocket) -> None:
    raise rawws.ConnectionEnded(None, None)


async def does_several_things(ws: rawws.WebSocket) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(receives_to_the_end, ws)
        nursery.start_soon(sends_too_late, ws)


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (returns, 1000),
        (receives_to_the_end, 1001),
        (sends_too_late, 1001),
        (ends_with_another_connection, 1000),
        (closes_and_receives, 3000),
        (does_several_things, 1001),
    ],
)
async def test_good_end_of_a_handler_is_not_logged(
    dial: Any, caplog: pytest.LogCaptureFixture, handler: Any, code: int
) -> None:
    peer = await dial(handler)
    await peer.say("go")
    if code == 1001:
        await peer.say_close(1001)
    assert await peer.read_close() == (code, "")
    if code != 1001:
        await peer.say_close(code)
    assert await peer.at_end()
    await peer.stream.aclose()
    await wait_all_tasks_blocked()
    assert not complaints(caplog)


@pytest.mark.parametrize("ending", ["loss", "violation"])
async def test_peers_bad_end_is_not_logged_as_the_handlers(
    dial: Any, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    ended = trio.Event()

    async def handler(ws: rawws.WebSocket) -> None:
        try:
            await ws.receive()
        finally:
            ended.set()

    peer = await dial(handler)
    await (peer.stream.aclose() if ending == "loss" else peer.send(peer.frame(3)))
    await ended.wait()
    await wait_all_tasks_blocked()
    assert not complaints(caplog)


# -- bugs


async def raises_an_error(_: rawws.WebSocket) -> None:
    raise ZeroDivisionError("mine")


async def raises_a_group(_: rawws.WebSocket) -> None:
    raise ExceptionGroup("mine", [ZeroDivisionError("a"), ExceptionGroup("b", [KeyError("c")])])


async def closes_something_else(_: rawws.WebSocket) -> None:
    raise trio.ClosedResourceError("not this connection")


async def breaks_something_else(_: rawws.WebSocket) -> None:
    raise trio.BrokenResourceError("not this connection")


async def exhausts_something_else(_: rawws.WebSocket) -> None:
    raise trio.EndOfChannel


async def fails_when_cancelled() -> None:
    try:
        await trio.sleep_forever()
    finally:
        raise ZeroDivisionError("mine")


async def fails_beside_a_good_end(ws: rawws.WebSocket) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fails_when_cancelled)
        nursery.start_soon(receives_to_the_end, ws)


def is_no_coroutine(_: rawws.WebSocket) -> None:
    pass


@pytest.mark.parametrize(
    "handler",
    [
        raises_an_error,
        raises_a_group,
        closes_something_else,
        breaks_something_else,
        exhausts_something_else,
        is_no_coroutine,
    ],
)
async def test_error_of_a_handler_is_logged_and_closes_with_1011(
    dial: Any, caplog: pytest.LogCaptureFixture, handler: Any
) -> None:
    peer = await dial(handler)
    assert await peer.read_close() == (1011, "")
    (record,) = complaints(caplog)
    assert record.name == "rawws.server"
    assert record.exc_info is not None
    assert "/" in record.getMessage()


async def test_error_beside_a_good_end_is_logged(
    dial: Any, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await dial(fails_beside_a_good_end)
    await peer.say_close()
    assert await peer.read_close() == (1000, "")
    await wait_all_tasks_blocked()
    (record,) = complaints(caplog)
    assert "ZeroDivisionError" in str(record.exc_info)


async def test_error_of_one_handler_is_not_the_others(way: Way, nursery: trio.Nursery) -> None:
    async def handler(ws: rawws.WebSocket) -> None:
        async for message in ws:
            if message == "fail":
                raise ZeroDivisionError
            await ws.send(message)

    server = await way.serve(nursery, handler)
    async with way.connect(server) as good:
        async with way.connect(server) as bad:
            await bad.send("fail")
            assert (await bad.wait_closed()).code == 1011
        await good.send("still here")
        assert await good.receive() == "still here"


# -- what passes


async def serve_one_client(handler: Any) -> None:
    """Serve, with a client that has said all that it has to say already."""
    listener = MemoryListener()
    client = listener.dial()
    await client.send_all(request() + frame(CLOSE, masked=True))
    with trio.fail_after(PATIENCE):
        await rawws.serve(handler, listeners=[listener])


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_what_ends_the_program_comes_out_of_serve_as_it_is(
    grouped: bool, kind: type[BaseException]
) -> None:
    error = kind("mine")

    async def handler(_: rawws.WebSocket) -> None:
        raise BaseExceptionGroup("mine", [error]) if grouped else error

    with pytest.raises(kind) as raised:
        await serve_one_client(handler)
    assert raised.value is error


async def ends_when_cancelled(ws: rawws.WebSocket) -> None:
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await ws.receive()


@pytest.mark.parametrize("bug", [False, True])
async def test_cancellation_passes_and_nothing_beside_it(
    caplog: pytest.LogCaptureFixture, bug: bool
) -> None:
    async def handler(ws: rawws.WebSocket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(ends_when_cancelled, ws)
            if bug:
                nursery.start_soon(fails_when_cancelled)
            await wait_all_tasks_blocked()
            scope.cancel()

    with trio.CancelScope() as scope:
        await serve_one_client(handler)
    assert scope.cancelled_caught
    assert len(complaints(caplog)) == bug


async def test_error_of_a_cancelled_handler_closes_with_1011(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    way = Way("plain")

    async def handler(_: rawws.WebSocket) -> None:
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            inner.start_soon(fails_when_cancelled)

    async with trio.open_nursery() as serving:
        server = await way.serve(serving, handler)
        peer = await open_raw(way, server)
        await wait_all_tasks_blocked()
        serving.cancel_scope.cancel()
    assert await peer.read_close() == (1011, "")
    assert len(complaints(caplog)) == 1
    await peer.stream.aclose()


async def test_handler_may_be_cancelled_by_itself(
    dial: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(ws: rawws.WebSocket) -> None:
        with trio.move_on_after(0):
            await ws.receive()

    peer = await dial(handler)
    assert await peer.read_close() == (1000, "")
    assert not complaints(caplog)
