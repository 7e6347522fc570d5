"""What it takes to import rawws beside the Trio peers, in milliseconds.

Every import has a process of its own, which has imported other packages before it starts the
clock: trio alone, to compare, or all that rawws stands on, to see what rawws itself adds. The
first import, which may have to compile, does not count.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median

from .case import Case, Figures, Measure, Metric
from .peers import BY_NAME, RAWWS, TRIO_WEBSOCKET, WEBSOCKETS_TRIO
from .processes import MEASURED, run

OVER = {"ms over trio, wsproto, h11": "trio, wsproto, h11", "ms over trio": "trio"}
MODULES = {
    RAWWS.name: "rawws",
    TRIO_WEBSOCKET.name: "trio_websocket",
    WEBSOCKETS_TRIO.name: "websockets.trio.server",
}
# What was compiled once is kept, as it is for users.
CACHED = {"PYTHONDONTWRITEBYTECODE": ""}
CODE = """
import time, {before}
start = time.perf_counter()
import {module}
print((time.perf_counter() - start) * 1000)
"""
PROCESSES = 5  # of which the median counts


def cases(quick: bool) -> list[Case]:
    processes = 1 if quick else PROCESSES
    return [
        Case(
            name="import",
            title="Import",
            metrics=tuple(Metric(name, higher_is_better=False) for name in OVER),
            contestants=tuple(MODULES),
            seconds=0.2 * processes * len(OVER),
            start=partial(_start, processes),
        )
    ]


@contextmanager
def _start(processes: int, contestant: str) -> Iterator[Measure]:
    BY_NAME[contestant].check()
    module = MODULES[contestant]
    milliseconds("trio", module)
    yield partial(_measure, processes, module)


def _measure(processes: int, module: str) -> Figures:
    return {
        name: median(milliseconds(before, module) for _ in range(processes))
        for name, before in OVER.items()
    }


def milliseconds(before: str, module: str) -> float:
    """How long a new process takes to import `module`, once it has imported `before`."""
    # -P: no look into the current folder for each package.
    code = CODE.format(before=before, module=module)
    return float(run(f"import of {module}", [sys.executable, "-P", "-c", code], MEASURED, CACHED))
