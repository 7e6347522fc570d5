"""What a client is to do, by its command line, and how what it did is counted."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MESSAGE = bytes(range(32))
WARM_UP = 1 / 3  # of the time that is measured


@dataclass
class Task:
    """So many connections, for so long.

    Attributes:
        messages: how many came back so far; each connection counts here.
    """

    url: str
    connections: int
    seconds: float
    uvloop: bool
    messages: int = 0

    async def report(self, sleep: Callable[[float], Awaitable[object]]) -> None:
        """Let the connections run, print messages per second, and end the process.

        It ends there and then: how the connections close is not what is measured.
        """
        await sleep(self.seconds * WARM_UP)
        before, start = self.messages, time.perf_counter()
        await sleep(self.seconds)
        print((self.messages - before) / (time.perf_counter() - start), flush=True)
        os._exit(0)


def read_task() -> Task:
    """Read it from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    url = f"ws://127.0.0.1:{options.port}/"
    return Task(url, options.connections, options.seconds, options.uvloop)
