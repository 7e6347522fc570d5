"""The client role: the same echo, driven by each library's client.

The client is what is measured, so it has the core that the servers have elsewhere; the server,
one in C that is faster than any client, has the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from . import load, processes
from .case import Case, Measure, Metric
from .peers import BY_NAME, LIBRARIES

RATE = Metric("messages/s")
CONNECTIONS = (100, 1)


def cases(quick: bool, seconds: float) -> list[Case]:
    """The cases; one measurement takes so many seconds and a warm-up."""
    return [
        Case(
            name=f"client-32B-{connections}c",
            title=f"Echo of 32 B driven by the client, {connections} connection"
            + ("s" if connections > 1 else ""),
            metrics=(RATE,),
            contestants=tuple(peer.name for peer in LIBRARIES),
            seconds=seconds * 4 / 3 + 0.9,
            start=partial(_start, connections, seconds),
        )
        for connections in (CONNECTIONS[:1] if quick else CONNECTIONS)
    ]


@contextmanager
def _start(connections: int, seconds: float, name: str) -> Iterator[Measure]:
    peer = BY_NAME[name]
    peer.check()
    fast = [load.with_openssl().path, "serve-echo"]
    with processes.serving(fast, processes.LOAD) as server:
        command = peer.client_command(server.port, connections, seconds)
        run = partial(processes.run, "the client", command, processes.MEASURED, peer.environment)
        yield lambda: {RATE.name: float(run())}
