"""The core alone, without IO: microseconds to decode, encode and mask, by pyperf.

Each measurement is one process that measures (module `core_timing`), and its median counts;
the rounds are what pyperf would start more processes for. pyperf starts it in an environment
of its own, so that RAWWS_PURE is set for who is to have it, and for nobody else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec

from .case import Case, Figures, Measure, Metric, Missing
from .core_timing import WORK
from .peers import PURE
from .processes import MEASURED, run

TIME = "us"
FRAMES = {"32B": 32, "1KiB": 2**10, "64KiB": 2**16, "1MiB": 2**20}
PAYLOADS = {"125B": 125, "1KiB": 2**10, "16KiB": 2**14, "1MiB": 2**20}
SIZES = {"decode": FRAMES, "encode": FRAMES, "mask": PAYLOADS}
TITLES = {
    "decode": "Decode a masked frame of {}",
    "encode": "Encode a frame of {}, not masked",
    "mask": "Mask {}",
}
QUICK = {"core-decode-32B", "core-encode-32B", "core-mask-1KiB"}
OPTIONS = ("--processes=1", "--values=5", "--min-time=0.02", "--pipe=1")


def cases(quick: bool) -> list[Case]:
    every = [_case(what, size) for what, sizes in SIZES.items() for size in sizes]
    return [case for case in every if not quick or case.name in QUICK]


def _case(what: str, size: str) -> Case:
    return Case(
        name=f"core-{what}-{size}",
        title=TITLES[what].format(size),
        metrics=(Metric(TIME, higher_is_better=False),),
        contestants=tuple(WORK[what]),
        seconds=1.2,
        start=partial(_start, what, SIZES[what][size]),
    )


@contextmanager
def _start(what: str, size: int, contestant: str) -> Iterator[Measure]:
    if find_spec("pyperf") is None:
        raise Missing("not installed (pyperf)")
    yield partial(_measure, what, size, contestant)


def _measure(what: str, size: int, contestant: str) -> Figures:
    from pyperf import Benchmark  # tests have to do without

    module = [sys.executable, "-m", "benchmarks.core_timing", what, str(size), contestant]
    environment = PURE.environment if contestant == PURE.name else {}
    inherited = f"--inherit-environ={','.join(environment)}"
    command = [*module, *OPTIONS, f"--affinity={MEASURED}", inherited]
    output = run(f"{what} by {contestant}", command, MEASURED, environment)
    return {TIME: Benchmark.loads(output).median() * 1e6}
