"""What a run found: a table by category, the cases to look at, and whether that is good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from .roles import Run

CATEGORIES = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "close",
    "9": "limits and speed",
    "10": "various",
    "12": "compression, payloads",
    "13": "compression, parameters",
}
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}
MAX_NON_STRICT = 3
FIRST_COLUMN = 30


def describe(run: Run) -> Iterator[str]:
    """The lines to print."""
    yield f"rawws as {run.role}: {len(run.results)} of {len(run.selected)} cases"
    yield from _table("behaviour", "behavior", run)
    yield from _table("close behaviour", "behaviorClose", run)
    for case in sorted(run.results, key=_by_number):
        result = run.results[case]
        if case in _bad(run) or result["behavior"] == "NON-STRICT":
            yield f"  {case}: {result['behavior']}, close {result['behaviorClose']}"
    yield from (f"  {problem}" for problem in problems(run))
    yield f"  details: {run.folder}/index.html"


def problems(run: Run) -> Iterator[str]:
    """Why the run is not good enough; nothing when it is."""
    if run.problem:
        yield run.problem
    if not run.selected:
        yield "no case was selected"
    if missing := set(run.selected) - set(run.results):
        yield f"not run: {len(missing)} cases, {min(missing, key=_by_number)} the first"
    if bad := _bad(run):
        yield f"bad: {len(bad)} cases"
    non_strict = [each for each in run.results.values() if each["behavior"] == "NON-STRICT"]
    if len(non_strict) > MAX_NON_STRICT:
        yield f"NON-STRICT: {len(non_strict)} cases, {MAX_NON_STRICT} allowed"


def _bad(run: Run) -> set[str]:
    return {
        case
        for case, result in run.results.items()
        if not {result["behavior"], result["behaviorClose"]} <= GOOD
    }


def _table(title: str, key: str, run: Run) -> Iterator[str]:
    """Categories down, verdicts across."""
    counts: dict[str, Counter[str]] = {}
    for case in sorted(run.results, key=_by_number):
        counts.setdefault(case.partition(".")[0], Counter())[run.results[case][key]] += 1
    total = sum(counts.values(), Counter[str]())
    verdicts = sorted(total, key=lambda verdict: (verdict not in GOOD, -total[verdict]))
    yield ""
    yield _line(title, ["cases", *verdicts])
    for number, count in counts.items():
        name = f"{number:>2} {CATEGORIES.get(number, '')}"
        yield _line(name, [count.total(), *(count[each] or "" for each in verdicts)])
    yield _line("all", [total.total(), *(total[each] for each in verdicts)])


def _line(first: str, rest: Iterable[object]) -> str:
    return f"  {first:<{FIRST_COLUMN}}" + "".join(f"{each!s:>15}" for each in rest)


def _by_number(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]
