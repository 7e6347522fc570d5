"""Echo: how many messages a second rawws sends back, beside its peers.

Each server is a process of its own, all on one core; the load (load.c, compiled for the
occasion) has another core to itself. In every round each server gets its turn, so that a
machine that is slow for a while is slow for all. The table has the median of the rounds, the
lowest and the highest, and how many times as fast as each peer rawws was, by the medians.
The last row is an echo server in C that does next to nothing: what the load can do at most.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent


@dataclass
class Server:
    """One row of the table.

    Attributes:
        name: what the table calls it.
        package: what has to be installed for it, "" for nothing.
        module: in benchmarks/servers; "" is the one in C.
        traffic: "websocket", or "bytes" for a server that does not speak it.
    """

    name: str
    package: str
    module: str
    traffic: str = "websocket"
    port: int = 0
    figures: list[float] = field(default_factory=list)


SERVERS = [
    Server("rawws", "rawws", "rawws_echo"),
    Server("trio-websocket", "trio_websocket", "trio_websocket_echo"),
    Server("websockets.trio", "websockets", "websockets_trio_echo"),
    Server("bare Trio SocketStream, bytes", "trio", "bare_trio_echo", "bytes"),
    Server("C, bytes: the load's ceiling", "", "", "bytes"),
]


def main() -> None:
    options = _parser().parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("one core only: server and load share it, and no figure here means much")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        load = _compile(Path(folder))
        servers = []
        for server in SERVERS:
            if server.package and find_spec(server.package) is None:
                print(f"{server.name}: not installed")
                continue
            command = [sys.executable, "-m", f"benchmarks.servers.{server.module}"]
            command = command if server.module else [load, "server"]
            server.port = running.enter_context(_running(command, cores[0]))
            servers.append(server)
        for number in range(options.rounds):
            for server in servers:
                server.figures.append(_measure(load, server, options, cores[-1]))
            print(f"\rround {number + 1} of {options.rounds}", end="", flush=True)
    print(
        f"\n{options.connections} connections, {options.size} bytes, "
        f"{options.in_flight} in flight, messages per second:"
    )
    _print_table(servers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.echo")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--size", type=int, default=32, help="bytes of a message")
    parser.add_argument("--in-flight", type=int, default=1, help="messages per connection")
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=7)
    return parser


def _compile(folder: Path) -> str:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("bench: the load is written in C, and there is no C compiler")
    program = str(folder / "load")
    subprocess.run([compiler, "-O2", "-o", program, str(HERE / "load.c")], check=True)
    return program


@contextmanager
def _running(command: Sequence[str], core: int) -> Iterator[int]:
    """A server on that core; gives the port it has printed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(process.pid, {core})
        try:
            assert process.stdout is not None
            port = process.stdout.readline()
            if not port:
                sys.exit(f"bench: {command[-1]} did not start")
            yield int(port)
        finally:
            process.kill()


def _measure(load: str, server: Server, options: argparse.Namespace, core: int) -> float:
    numbers = [server.port, options.connections, options.size, options.in_flight, options.seconds]
    command = [load, server.traffic, *map(str, numbers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(process.pid, {core})
        output, _ = process.communicate()
    if process.returncode:
        sys.exit(f"bench: the load failed against {server.name}")
    return float(output)


def _print_table(servers: Sequence[Server]) -> None:
    print(f"{'server':<32}{'median':>10}{'lowest':>10}{'highest':>10}{'rawws is':>11}")
    ours = next((median(server.figures) for server in servers if server.name == "rawws"), 0)
    for server in servers:
        middle = median(server.figures)
        row = f"{server.name:<32}{middle:>10,.0f}"
        row += f"{min(server.figures):>10,.0f}{max(server.figures):>10,.0f}"
        if ours and server.name != "rawws":
            row += f"{ours / middle:>9.2f} x"
        print(row)


if __name__ == "__main__":
    main()
