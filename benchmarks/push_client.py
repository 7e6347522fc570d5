"""Clients that want to know of updates, and what it costs them.

    python -m benchmarks.push_client PORT SECONDS WAY

A number of clients in one process go one way for SECONDS each, and what all of them saw is
printed as JSON. Bytes are counted on the TCP streams of the clients, in both directions: all
that WebSocket or HTTP puts there, but not what TCP and IP add to each packet. Counting takes
rawws off the socket that it would call directly: the delay is some 0.2 ms more for that.

- A WebSocket client connects and listens. Its bytes are those of a whole life of SECONDS: the
  handshake, the messages, the closing. One that lives longer pays less for the handshake.
- A polling client first asks where the numbers stand, which does not count. Then it asks
  at even intervals, however long the answers take. Its requests are about as short as can be;
  a browser's are several times as long. The clients' polls are spread over the interval.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import h11
import trio

import rawws

HOST = "127.0.0.1"
CLIENTS = 20


@dataclass(frozen=True)
class Polling:
    """How a client asks: every so many seconds, over one connection or a new one each time."""

    interval: float
    keep_alive: bool


WEBSOCKET = "WebSocket"
WAYS: dict[str, Polling | None] = {
    WEBSOCKET: None,
    "poll 100 ms, keep-alive": Polling(0.1, keep_alive=True),
    "poll 100 ms, new connection": Polling(0.1, keep_alive=False),
    "poll 1 s, keep-alive": Polling(1, keep_alive=True),
    "poll 1 s, new connection": Polling(1, keep_alive=False),
}

DELAY, BYTES, REQUESTS = "ms until a client knows", "bytes/update", "requests/update"


@dataclass
class Tally:
    """What a client saw, or several.

    Attributes:
        delays: seconds from each update until the client knew of it.
        bytes: sent and received.
        requests: made; the one for the upgrade, too.
    """

    delays: list[float] = field(default_factory=list)
    bytes: int = 0
    requests: int = 0

    def learn(self, lines: str) -> int | None:
        """Note updates, known as of now.

        Returns:
            The number of the last, `None` if there is none.
        """
        now = time.monotonic()
        number = None
        for line in lines.splitlines():
            number, stamp = line.split()
            self.delays.append(now - float(stamp))
        return None if number is None else int(number)


class CountedStream(trio.abc.Stream):
    """A stream that says how many bytes go through it."""

    def __init__(self, stream: trio.abc.Stream, count: Callable[[int], None]) -> None:
        self._stream = stream
        self._count = count

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._count(len(data))
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        self._count(len(data))
        return data

    async def aclose(self) -> None:
        await self._stream.aclose()


class Client:
    """One client of the server on that port; `tally` is what it saw."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.tally = Tally()

    async def _connect(self) -> CountedStream:
        return CountedStream(await trio.open_tcp_stream(HOST, self._port), self._count)

    def _count(self, size: int) -> None:
        self.tally.bytes += size


class Listener(Client):
    """Learns of updates over a WebSocket."""

    async def listen(self, seconds: float) -> None:
        stream = await self._connect()
        self.tally.requests += 1
        async with rawws.connect(f"ws://{HOST}:{self._port}/", stream=stream) as ws:
            with trio.move_on_after(seconds):
                while True:
                    message = await ws.receive()
                    assert isinstance(message, str)
                    self.tally.learn(message)


class Poller(Client, trio.abc.AsyncResource):
    """Learns of updates by asking for those after the last that it knows."""

    def __init__(self, port: int, *, keep_alive: bool) -> None:
        super().__init__(port)
        self._keep_alive = keep_alive
        self._known = 0
        self._stream: CountedStream | None = None
        self._http = h11.Connection(h11.CLIENT)

    async def run(self, interval: float, seconds: float, phase: float) -> None:
        """Ask, and then ask again every `interval` seconds; begin after `phase` seconds."""
        begin = trio.current_time() + phase
        async with self:
            for number in range(round(seconds / interval) + 1):
                await trio.sleep_until(begin + number * interval)
                await self.ask()
                if number == 0:
                    self.tally = Tally()

    async def ask(self) -> None:
        """Make one request, and learn from the answer."""
        self.tally.requests += 1
        if self._stream is None:
            self._stream = await self._connect()
            self._http = h11.Connection(h11.CLIENT)
        await self._send_request(self._stream)
        body = await self._read_body(self._stream)
        if self._keep_alive:
            self._http.start_next_cycle()
        else:
            await self.aclose()
        self._known = self.tally.learn(body) or self._known

    async def aclose(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()
            self._stream = None

    async def _send_request(self, stream: CountedStream) -> None:
        headers = [("Host", f"{HOST}:{self._port}")]
        if not self._keep_alive:
            headers.append(("Connection", "close"))
        target = f"/updates?since={self._known}"
        request = h11.Request(method="GET", target=target, headers=headers)
        data = self._http.send(request) + self._http.send(h11.EndOfMessage())
        await stream.send_all(data)

    async def _read_body(self, stream: CountedStream) -> str:
        body = b""
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self._http.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Response) and event.status_code not in (200, 204):
                sys.exit(f"the server answered with {event.status_code}")
            elif isinstance(event, h11.Data):
                body += event.data
        return body.decode()


async def run_clients(port: int, seconds: float, way: Polling | None) -> list[Tally]:
    """What each of the clients saw, all at the same time."""
    clients: list[Client] = []
    async with trio.open_nursery() as nursery:
        for number in range(CLIENTS):
            if way is None:
                client = Listener(port)
                nursery.start_soon(client.listen, seconds)
            else:
                client = Poller(port, keep_alive=way.keep_alive)
                phase = way.interval * number / CLIENTS
                nursery.start_soon(client.run, way.interval, seconds, phase)
            clients.append(client)
    return [client.tally for client in clients]


def figures(tallies: Sequence[Tally]) -> dict[str, float]:
    """What it came to, for each time that a client learned of an update."""
    delays = [delay for tally in tallies for delay in tally.delays]
    if not delays:
        sys.exit("no client learned of any update")
    return {
        DELAY: median(delays) * 1000,
        BYTES: sum(tally.bytes for tally in tallies) / len(delays),
        REQUESTS: sum(tally.requests for tally in tallies) / len(delays),
    }


if __name__ == "__main__":
    port, seconds, way = sys.argv[1:]
    tallies = trio.run(run_clients, int(port), float(seconds), WAYS[way])
    print(json.dumps(figures(tallies)))
