"""The command: which cases, in which roles, and an exit status.

0 when all is well, 1 when a case is bad, 3 where there is no Python 2.7, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import trio

from .environment import NoPython27, make_wstest
from .report import describe, problems
from .roles import Run, run_role

HOME = Path(__file__).parents[3] / ".autobahn"
# One case of each group of 12 and 13: number 11, which also fragments what it compresses.
ONE_OF_EACH = [f"12.{group}.11" for group in range(1, 6)]
ONE_OF_EACH += [f"13.{group}.11" for group in range(1, 8)]
QUICK = [*(f"{category}.*" for category in range(1, 8)), "10.*", *ONE_OF_EACH]


def main() -> int:
    options = _parser().parse_args()
    cases = QUICK if options.quick else options.cases.split(",")
    roles = ["server", "client"] if options.role == "both" else [options.role]
    try:
        wstest = make_wstest(HOME)
    except NoPython27 as missing:
        print(f"autobahn: {missing}")
        return 3
    except subprocess.CalledProcessError as failure:
        print(f"autobahn: {failure}")
        return 1
    runs = []
    for role in roles:
        folder = HOME / "reports" / role
        shutil.rmtree(folder, ignore_errors=True)
        runs.append(Run(role, folder, _progress()))
        trio.run(run_role, wstest, cases, runs[-1])
    for run in runs:
        print("", *describe(run), sep="\n")
    return 1 if any(list(problems(run)) for run in runs) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.autobahn")
    parser.add_argument("--cases", default="*", help='numbers or patterns: "1.*,2.3"')
    parser.add_argument("--role", choices=["server", "client", "both"], default="both")
    parser.add_argument("--quick", action="store_true", help="the cases that CI runs")
    return parser


def _progress() -> Callable[[Run], None]:
    """Shows each case on a terminal, each category elsewhere."""
    start = time.monotonic()
    terminal = sys.stdout.isatty()
    shown = ""

    def show(run: Run) -> None:
        nonlocal shown
        case = run.begun[-1]
        category = case.partition(".")[0]
        line = f"{run.role}: case {case}, {len(run.begun)} of {len(run.selected)}"
        line += f", {time.monotonic() - start:.0f} s"
        if terminal:
            print(f"\r\x1b[K{line}", end="", flush=True)
        elif category != shown:
            shown = category
            print(line, flush=True)

    return show


if __name__ == "__main__":
    status = 130
    try:
        status = main()
    except* KeyboardInterrupt:
        print("\nautobahn: stopped")
    sys.exit(status)
