"""Charts of the results, for the README: SVG, the same bytes for the same figures.

A chart is a row in CHARTS: its cases, and a function that draws them on axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from .case import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Results = Mapping[str, Result]

INK, FAINT, OURS, THEIRS = "#24292f", "#d0d7de", "#0969da", "#8c959f"
COLOURS = {
    "rawws": OURS,
    "trio-websocket": "#bc4c00",
    "websockets.trio": "#cf222e",
    "websockets.asyncio": "#8250df",
    "websockets.asyncio+uvloop": "#bf3989",
    "aiohttp": "#1a7f37",
    "picows": "#1b7c83",
    "bare-trio": "#6e7781",
}
STYLE = {
    "svg.hashsalt": "rawws",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    # A light ground of its own: it reads the same on a light page and on a dark one.
    "figure.facecolor": "#ffffff",
    "axes.facecolor": "#ffffff",
}


@dataclass(frozen=True)
class Chart:
    """One file.

    Attributes:
        file: its name, without ".svg".
        title: what stands above.
        cases: what it shows; without a figure of the first for rawws it is not drawn.
        draw: draws it.
    """

    file: str
    title: str
    cases: tuple[str, ...]
    draw: Callable[[Axes, Chart, Results], None]


def draw(results: Sequence[Result], folder: Path) -> None:
    """Draw those charts that there are figures for. Raises ImportError without matplotlib."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    by_name = {result.case.name: result for result in results if result.figures}
    with mpl.rc_context(STYLE):
        for chart in CHARTS:
            if "rawws" not in _medians(by_name, chart.cases[0]):
                continue
            figure = Figure(figsize=(7.5, 3.7))
            figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
            axes = figure.subplots()
            axes.set_title(chart.title, loc="left", fontweight="bold", fontsize=11)
            chart.draw(axes, chart, by_name)
            figure.savefig(folder / f"{chart.file}.svg", metadata={"Date": None})


def _medians(results: Results, case: str) -> dict[str, float]:
    """Contestant -> median of the case's first metric."""
    if case not in results:
        return {}
    result = results[case]
    figures = result.figures.get(result.case.metrics[0].name, {})
    return {name: median(of_name) for name, of_name in figures.items()}


def bars(axes: Axes, chart: Chart, results: Results) -> None:
    """A bar for each contestant of one case; the best on top."""
    metric = results[chart.cases[0]].case.metrics[0]
    medians = _medians(results, chart.cases[0])
    medians.pop("C-ceiling", None)  # it would dwarf all others, and is no choice one has
    names = sorted(medians, key=lambda name: medians[name], reverse=not metric.higher_is_better)
    drawn = axes.barh(
        names,
        [medians[name] for name in names],
        color=[OURS if name.startswith("rawws") else THEIRS for name in names],
        height=0.65,
    )
    axes.bar_label(drawn, labels=[_short(medians[name]) for name in names], padding=4)
    axes.margins(x=0.12)
    axes.set_xlabel(metric.name)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda number, _: _short(number))


def grouped_bars(axes: Axes, chart: Chart, results: Results) -> None:
    """A group of bars for each case, each peer in its colour, as multiples of rawws."""
    cases = [case for case in chart.cases if "rawws" in _medians(results, case)]
    names = [name for name in COLOURS if any(name in _medians(results, case) for case in cases)]
    width = 0.85 / len(names)
    for place, name in enumerate(names):
        offsets = [group + place * width for group in range(len(cases))]
        heights = [_of_ours(results, case, name) for case in cases]
        axes.bar(offsets, heights, width * 0.9, color=COLOURS[name], label=name)
    middle = (len(names) - 1) * width / 2
    labels = [_label(case) for case in cases]
    axes.set_xticks([group + middle for group in range(len(cases))], labels)
    axes.axhline(1, color=OURS, linewidth=0.8, linestyle=":")
    axes.set_ylabel("messages/s, rawws = 1")
    axes.tick_params(axis="x", length=0)
    axes.figure.legend(loc="outside right upper", frameon=False, fontsize=8)


def lines(axes: Axes, chart: Chart, results: Results) -> None:
    """A line for each peer, from few connections to many."""
    ends = []
    for name, colour in COLOURS.items():
        points = [
            (_connections(case), _medians(results, case)[name])
            for case in chart.cases
            if name in _medians(results, case)
        ]
        if points:
            width = 2.5 if name == "rawws" else 1.2
            axes.plot(*zip(*points, strict=True), "o-", color=colour, lw=width, ms=3, label=name)
            ends.append(points[-1])
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("connections")
    axes.set_ylabel("messages/s")
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:,.0f}")
    axes.yaxis.set_major_formatter(lambda number, _: _short(number))
    axes.figure.legend(loc="outside right upper", frameon=False, fontsize=8)


def _of_ours(results: Results, case: str, name: str) -> float:
    medians = _medians(results, case)
    return medians.get(name, 0) / medians["rawws"]


def _label(case: str) -> str:
    """The size out of "echo-64KiB-10c", and how many connections."""
    _, size, connections = case.split("-")
    return f"{size}\n{connections.removesuffix('c')} conns"


def _connections(case: str) -> int:
    return int(case.rsplit("-", 1)[1].removesuffix("c"))


def _short(number: float) -> str:
    if number >= 1_000:
        return f"{number / 1_000:.0f}k" if number >= 10_000 else f"{number / 1_000:.1f}k"
    return f"{number:.3g}"


CHARTS = (
    Chart("echo", "Echo of 32 bytes, 100 connections", ("echo-32B-100c",), bars),
    Chart(
        "sizes",
        "Echo by size",
        ("echo-32B-100c", "echo-1KiB-100c", "echo-64KiB-10c", "echo-1MiB-4c"),
        grouped_bars,
    ),
    Chart(
        "connections",
        "Echo of 32 bytes, from 1 to 10,000 connections",
        tuple(f"echo-32B-{number}c" for number in (1, 10, 100, 1_000, 10_000)),
        lines,
    ),
    Chart("broadcast", "Broadcast to 1,000 connections", ("broadcast-1000",), bars),
    Chart("memory", "Memory of an idle connection (less is better)", ("idle-memory-5000",), bars),
)
