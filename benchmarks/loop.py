"""The event loop an asyncio server or client runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


def run(main: Coroutine[object, object, None], uvloop: bool) -> None:
    """Run it to its end, on asyncio's own loop or on uvloop."""
    if uvloop:
        from uvloop import run as run_on_uvloop

        run_on_uvloop(main)
    else:
        asyncio.run(main)
