"""A chat on a free port, and how to talk to it."""

from __future__ import annotations

from functools import partial

import pytest
import trio

import rawws
from rawws.chat.server import serve


@pytest.fixture
async def chat(nursery: trio.Nursery) -> rawws.Server:
    """A running chat."""
    server = await nursery.start(partial(serve, "127.0.0.1", 0))
    assert isinstance(server, rawws.Server)
    return server
