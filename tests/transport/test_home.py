"""Homes: tasks that no user's cancellation reaches, and that end with their home."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rawws.transport import home as home_module
from rawws.transport.home import SLICE, Home, one_error, open_home


class Task:
    """A task that runs until it is told to finish.

    Attributes:
        started: whether it began.
        ended: "" while it runs, then how it ended.
    """

    def __init__(self) -> None:
        self.started = False
        self.ended = ""
        self.finish = trio.Event()

    async def __call__(self) -> None:
        self.started = True
        try:
            await self.finish.wait()
        except trio.Cancelled:
            self.ended = "cancelled"
            raise
        self.ended = "finished"


# -- tasks


async def test_cancellation_around_a_home_does_not_reach_its_tasks() -> None:
    task = Task()
    with trio.CancelScope() as scope:
        async with open_home() as home:
            home.start_task(task)
            scope.cancel()
            with trio.CancelScope(shield=True):
                await wait_all_tasks_blocked()
                assert (task.started, task.ended) == (True, "")
                task.finish.set()
                await wait_all_tasks_blocked()
                assert task.ended == "finished"
            await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught


async def test_task_that_is_done_leaves_the_home_open() -> None:
    async with open_home() as home:
        for task in (Task(), Task()):
            task.finish.set()
            home.start_task(task)
            await wait_all_tasks_blocked()
            assert task.ended == "finished"
        assert not home.closed


async def test_tasks_end_with_their_home() -> None:
    tasks = [Task(), Task()]
    async with open_home() as home:
        for task in tasks:
            home.start_task(task)
        await wait_all_tasks_blocked()
    assert home.closed
    assert [task.ended for task in tasks] == ["cancelled", "cancelled"]


async def test_task_that_was_just_started_ends_with_its_home_too() -> None:
    task = Task()
    async with open_home() as home:
        home.start_task(task)
    assert task.ended == "cancelled"


async def test_task_that_a_task_starts_at_the_end_is_run_and_ended() -> None:
    last = Task()
    async with open_home() as home:

        async def start_another() -> None:
            try:
                await trio.sleep_forever()
            finally:
                home.start_task(last)

        home.start_task(start_another)
        await wait_all_tasks_blocked()
    assert last.ended == "cancelled"


# -- what comes out


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
async def test_what_the_body_raises_comes_out_as_it_is(kind: type[BaseException]) -> None:
    error = kind("from the body")
    task = Task()
    with pytest.raises(kind, match="from the body") as caught:
        async with open_home() as home:
            home.start_task(task)
            raise error
    assert caught.value is error
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert task.ended == "cancelled"


async def test_what_the_body_raises_is_not_lost_to_a_cancellation_at_the_same_time() -> None:
    error = ValueError("from the body")
    with trio.CancelScope() as scope, pytest.raises(ValueError, match="from the body") as caught:
        async with open_home() as home:
            home.start_task(Task())
            await wait_all_tasks_blocked()
            scope.cancel()
            raise error
    assert caught.value is error


async def test_group_that_the_body_raises_comes_out_as_it_is() -> None:
    group = ExceptionGroup("from the body", [ValueError(), KeyError()])
    with pytest.raises(ExceptionGroup) as caught:
        async with open_home():
            raise group
    assert caught.value is group


async def test_cancelled_body_ends_the_home() -> None:
    task = Task()
    with trio.move_on_after(0) as scope:
        async with open_home() as home:
            home.start_task(task)
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert task.ended == "cancelled"


async def test_what_a_task_raises_is_a_bug_that_comes_out() -> None:
    bystander = Task()

    async def fail() -> None:
        raise KeyError("a bug")

    with pytest.RaisesGroup(pytest.RaisesExc(KeyError, match="a bug")):
        async with open_home() as home:
            home.start_task(bystander)
            await wait_all_tasks_blocked()
            home.start_task(fail)
            await trio.sleep_forever()
    assert bystander.ended == "cancelled"


# -- one error


def test_single_error_comes_out_of_its_groups_as_it_is() -> None:
    error = ValueError("alone")
    error.__cause__ = cause = KeyError("why")
    with pytest.raises(ValueError, match="alone") as caught, one_error():
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [error])])
    assert caught.value is error
    assert error.__cause__ is cause


def test_error_without_a_group_is_left_alone() -> None:
    error = ValueError("alone")
    with pytest.raises(ValueError, match="alone") as caught, one_error():
        raise error
    assert caught.value is error
    with one_error():
        pass


def test_several_errors_stay_together() -> None:
    with pytest.RaisesGroup(ValueError, KeyError), one_error():
        raise ExceptionGroup("both", [ValueError(), KeyError()])


async def test_what_is_cancelled_beside_an_error_does_not_count() -> None:
    with trio.CancelScope() as scope, pytest.raises(ValueError, match="alone"), one_error():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await wait_all_tasks_blocked()
            scope.cancel()
            raise ValueError("alone")


async def test_cancellation_alone_stays_one() -> None:
    with trio.CancelScope() as scope, one_error():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep_forever)
            await wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught


# -- turns


class Clock:
    """Stands in for `perf_counter`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What homes take the time from."""
    clock = Clock()
    monkeypatch.setattr(home_module, "perf_counter", clock)
    return clock


class Others:
    """A task that counts the turns it gets."""

    turns = 0

    async def __call__(self) -> None:
        while True:
            await trio.lowlevel.checkpoint()
            self.turns += 1


async def test_others_get_their_turn_about_once_in_a_slice(
    nursery: trio.Nursery, clock: Clock
) -> None:
    home = Home(nursery)
    others = Others()
    nursery.start_soon(others)
    for _ in range(1000):
        await home.pause()
        clock.now += SLICE / 10
    assert 80 <= others.turns <= 120
    nursery.cancel_scope.cancel()


async def test_who_has_just_waited_need_not_let_others_run(
    nursery: trio.Nursery, clock: Clock
) -> None:
    home = Home(nursery)
    others = Others()
    await home.pause()
    nursery.start_soon(others)
    for _ in range(100):
        clock.now += 2 * SLICE
        home.rested = True
        await home.pause()
    assert others.turns == 0
    nursery.cancel_scope.cancel()


async def test_pause_sees_cancellation_though_it_is_nobody_elses_turn(
    nursery: trio.Nursery, clock: Clock
) -> None:
    home = Home(nursery)
    await home.pause()
    for _ in range(2):
        with trio.CancelScope() as scope:
            scope.cancel()
            await home.pause()
        assert scope.cancelled_caught
        clock.now += SLICE
