"""Arguments in, the right command run, an exit status out.

The status is 0 when a command ended as it should, 1 when it could not do its work, 2 for
wrong arguments and 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import trio

import rawws

from .echo import echo


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs `rawws` with `arguments`, by default those of the process.

    Raises:
        SystemExit: always, with the exit status.
    """
    options = _parser().parse_args(arguments)
    status: int | str = 0
    try:
        trio.run(echo, options.host, options.port)
    except* KeyboardInterrupt:
        status = 130
    except* OSError as group:
        why = group.exceptions[0]
        status = f"rawws: cannot listen on {options.host} port {options.port}: {why}"
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rawws", description="WebSockets for Trio.")
    parser.add_argument("--version", action="version", version=f"rawws {rawws.__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    server = commands.add_parser("echo", help="serve: every message goes back as it came")
    server.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    server.add_argument("--port", type=_port, default=8000, help="0 takes a free one (%(default)s)")
    return parser


def _port(text: str) -> int:
    """A TCP port; argparse reports what is none."""
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port
