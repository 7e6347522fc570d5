"""Processes under test: pinned to a core, listened to, looked at, and ended.

What is measured runs on the first core that this process may use, the load on the last.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .case import Crashed

ROOT = Path(__file__).parent.parent
CORES = sorted(os.sched_getaffinity(0))
MEASURED, LOAD = CORES[0], CORES[-1]
LONGEST_REST = 10.0  # seconds that a server may have to clean up after a load
TICKS = 1  # of CPU time, a hundredth of a second each, in a tenth of a second: that is rest
SHOWN = 4_000  # characters of a crashed process's output


def start(
    command: Sequence[str], core: int, errors: IO[str], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a process on a core; its input and output are pipes."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    os.sched_setaffinity(process.pid, {core})
    return process


def run(
    name: str,
    command: Sequence[str],
    core: int,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a process on a core to its end and give its output. Raises `Crashed`, by its name."""
    with tempfile.TemporaryFile("w+") as errors:
        with start(command, core, errors, environment) as process:
            try:
                output, _ = process.communicate()
            finally:
                process.kill()
        if process.returncode:
            raise failure(name, process, errors)
    return output


def failure(name: str, process: subprocess.Popen[str], errors: IO[str]) -> Crashed:
    """What became of a process that has ended, and the end of what it complained of."""
    code = process.returncode
    ending = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
    errors.seek(0)
    return Crashed(f"{name} {ending}\n{errors.read()[-SHOWN:].strip()}".strip())


@dataclass
class Server:
    """A server that listens on `port`."""

    process: subprocess.Popen[str]
    errors: IO[str]
    port: int = 0

    def crash(self) -> Crashed | None:
        """What became of it, when it has ended."""
        try:
            self.process.wait(0.2)  # a load notices the end before the parent does
        except subprocess.TimeoutExpired:
            return None
        return failure("the server", self.process, self.errors)

    def settle(self) -> None:
        """Wait until it rests, so that what follows on its core is not slowed down by it."""
        end = time.monotonic() + LONGEST_REST
        before = -TICKS
        while (used := _ticks(self.process.pid)) > before + TICKS and time.monotonic() < end:
            before = used
            time.sleep(0.1)

    def kilobytes(self) -> float:
        """The memory it takes (proportional set size), once that has settled."""
        before = 0.0
        while abs((size := _proportional_set_size(self.process.pid)) - before) > size / 1_000:
            before = size
            time.sleep(0.2)
        return size


@contextmanager
def serving(
    command: Sequence[str], core: int, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server that prints its port first. Raises `Crashed` when it does not."""
    with (
        tempfile.TemporaryFile("w+") as errors,
        start(command, core, errors, environment) as process,
    ):
        server = Server(process, errors)
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line.strip().isdigit():
                process.kill()
                raise server.crash() or Crashed("it printed no port")
            server.port = int(line)
            yield server
        finally:
            process.kill()


def _ticks(pid: int) -> int:
    """What CPU time it has used [proc(5), utime and stime of /proc/pid/stat]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _proportional_set_size(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return float(line.split()[1])
    raise Crashed("the kernel does not tell what memory it takes")
