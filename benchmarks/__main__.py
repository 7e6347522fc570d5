"""`python -m benchmarks`: measures, and tells. `make bench` calls it.

A full run writes benchmarks/results/, which the README shows. A quick run, or a part, writes
elsewhere by default, so that it never stands in for the whole.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import NoReturn

from . import processes, report
from .case import Case, Result
from .progress import progress
from .registry import all_cases
from .rounds import complaints, measure
from .table import as_text

RESULTS = Path(__file__).parent / "results"
PARTS = processes.ROOT / ".bench"
ROUNDS, SECONDS = 5, 1.0
QUICK_ROUNDS, QUICK_SECONDS = 2, 0.2


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        """End, and say why."""
        self.exit(2, f"bench: {message}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line says."""
    parser = command_line()
    options = parser.parse_args(arguments)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    # A case that a quick run leaves out may be asked for by name all the same.
    cases = all_cases(options.quick and not options.cases, seconds)
    try:
        plan = _plan(cases, options.cases, options.peers)
    except LookupError as error:
        parser.error(str(error.args[0]))
    if options.list:
        print("\n".join(f"{case.name:<28}{case.title}" for case, _ in plan))
        return
    _run(plan, rounds, destination(options))


def destination(options: argparse.Namespace) -> Path:
    """The folder that the results go to."""
    is_part = options.quick or options.cases or options.peers
    return options.out or (PARTS if is_part else RESULTS)


def command_line() -> argparse.ArgumentParser:
    """What may be asked for."""
    parser = Parser(prog="python -m benchmarks", description="rawws beside its peers")
    parser.add_argument("--quick", action="store_true", help="fewer cases, less time for each")
    parser.add_argument("--cases", type=_names, metavar="A,B", help='names, "*" for any letters')
    parser.add_argument("--peers", type=_names, metavar="A,B", help="who takes part")
    parser.add_argument("--rounds", type=_whole, metavar="N", help=f"{ROUNDS} unless told")
    parser.add_argument("--seconds", type=_positive, metavar="S", help="of a load's measurement")
    parser.add_argument("--list", action="store_true", help="name the cases, measure nothing")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the results go")
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= 3_600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, up to 3600")
    return number


def _plan(
    cases: Sequence[Case], patterns: Sequence[str] | None, peers: Sequence[str] | None
) -> list[tuple[Case, list[str]]]:
    """Which cases, and who takes part in each. Raises LookupError for a name that is none."""
    chosen = _choose("case", [case.name for case in cases], patterns)
    everyone = list(dict.fromkeys(name for case in cases for name in case.contestants))
    present = _choose("peer", everyone, peers)
    plan = [
        (case, [name for name in case.contestants if name in present])
        for case in cases
        if case.name in chosen
    ]
    return [(case, names) for case, names in plan if names]


def _choose(kind: str, known: Sequence[str], patterns: Sequence[str] | None) -> set[str]:
    chosen = set()
    for pattern in patterns or ["*"]:
        found = {name for name in known if fnmatchcase(name, pattern)}
        if not found:
            raise LookupError(f"unknown {kind} {pattern!r}; there are: {', '.join(known)}")
        chosen |= found
    return chosen


def _run(plan: Sequence[tuple[Case, list[str]]], rounds: int, folder: Path) -> None:
    if len(processes.CORES) < 2:
        print("one core only: it is shared with the load, and no figure here means much")
    results: list[Result] = []
    said: set[tuple[str, str]] = set()
    total = sum(case.seconds * min(rounds, case.enough) * len(names) for case, names in plan)
    with progress(total) as shown:
        for case, names in plan:
            shown.case(case.name)
            advance = partial(shown.advance, case.seconds)
            results.append(measure(case, names, rounds, advance))
            for line in complaints(results[-1], said):
                shown.say(line)
            if results[-1].figures:
                shown.say(as_text(results[-1]) + "\n")
    for line in report.write(results, folder):
        print(line)
    print(f"written to {folder}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; nothing was written")
