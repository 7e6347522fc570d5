"""Memory: what one more connection costs a server, when there are many.

The figure is how much the server's memory grew from the first hundred connections to the last,
by each of them. A server that has had many connections keeps memory for the next ones, so each
measurement has a server of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from . import messages
from .case import Case, Figures, Measure, Metric
from .load import Load
from .messages import Messages
from .peers import BARE_TRIO, BY_NAME, LIBRARIES, WITH_DEFLATE, Peer

MEMORY = Metric("KB/connection", higher_is_better=False)
FIRST = 100  # connections, after which the server has loaded and made all that it shares
NOTHING = Messages(b"", b"", exact=True, request=messages.binary(0).request)


@dataclass(frozen=True)
class Crowd:
    """So many connections."""

    name: str
    title: str
    connections: int
    peers: tuple[Peer, ...] = (*LIBRARIES, BARE_TRIO)
    deflate: bool = False


QUICK = (Crowd("idle-memory-5000", "Memory of an idle connection, 5,000 open", 5_000),)
ALL = (
    *QUICK,
    Crowd("idle-memory-15000", "Memory of an idle connection, 15,000 open", 15_000),
    Crowd(
        "memory-deflate",
        "Memory of a connection after a compressed message each way, 1,000 open",
        1_000,
        WITH_DEFLATE,
        deflate=True,
    ),
)


def cases(quick: bool, seconds: float) -> list[Case]:
    """The cases. They take as long as it takes."""
    return [
        Case(
            name=crowd.name,
            title=crowd.title,
            metrics=(MEMORY,),
            contestants=tuple(peer.name for peer in crowd.peers),
            seconds=0.7 + crowd.connections / 4_000,
            start=partial(_start, crowd),
            enough=1 if quick else 2,
        )
        for crowd in (QUICK if quick else ALL)
    ]


@contextmanager
def _start(crowd: Crowd, name: str) -> Iterator[Measure]:
    peer = BY_NAME[name]
    peer.check()
    yield partial(_measure, crowd, peer)


def _measure(crowd: Crowd, peer: Peer) -> Figures:
    what = messages.text(1024, compressed=True) if crowd.deflate else NOTHING
    load = Load("hold", what, numbers=(("connections", crowd.connections),))
    task = "echo" if peer.websocket else "bytes"
    with (
        peer.serving(task, deflate=crowd.deflate) as server,
        load.holding(server, peer.websocket) as connections,
    ):
        connections.grow_to(FIRST)
        before = server.kilobytes()
        connections.grow_to(crowd.connections)
        grown = server.kilobytes() - before
    return {MEMORY.name: grown / (crowd.connections - FIRST)}
