"""One run of the suite against our server, one against our client.

The suite's programs are children of this process and end with the run, however it ends.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import trio

import rawws

AGENT = "rawws"
STUCK = 600  # seconds without a word from the suite; its own longest deadline is 480
COMPRESSION = rawws.Deflate()
LIMITS = rawws.Limits(max_message_size=64 * 2**20, max_fragments=None)
TIMEOUTS = rawws.Timeouts(handshake=60, ping_interval=120, ping=120, write=120, close=30)


@dataclass
class Run:
    """A run in one role, as it goes on.

    Attributes:
        role: what we are, "server" or "client".
        folder: where the suite's reports and its log are.
        on_case: called as each case begins.
        selected: the cases that the suite will run, by number ("1.1.1").
        begun: those that have begun.
        results: the suite's judgement of each case, once it has ended.
        problem: why the run could not be finished, "" when it was.
    """

    role: str
    folder: Path
    on_case: Callable[[Run], None]
    selected: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    problem: str = ""
    patience: trio.CancelScope = field(default_factory=trio.CancelScope)

    def note(self, line: str) -> None:
        """Takes a line that the suite has printed."""
        self.patience.deadline = trio.current_time() + STUCK
        if line.startswith("Cases = "):
            self.selected = re.findall(r"[\d.]+\d", line)
        elif begun := re.match(r"Running test case ID (\S+)", line):
            self.begun.append(begun[1])
            self.on_case(self)


async def run_role(wstest: Sequence[str], cases: Sequence[str], run: Run) -> None:
    """Runs the suite's `cases`, which may be patterns ("1.*"), and fills `run`."""
    run.folder.mkdir(parents=True)
    against = _against_our_server if run.role == "server" else _against_our_client
    with run.patience:
        await against(wstest, {"cases": list(cases), "exclude-cases": []}, run)
    if run.patience.cancelled_caught:
        run.problem = f"the suite was stuck for {STUCK} s at case {run.begun[-1:]}"
        return
    try:
        run.results = json.loads((run.folder / "index.json").read_text())[AGENT]
    except (OSError, KeyError):
        run.problem = f"the suite left no report; see {run.folder}/wstest.log"


async def _against_our_server(wstest: Sequence[str], spec: dict[str, Any], run: Run) -> None:
    serve = partial(rawws.serve, compression=COMPRESSION, limits=LIMITS, timeouts=TIMEOUTS)
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve, _echo, 0, host="127.0.0.1"))
        spec["servers"] = [{"agent": AGENT, "url": f"ws://127.0.0.1:{server.port}"}]
        async with _suite([*wstest, "--mode", "fuzzingclient"], spec, run) as suite:
            await suite.wait()
        nursery.cancel_scope.cancel()


async def _against_our_client(wstest: Sequence[str], spec: dict[str, Any], run: Run) -> None:
    port = await _free_port()
    spec["url"] = url = f"ws://127.0.0.1:{port}"
    command = [*wstest, "--mode", "fuzzingserver", "--webport", "0"]
    async with _suite(command, spec, run) as suite:
        if not await _takes_connections(suite, port):
            return
        async with _connect(f"{url}/getCaseCount") as ws:
            count = int(await ws.receive())
        for number in range(1, count + 1):
            await _run_case(f"{url}/runCase?case={number}&agent={AGENT}", run)
        async with _connect(f"{url}/updateReports?agent={AGENT}") as ws:
            await ws.wait_closed()


async def _run_case(url: str, run: Run) -> None:
    """One case. Many end badly on purpose: the suite is the judge, the log may explain."""
    try:
        async with _connect(url) as ws:
            await _echo(ws)
    except rawws.RawwsError as error:
        with (run.folder / "client.log").open("a") as log:
            print(url, repr(error), file=log)


async def _echo(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


_connect = partial(rawws.connect, compression=COMPRESSION, limits=LIMITS, timeouts=TIMEOUTS)


@asynccontextmanager
async def _suite(command: list[str], spec: dict[str, Any], run: Run) -> AsyncIterator[trio.Process]:
    """The suite at work; ended with the block."""
    spec_file = run.folder / "spec.json"
    spec_file.write_text(json.dumps(spec | {"outdir": str(run.folder)}))
    start = partial(trio.run_process, [*command, "--spec", str(spec_file)], check=False)
    async with trio.open_nursery() as nursery:
        suite = await nursery.start(
            partial(start, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        )
        nursery.start_soon(_follow, suite, run)
        yield suite
        nursery.cancel_scope.cancel()


async def _follow(suite: trio.Process, run: Run) -> None:
    """Hears what the suite prints, and keeps it in a log."""
    assert suite.stdout is not None
    rest = b""
    with (run.folder / "wstest.log").open("wb", buffering=0) as log:
        async for data in suite.stdout:
            log.write(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                run.note(line.decode(errors="replace"))


async def _free_port() -> int:
    listener, *_ = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        return int(listener.socket.getsockname()[1])


async def _takes_connections(suite: trio.Process, port: int) -> bool:
    """Tries until a connection is taken; `False` when the suite has ended instead."""
    while suite.returncode is None:
        try:
            await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
        except OSError:
            await trio.sleep(0.05)
        else:
            return True
    return False
