"""All cases, in the order they are measured in."""

from __future__ import annotations

from . import broadcast, client, core, echo, handshakes, imports, memory, push
from .case import Case

# Cases that a load drives for as long as one says, and those that take their own time.
TIMED = (echo.cases, broadcast.cases, handshakes.cases, memory.cases, client.cases)
OTHERS = (imports.cases, core.cases, push.cases)


def all_cases(quick: bool, seconds: float) -> list[Case]:
    """The cases of a quick or a full run; one measurement by the load takes so many seconds."""
    timed = [case for cases in TIMED for case in cases(quick, seconds)]
    return timed + [case for cases in OTHERS for case in cases(quick)]
