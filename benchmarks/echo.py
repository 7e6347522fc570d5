"""Echo: how many messages a second a server sends back, in many shapes.

rawws-pure, without masking in C, takes part where masking matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from . import messages
from .case import Case, Measure, Metric
from .load import Load
from .peers import (
    BY_NAME,
    EVERYONE,
    LIBRARIES,
    WITH_DEFLATE,
    YARDSTICKS,
    Peer,
)

RATE = Metric("messages/s")
KIB, MIB = 2**10, 2**20
WITHOUT_PURE = (*LIBRARIES, *YARDSTICKS)
WARM_UP = 1 / 3  # of the time that is measured
START = 0.2  # seconds, about, to open the connections and to close them


@dataclass(frozen=True)
class Echo:
    """One shape of traffic.

    Attributes:
        longer: times as long as others is it measured; many connections take long to come round.
        enough: as in `Case`.
    """

    size: int
    connections: int
    in_flight: int = 1
    peers: tuple[Peer, ...] = WITHOUT_PURE
    text: bool = False
    deflate: bool = False
    tls: bool = False
    longer: float = 1
    enough: int = 1_000

    @property
    def name(self) -> str:
        """What the command line calls it."""
        kind = "text-" if self.text else ""
        flight = f"-{self.in_flight}f" if self.in_flight > 1 else ""
        more = ("-deflate" if self.deflate else "") + ("-tls" if self.tls else "")
        return f"echo-{kind}{_size(self.size, '')}-{self.connections}c{flight}{more}"

    @property
    def title(self) -> str:
        """What a table calls it."""
        parts = [
            f"Echo of {_size(self.size, ' ')} of {'text' if self.text else 'binary'}",
            f"{self.connections:,} connection{'s' if self.connections > 1 else ''}",
            f"{self.in_flight} in flight",
            *(["permessage-deflate"] if self.deflate else []),
            *(["TLS"] if self.tls else []),
        ]
        return ", ".join(parts)

    def load(self, seconds: float) -> Load:
        """What makes this traffic."""
        make = partial(messages.text, compressed=self.deflate) if self.text else messages.binary
        numbers = {
            "connections": self.connections,
            "in_flight": self.in_flight,
            "seconds": seconds * self.longer,
            "warm_up": seconds * self.longer * WARM_UP,
        }
        return Load("echo", make(self.size), self.tls, tuple(numbers.items()))


def _size(size: int, space: str) -> str:
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size // unit}{space}{name}"
    return f"{size}{space}B"


QUICK = (
    Echo(32, 100, peers=EVERYONE),
    Echo(32, 1, in_flight=64),
    Echo(64 * KIB, 10, peers=EVERYONE),
    Echo(KIB, 100, text=True, deflate=True, peers=WITH_DEFLATE),
)
ALL = (
    Echo(32, 1),
    Echo(32, 10),
    QUICK[0],
    Echo(32, 1_000),
    Echo(32, 10_000, longer=3, enough=3),
    QUICK[1],
    Echo(KIB, 100),
    QUICK[2],
    Echo(MIB, 4, peers=EVERYONE),
    Echo(KIB, 100, text=True),
    QUICK[3],
    Echo(KIB, 100, tls=True),
)


def cases(quick: bool, seconds: float) -> list[Case]:
    """The cases; one measurement takes so many seconds and a warm-up."""
    return [
        Case(
            name=echo.name,
            title=echo.title,
            metrics=(RATE,),
            contestants=tuple(peer.name for peer in echo.peers),
            seconds=seconds * echo.longer * (1 + WARM_UP) + START + echo.connections / 2_000,
            start=partial(_start, echo, seconds),
            enough=echo.enough,
        )
        for echo in (QUICK if quick else ALL)
    ]


@contextmanager
def _start(echo: Echo, seconds: float, name: str) -> Iterator[Measure]:
    peer = BY_NAME[name]
    load = echo.load(seconds)
    task = "echo" if peer.websocket else "bytes"
    with peer.serving(task, tls=echo.tls, deflate=echo.deflate) as server:
        yield lambda: {RATE.name: load.measure(server, peer.websocket)}
