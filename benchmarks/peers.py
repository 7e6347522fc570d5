"""Who takes part: rawws, what people would use instead, and two yardsticks.

A yardstick is no WebSocket library: Trio's own stream, which sends back bytes, shows what Trio
leaves room for; an echo server in C that does next to nothing shows what the load can do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec

from . import load
from .case import Missing
from .processes import MEASURED, Server, serving


@dataclass(frozen=True)
class Peer:
    """One of them.

    Attributes:
        name: what the command line and the tables call it.
        packages: what has to be installed for it, by the names they are imported by.
        server: its module in benchmarks/servers; "" when it is the one in C.
        client: its module in benchmarks/clients; "" when it has none.
        arguments: that both modules get.
        environment: that both run in.
        websocket: False for the yardsticks.
    """

    name: str
    packages: tuple[str, ...]
    server: str
    client: str = ""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    websocket: bool = True

    def check(self) -> None:
        """Raise `Missing` if it cannot run here."""
        missing = [package for package in self.packages if find_spec(package) is None]
        if missing:
            raise Missing(f"not installed ({', '.join(missing)})")

    @contextmanager
    def serving(self, task: str, tls: bool = False, deflate: bool = False) -> Iterator[Server]:
        """Run its server where it is measured. Raises `Missing`, `Crashed`."""
        command = self._server_command(task, tls, deflate)
        with serving(command, MEASURED, self.environment) as server:
            yield server

    def _server_command(self, task: str, tls: bool, deflate: bool) -> list[str]:
        self.check()
        if not self.server:
            compiled = load.with_openssl() if tls or task != "bytes" else load.program()
            more = ["tls=1", f"certificate={load.certificate()}"] if tls else []
            return [compiled.path, f"serve-{task}", *more]
        module = f"benchmarks.servers.{self.server}"
        command = [sys.executable, "-m", module, task, *self.arguments]
        command += ["--tls", load.certificate()] if tls else []
        return command + (["--deflate"] if deflate else [])

    def client_command(self, port: int, connections: int, seconds: float) -> list[str]:
        """The command that has its client echo. Raises `Missing`."""
        self.check()
        module = f"benchmarks.clients.{self.client}"
        numbers = [str(port), str(connections), str(seconds)]
        return [sys.executable, "-m", module, *numbers, *self.arguments]


UVLOOP = ("--uvloop",)

RAWWS = Peer("rawws", ("rawws",), "rawws_server", "rawws_client")
PURE = Peer("rawws-pure", ("rawws",), "rawws_server", environment={"RAWWS_PURE": "1"})
TRIO_WEBSOCKET = Peer(
    "trio-websocket", ("trio_websocket",), "trio_websocket_server", "trio_websocket_client"
)
WEBSOCKETS_TRIO = Peer(
    "websockets.trio", ("websockets",), "websockets_trio_server", "websockets_trio_client"
)
WEBSOCKETS_ASYNCIO = Peer(
    "websockets.asyncio",
    ("websockets",),
    "websockets_asyncio_server",
    "websockets_asyncio_client",
)
WEBSOCKETS_UVLOOP = Peer(
    "websockets.asyncio+uvloop",
    ("websockets", "uvloop"),
    "websockets_asyncio_server",
    "websockets_asyncio_client",
    UVLOOP,
)
AIOHTTP = Peer("aiohttp", ("aiohttp",), "aiohttp_server", "aiohttp_client")
PICOWS = Peer("picows", ("picows", "uvloop"), "picows_server", "picows_client", UVLOOP)
BARE_TRIO = Peer("bare-trio", ("trio",), "bare_trio_server", websocket=False)
CEILING = Peer("C-ceiling", (), "", websocket=False)

LIBRARIES = (
    RAWWS,
    TRIO_WEBSOCKET,
    WEBSOCKETS_TRIO,
    WEBSOCKETS_ASYNCIO,
    WEBSOCKETS_UVLOOP,
    AIOHTTP,
    PICOWS,
)
WITH_DEFLATE = (RAWWS, WEBSOCKETS_TRIO, WEBSOCKETS_ASYNCIO, WEBSOCKETS_UVLOOP, AIOHTTP)
YARDSTICKS = (BARE_TRIO, CEILING)
EVERYONE = (RAWWS, PURE, *LIBRARIES[1:], *YARDSTICKS)
BY_NAME = {peer.name: peer for peer in EVERYONE}
