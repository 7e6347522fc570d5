"""Handshakes: connections a second that are opened, upgraded, and closed in good order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from . import messages
from .case import Case, Measure, Metric
from .load import Load
from .peers import BY_NAME, CEILING, LIBRARIES

RATE = Metric("handshakes/s")
AT_A_TIME = 50


def cases(quick: bool, seconds: float) -> list[Case]:
    """The case; one measurement takes so many seconds and a warm-up."""
    return [
        Case(
            name="handshakes",
            title=f"Handshakes, {AT_A_TIME} at a time, each connection closed in good order",
            metrics=(RATE,),
            contestants=tuple(peer.name for peer in (*LIBRARIES, CEILING)),
            seconds=seconds * 4 / 3 + 0.1,
            start=partial(_start, seconds),
        )
    ]


@contextmanager
def _start(seconds: float, name: str) -> Iterator[Measure]:
    numbers = {"connections": AT_A_TIME, "seconds": seconds, "warm_up": seconds / 3}
    load = Load("handshakes", messages.binary(32), numbers=tuple(numbers.items()))
    with BY_NAME[name].serving("echo") as server:
        yield lambda: {RATE.name: load.measure(server)}
