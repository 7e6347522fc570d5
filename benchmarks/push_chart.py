"""The chart of case "push": what it takes to hear of an update, by WebSocket and by polling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from .case import Result
from .charts import FAINT, OURS, STYLE, THEIRS
from .push_client import BYTES, DELAY, REQUESTS, WEBSOCKET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_STYLE = {"axes.grid": True, "font.size": 9, "grid.color": FAINT, "grid.alpha": 0.5}
PANELS = {
    DELAY: "Milliseconds until a client knows",
    BYTES: "Bytes per update",
    REQUESTS: "Requests per update",
}


def draw(result: Result, path: Path) -> None:
    """Write the medians of a result of case "push" as SVG, if it has any figures.

    Raises ImportError without matplotlib.
    """
    ways = [way for way in result.case.contestants if way in result.figures.get(DELAY, {})]
    if not ways:
        return
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    with mpl.rc_context(STYLE | PANEL_STYLE):
        figure, panels = plt.subplots(
            1, len(PANELS), figsize=(9.6, 2.9), sharey=True, layout="constrained"
        )
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
        figure.suptitle(f"{result.case.title} (logarithmic scales)", fontsize=9)
        for axes, (metric, title) in zip(panels, PANELS.items(), strict=True):
            _draw_panel(axes, title, ways, [median(result.figures[metric][way]) for way in ways])
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _draw_panel(axes: Axes, title: str, ways: Sequence[str], values: Sequence[float]) -> None:
    """A row for each way, the first on top: a dot, as a bar would have to begin at zero."""
    colours = [OURS if way == WEBSOCKET else THEIRS for way in ways]
    rows = range(len(ways))
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, max(values) * 6)  # room for the labels
    axes.scatter(values, rows, c=colours, s=40, zorder=2)
    for row, value, colour in zip(rows, values, colours, strict=True):
        label = axes.annotate(
            _readable(value),
            (value, row),
            (7, 0),
            textcoords="offset points",
            va="center",
            bbox={"facecolor": "white", "linewidth": 0, "pad": 1},
        )
        if colour == OURS:
            label.set(color=OURS, weight="bold")
    axes.set_title(title, fontsize=9.5, weight="bold", loc="left")
    axes.set_yticks(rows, ways)
    axes.set_ylim(len(ways) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.tick_params(length=0, which="both")
    axes.spines[:].set_visible(False)


def _readable(value: float) -> str:
    """Two digits that count, or all before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
