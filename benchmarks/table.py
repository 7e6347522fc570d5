"""The figures of a case as rows: median, lowest, highest, and rawws beside each peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from .case import Metric, Result

OURS = "rawws"


@dataclass(frozen=True)
class Row:
    """A contestant's figures.

    Attributes:
        ratio: rawws's median by its own; None where there is no such thing.
    """

    name: str
    median: float
    lowest: float
    highest: float
    ratio: float | None


def rows(figures: Mapping[str, Sequence[float]]) -> list[Row]:
    """The rows of contestants and their figures, in the same order."""
    ours = median(figures[OURS]) if OURS in figures else None
    result = []
    for name, of_name in figures.items():
        middle = median(of_name)
        ratio = ours / middle if ours is not None and name != OURS and middle else None
        result.append(Row(name, middle, min(of_name), max(of_name), ratio))
    return result


def as_text(result: Result) -> str:
    """For a terminal."""
    lines = [result.case.title]
    for metric, lines_of_metric in _each_metric(result):
        header = ("", "median", "lowest", "highest", "rawws is")
        cells = [header, *map(_cells, lines_of_metric)]
        lines.append(f"  {_described(metric)}")
        lines += [
            f"  {name:<30}" + "".join(f"{cell:>12}" for cell in rest) for name, *rest in cells
        ]
    return "\n".join(lines)


def as_markdown(result: Result) -> str:
    """For a page."""
    lines = [f"### {result.case.title}", "", f"`{result.case.name}`", ""]
    for metric, rows_of_metric in _each_metric(result):
        lines += [f"| {_described(metric)} | median | lowest | highest | rawws is |"]
        lines += ["|--|--:|--:|--:|--:|"]
        lines += [f"| {' | '.join(_cells(row))} |" for row in rows_of_metric]
        lines += [""]
    lines += [f"{name}: {in_a_line(why)}\n" for name, why in result.absent.items()]
    return "\n".join(lines)


def in_a_line(why: str) -> str:
    """How it ended, and the last it said; a page is no place for a traceback."""
    first, *rest = why.splitlines()
    return ": ".join([first, *rest[-1:]])


def _each_metric(result: Result) -> list[tuple[Metric, list[Row]]]:
    metrics = [metric for metric in result.case.metrics if result.figures.get(metric.name)]
    return [(metric, rows(_in_order(result, metric.name))) for metric in metrics]


def _in_order(result: Result, metric: str) -> dict[str, list[float]]:
    figures = result.figures[metric]
    return {name: figures[name] for name in result.case.contestants if name in figures}


def _described(metric: Metric) -> str:
    return metric.name if metric.higher_is_better else f"{metric.name} (less is better)"


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
    return (row.name, *map(_number, (row.median, row.lowest, row.highest)), ratio)


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 1_000 else f"{figure:.3g}"
