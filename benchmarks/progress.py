"""How far it is: a bar with the time left on a terminal, a line a case elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """What is told of how far it is."""

    def case(self, title: str) -> None:
        """A case begins."""

    def advance(self, seconds: float) -> None:
        """What was to take that long, is done."""

    def say(self, text: str) -> None:
        """Print `text`, and leave it standing."""


@contextmanager
def progress(seconds: float) -> Iterator[Progress]:
    """Show how far it is while the body runs, which takes about so many seconds."""
    if sys.stdout.isatty():
        try:
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar
        except ImportError:
            pass
        else:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
            # It is drawn seldom: drawing takes time on a core that is being measured.
            with Bar(*columns, refresh_per_second=1, speed_estimate_period=120) as bar:
                task = bar.add_task("", total=seconds)
                yield _OnTerminal(
                    case=lambda title: bar.update(task, description=title),
                    advance=lambda done: bar.advance(task, done),
                    say=lambda text: bar.console.print(text, markup=False, highlight=False),
                )
            return
    yield _Lines(seconds)


@dataclass
class _OnTerminal:
    case: Callable[[str], None]
    advance: Callable[[float], None]
    say: Callable[[str], None]


class _Lines:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._done = 0.0
        self._started = time.monotonic()

    def case(self, title: str) -> None:
        passed = time.monotonic() - self._started
        left = self._seconds - self._done
        if self._done:
            left *= passed / self._done
        self.say(f"{title} ({_span(left)} left)")

    def advance(self, seconds: float) -> None:
        self._done += seconds

    def say(self, text: str) -> None:
        print(text, flush=True)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
