"""What came out, as files: JSON with every figure, Markdown with tables, charts."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import charts, push_chart
from .case import Result
from .table import as_markdown, in_a_line

PACKAGES = (
    "rawws",
    "trio",
    "wsproto",
    "h11",
    "trio-websocket",
    "websockets",
    "aiohttp",
    "picows",
    "uvloop",
)


def write(results: Sequence[Result], folder: Path) -> list[str]:
    """Write latest.json, latest.md and the charts.

    Returns:
        What could not be written, a line each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    machine = surroundings()
    document = {**machine, "cases": [_as_json(result) for result in results]}
    (folder / "latest.json").write_text(json.dumps(document, indent=1) + "\n")
    tables = "\n".join(map(as_markdown, results))
    (folder / "latest.md").write_text(f"# Benchmarks\n\n{_in_words(machine)}\n{tables}")
    try:
        charts.draw(results, folder)
        for result in results:
            if result.case.name == "push":
                push_chart.draw(result, folder / "push.svg")
    except ImportError as why:
        return [f"no charts: {why}"]
    return []


def surroundings() -> dict[str, object]:
    """Where and with what it was measured."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _as_json(result: Result) -> dict[str, object]:
    metrics = [
        {
            "name": metric.name,
            "higher_is_better": metric.higher_is_better,
            "figures": result.figures.get(metric.name, {}),
        }
        for metric in result.case.metrics
    ]
    case = result.case
    return {
        "name": case.name,
        "title": case.title,
        "metrics": metrics,
        "absent": {name: in_a_line(why) for name, why in result.absent.items()},
    }


def _in_words(machine: dict[str, object]) -> str:
    versions = machine["versions"]
    assert isinstance(versions, dict)
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    return (
        f"{machine['date']}, {machine['python']}, {machine['kernel']}, {machine['processor']}, "
        f"{machine['cores']} cores.\n{packages}.\n\n"
        "Servers, and clients where they are what is measured, run on one core, the load on "
        'another. Rounds are interleaved: in each, everyone has a turn. "rawws is" gives the '
        "median of rawws by that of the row. C-ceiling is what the load can do at most, "
        "bare-trio is Trio's SocketStream without WebSocket.\n"
    )
