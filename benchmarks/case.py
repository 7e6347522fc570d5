"""What is measured: a case, those who take part, and what came out.

A case starts each contestant once and asks it for one measurement a round, in turn with the
others, so that a machine that is slow for a while is slow for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

Figures = Mapping[str, float]
Measure = Callable[[], Figures]


@dataclass(frozen=True)
class Metric:
    """One kind of figure.

    Attributes:
        name: what it counts, with its unit: "messages/s", "KB/connection", "ms until known".
        higher_is_better: which way is better.
    """

    name: str
    higher_is_better: bool = True


@dataclass(frozen=True)
class Case:
    """Something to measure.

    Attributes:
        name: what the command line and the JSON call it: "echo-32B-100c".
        title: what a table or a chart calls it.
        metrics: what a measurement gives a figure for, each.
        contestants: who takes part, rawws first, or its WebSocket.
        seconds: how long one measurement takes, about; for the time that is left.
        start: makes a contestant ready and gives what measures it once, in a context that
            ends it. Raises `Missing`, `Crashed`.
        enough: rounds that are enough, for figures that hardly vary or take long.
    """

    name: str
    title: str
    metrics: tuple[Metric, ...]
    contestants: tuple[str, ...]
    seconds: float
    start: Callable[[str], AbstractContextManager[Measure]]
    enough: int = 1_000


class Missing(Exception):
    """A contestant cannot take part here; in a line, why: not installed, no compiler."""


class Crashed(Exception):
    """A contestant did not last; what it printed."""


@dataclass
class Result:
    """What came out of a case.

    Attributes:
        figures: metric -> contestant -> one figure a round.
        absent: contestant -> why it has none.
    """

    case: Case
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
