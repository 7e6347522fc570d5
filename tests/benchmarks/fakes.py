"""Cases that measure nothing real."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from benchmarks import processes
from benchmarks.case import Case, Crashed, Measure, Metric, Missing

SPEED = Metric("things/s")
MEMORY = Metric("KB", higher_is_better=False)
START = "start"  # an error listed under this turn is raised when the contestant starts


def case(
    contestants: Sequence[str] = ("rawws", "peer"),
    name: str = "fake",
    metric: Metric = SPEED,
    figures: Mapping[str, Sequence[float | Exception]] | None = None,
    turns: list[str] | None = None,
    enough: int = 1_000,
) -> Case:
    """A case whose contestants give their figures in turn, 1.0 unless told."""

    @contextmanager
    def start(contestant: str) -> Iterator[Measure]:
        mine = iter((figures or {}).get(contestant, [1.0] * 100))

        def measure() -> dict[str, float]:
            if turns is not None:
                turns.append(contestant)
            figure = next(mine)
            if isinstance(figure, Exception):
                raise figure
            return {metric.name: figure}

        yield measure

    return Case(name, f"{name}, a title", (metric,), tuple(contestants), 1, start, enough)


def case_that_cannot_start(errors: Mapping[str, Missing | Crashed], *others: str) -> Case:
    """A case in which those of `errors` fail to start."""

    @contextmanager
    def start(contestant: str) -> Iterator[Measure]:
        if contestant in errors:
            raise errors[contestant]
        yield lambda: {SPEED.name: 1.0}

    return Case("fake", "a title", (SPEED,), (*errors, *others), 1, start)


def case_of_programs(**sources: str) -> Case:
    """A case whose servers are Python programs; a figure is 1.0 as long as they live."""

    @contextmanager
    def start(contestant: str) -> Iterator[Measure]:
        with python(sources[contestant]) as server:
            yield partial(look_at, server)

    return Case("fake", "a title", (SPEED,), tuple(sources), 1, start)


def python(source: str) -> AbstractContextManager[processes.Server]:
    """A server that is a Python program."""
    return processes.serving([sys.executable, "-c", source], processes.MEASURED)


def look_at(server: processes.Server) -> dict[str, float]:
    """Let the server go on, and see what becomes of it."""
    assert server.process.stdin is not None
    server.process.stdin.write("go on\n")
    server.process.stdin.flush()
    if crash := server.crash():
        raise crash
    return {SPEED.name: 1.0}
