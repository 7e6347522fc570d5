"""rawws, which tells its clients of updates: pushed over WebSocket, or when they ask.

    python -m benchmarks.servers.push PERIOD COUNT

An update is a line: its number, and when it came about on the clock of `time.monotonic`,
which all processes of a machine share. Both kinds of client get the same line, a WebSocket as
a message as soon as there is one, `GET /updates?since=NUMBER` all later ones as a body, or
204 if there are none.

Updates come at irregular times, but the same times in every period: so any PERIOD seconds,
whenever they begin, see COUNT updates, and clients that come one after another see the same.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from random import Random
from urllib.parse import parse_qs

import trio

import rawws

KEPT = 100  # updates, for those who ask


class Board:
    """The updates that there were lately."""

    def __init__(self) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self._number = 0

    def post(self) -> str:
        """Make an update, and give its line."""
        self._number += 1
        line = f"{self._number} {time.monotonic():.6f}\n"
        self._lines.append((self._number, line))
        return line

    async def answer(self, request: rawws.Request) -> rawws.Response | None:
        """For who asks; `on_request` of a server."""
        if request.path != "/updates":
            return None
        since = int(parse_qs(request.query)["since"][0])
        body = "".join(line for number, line in self._lines if number > since)
        return rawws.Response(200 if body else 204, body=body)


def moments(period: float, count: int) -> list[float]:
    """When in each period there is an update: as random as chance, yet always the same."""
    random = Random(6455)
    return sorted(random.uniform(0, period) for _ in range(count))


async def post_updates(
    board: Board, server: rawws.Server, period: float, times: Sequence[float]
) -> None:
    """Make the updates of period after period, and push them."""
    begin = trio.current_time()
    while True:
        for moment in times:
            await trio.sleep_until(begin + moment)
            rawws.broadcast(server.connections, board.post())
        begin += period


async def only_send(ws: rawws.WebSocket) -> None:
    await ws.wait_closed()


async def main(period: float, count: int) -> None:
    board = Board()
    serve = partial(rawws.serve, only_send, 0, host="127.0.0.1", on_request=board.answer)
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve)
        print(server.port, flush=True)
        await post_updates(board, server, period, moments(period, count))


if __name__ == "__main__":
    trio.run(main, float(sys.argv[1]), int(sys.argv[2]))
