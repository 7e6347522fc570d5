"""Server updates by WebSocket and by polling, from the same rawws server.

About one update a second comes about, at irregular times (servers/push.py), and a number of
clients want to know of it (push_client.py): by a WebSocket on which the server pushes it, or by
asking every so often. What each way costs is a delay, bytes and requests.

Each way has its turn, with a server of its own. The updates of all servers come at the same
times in the period that a measurement takes, whenever it begins.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from .case import Case, Crashed, Figures, Measure, Metric
from .processes import LOAD, MEASURED, Server, run, serving
from .push_client import BYTES, CLIENTS, DELAY, REQUESTS, WAYS

SECONDS, QUICK_SECONDS = 10, 3  # and as many updates


def cases(quick: bool) -> list[Case]:
    seconds = QUICK_SECONDS if quick else SECONDS
    return [
        Case(
            name="push",
            title=f"An update a second from a server to {CLIENTS} clients",
            metrics=tuple(
                Metric(name, higher_is_better=False) for name in (DELAY, BYTES, REQUESTS)
            ),
            contestants=tuple(WAYS),
            seconds=seconds + 1.2,
            start=partial(start, seconds),
            enough=1 if quick else 2,
        )
    ]


@contextmanager
def start(seconds: float, contestant: str) -> Iterator[Measure]:
    """A server with an update a second, and what sends clients to it for that time."""
    numbers = [str(seconds), str(round(seconds))]
    command = [sys.executable, "-m", "benchmarks.servers.push", *numbers]
    with serving(command, MEASURED) as server:
        yield partial(_measure, server, seconds, contestant)


def _measure(server: Server, seconds: float, contestant: str) -> Figures:
    arguments = [str(server.port), str(seconds), contestant]
    try:
        output = run(contestant, [sys.executable, "-m", "benchmarks.push_client", *arguments], LOAD)
    except Crashed as crashed:
        raise server.crash() or crashed from None
    figures: Figures = json.loads(output)
    return figures
