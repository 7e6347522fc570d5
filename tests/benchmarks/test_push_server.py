"""Updates: when they come about, and how the benchmark's server answers those who ask."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio
from trio.testing import MockClock

import rawws
from benchmarks.servers.push import Board, moments, post_updates


async def ask(board: Board, since: int) -> rawws.Response:
    response = await board.answer(rawws.Request("GET", f"/updates?since={since}"))
    assert response is not None
    return response


async def newest(board: Board) -> int:
    lines = (await ask(board, 0)).body.split(b"\n")
    return int(lines[-2].split()[0]) if len(lines) > 1 else 0


async def test_who_asks_gets_the_updates_after_the_last_that_they_know() -> None:
    board = Board()
    lines = [board.post() for _ in range(4)]
    response = await ask(board, since=2)
    assert response.status == 200
    assert response.body.decode() == lines[2] + lines[3]


async def test_who_knows_all_gets_204_without_a_body() -> None:
    board = Board()
    board.post()
    response = await ask(board, since=1)
    assert (response.status, response.body) == (204, b"")


async def test_other_paths_go_on_to_the_upgrade() -> None:
    assert await Board().answer(rawws.Request("GET", "/")) is None


def test_moments_are_the_same_every_time_and_within_the_period() -> None:
    times = moments(10, 10)
    assert times == moments(10, 10) == sorted(times)
    assert len(times) == 10
    assert times[0] >= 0 and times[-1] < 10


@pytest.mark.parametrize("begin", [0.5, 3, 7.75])
async def test_as_long_as_a_period_has_all_updates_whenever_it_begins(
    autojump_clock: MockClock, begin: float
) -> None:
    board = Board()
    nobody = SimpleNamespace(connections=())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(post_updates, board, nobody, 10, moments(10, 7))
        await trio.sleep(begin)
        before = await newest(board)
        await trio.sleep(10)
        assert await newest(board) == before + 7
        nursery.cancel_scope.cancel()
