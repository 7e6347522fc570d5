"""One case: everyone ready at once, then measured in turn, round by round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from .case import Case, Crashed, Measure, Missing, Result


def measure(
    case: Case, contestants: Sequence[str], rounds: int, step: Callable[[], None]
) -> Result:
    """Measure a case.

    Who is missing or crashes is noted in the result, has no figure, and holds up nobody.

    Args:
        contestants: who takes part, of those the case has.
        rounds: fewer, if the case says that fewer are enough.
        step: called after each turn, a measurement or not.
    """
    result = Result(case)
    rounds = min(rounds, case.enough)
    with ExitStack() as running:
        ready = _start(case, contestants, running, result)
        for _ in range(rounds):
            for name in contestants:
                if name in ready and not _turn(ready[name], name, result):
                    del ready[name]
                step()
    return result


def _start(
    case: Case, contestants: Sequence[str], running: ExitStack, result: Result
) -> dict[str, Measure]:
    ready = {}
    for name in contestants:
        try:
            ready[name] = running.enter_context(case.start(name))
        except (Missing, Crashed) as why:
            result.absent[name] = str(why)
    return ready


def _turn(measure: Measure, name: str, result: Result) -> bool:
    """Measure once; False when that failed."""
    try:
        figures = measure()
    except (Missing, Crashed) as why:
        result.absent[name] = str(why)
        for of_metric in result.figures.values():
            of_metric.pop(name, None)
        return False
    for metric, figure in figures.items():
        result.figures.setdefault(metric, {}).setdefault(name, []).append(figure)
    return True


def complaints(result: Result, said: set[tuple[str, str]]) -> Iterator[str]:
    """Why some are absent: a line for each reason and those it holds for; each said once."""
    reasons: dict[str, list[str]] = {}
    for name, why in result.absent.items():
        if (name, why) not in said:
            said.add((name, why))
            reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        yield f"{', '.join(names)}: {why}"
