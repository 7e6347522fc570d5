"""Broadcast: deliveries a second to 1,000 connections, and what those who never read do to it.

The first connection sends a message and the server sends it to everyone. A few are always on
their way, so that the server is never idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from . import messages
from .case import Case, Measure, Metric
from .load import Load
from .peers import BY_NAME, CEILING, LIBRARIES

RATE = Metric("deliveries/s")
CONNECTIONS, JAMMED = 1_000, 5
SIZE = 1024  # bytes; those who never read are full soon
FILLING = 2.0  # seconds, in which they become so
IN_FLIGHT = 4


def cases(quick: bool, seconds: float) -> list[Case]:
    """The cases; one measurement takes so many seconds and a warm-up."""
    return [_case(0, seconds)] if quick else [_case(0, seconds), _case(JAMMED, seconds)]


def _case(jammed: int, seconds: float) -> Case:
    peers = LIBRARIES if jammed else (*LIBRARIES, CEILING)  # which waits for the jammed for ever
    title = f"Broadcast of {SIZE} B of text to {CONNECTIONS:,} connections"
    return Case(
        name=f"broadcast-{CONNECTIONS}" + ("-jammed" if jammed else ""),
        title=title + (f", {jammed} more never read" if jammed else ""),
        metrics=(RATE,),
        contestants=tuple(peer.name for peer in peers),
        seconds=seconds + _warm_up(jammed, seconds) + 0.5,
        start=partial(_start, jammed, seconds),
    )


def _warm_up(jammed: int, seconds: float) -> float:
    return FILLING if jammed else seconds / 3


@contextmanager
def _start(jammed: int, seconds: float, name: str) -> Iterator[Measure]:
    numbers = {
        "connections": CONNECTIONS,
        "jammed": jammed,
        "in_flight": IN_FLIGHT,
        "seconds": seconds,
        "warm_up": _warm_up(jammed, seconds),
    }
    load = Load("broadcast", messages.text(SIZE), numbers=tuple(numbers.items()))
    with BY_NAME[name].serving("broadcast") as server:
        yield lambda: {RATE.name: load.measure(server)}
