"""Ways to connect, for tests of what has to be the same over each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
import trio
from trio.testing import lockstep_stream_pair

import rawws
from tests.transport.raw import RawPeer
from tests.transport.support import Way, open_end, open_pair

OpenEnd = Callable[..., AbstractAsyncContextManager[tuple[rawws.WebSocket, RawPeer]]]
OpenPair = Callable[..., AbstractAsyncContextManager[tuple[rawws.WebSocket, rawws.WebSocket]]]


@pytest.fixture(params=["plain", "tls", "foreign"])
def way(request: pytest.FixtureRequest) -> Way:
    """Over TCP, over TLS, and over streams in memory."""
    return Way(request.param)


@pytest.fixture(params=["client", "server"])
def role(request: pytest.FixtureRequest) -> str:
    """Which side of a connection is tested."""
    return str(request.param)


@pytest.fixture
def one_end(nursery: trio.Nursery, way: Way, role: str) -> OpenEnd:
    """`open_end` every way and in either role."""
    return partial(open_end, nursery, way, role)


@pytest.fixture
def pair(nursery: trio.Nursery, way: Way) -> OpenPair:
    """`open_pair` every way."""
    return partial(open_pair, nursery, way)


@pytest.fixture
def memory(nursery: trio.Nursery) -> OpenEnd:
    """`open_end` over streams in memory; `memory("client")` or `memory("server")`."""
    return partial(open_end, nursery, Way("foreign"))


@pytest.fixture
def jammed(nursery: trio.Nursery) -> OpenEnd:
    """`open_end` of a server, where each side waits until the other reads what it writes."""
    return partial(open_end, nursery, Way("foreign", lockstep_stream_pair), "server")
