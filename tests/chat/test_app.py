"""The command, as a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

import rawws
from tests.chat.support import PATIENCE, RawClient, join

COMMAND = [sys.executable, "-m", "rawws.chat"]


class Running:
    """The command at work."""

    def __init__(self, process: trio.Process, line: str) -> None:
        self.process = process
        self.line = line
        self.port = int(re.findall(r":(\d+)/", line)[0])

    async def wait(self) -> tuple[int, bytes]:
        """Its exit code, and what it wrote after the first line."""
        assert self.process.stdout is not None
        with trio.fail_after(PATIENCE / 2):
            rest = b"".join([data async for data in self.process.stdout])
            return await self.process.wait(), rest


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[Running]:
    process = await trio.lowlevel.open_process(
        [*COMMAND, "--port", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        line = b""
        with trio.fail_after(PATIENCE):
            while not line.endswith(b"\n"):
                data = await process.stdout.receive_some()
                assert data, line
                line += data
        yield Running(process, line.decode())
    finally:
        if process.returncode is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
        await process.stdout.aclose()


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
async def test_signal_closes_every_connection_with_1001_and_exits_0(which: signal.Signals) -> None:
    async with running() as chat:
        assert chat.line == f"rawws chat is at http://127.0.0.1:{chat.port}/ (Ctrl-C stops it)\n"
        async with rawws.connect(f"ws://127.0.0.1:{chat.port}/ws") as ws:
            assert (await join(ws, "Ada"))["type"] == "joined"
            chat.process.send_signal(which)
            with trio.fail_after(PATIENCE):
                assert (await ws.wait_closed()).code == 1001
        assert await chat.wait() == (0, b"")


async def test_second_signal_does_not_wait_for_a_client_that_does_not_answer() -> None:
    async with running() as chat:
        with RawClient(chat.port) as silent:
            chat.process.terminate()
            opcode, payload = await trio.to_thread.run_sync(silent.receive)
            assert (opcode, payload[:2]) == (8, (1001).to_bytes(2))
            assert chat.process.returncode is None
            chat.process.terminate()
            assert await chat.wait() == (0, b"")


async def test_port_in_use_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with trio.fail_after(PATIENCE):
            result = await trio.run_process(
                [*COMMAND, "--port", str(port)], capture_stderr=True, check=False
            )
    assert result.returncode == 1
    expected = f"Error: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert result.stderr.decode() == expected


async def test_other_loopback_names_are_listened_on_and_printed() -> None:
    async with running("--host", "localhost") as chat:
        assert f"http://localhost:{chat.port}/" in chat.line
        async with rawws.connect(f"ws://localhost:{chat.port}/ws") as ws:
            assert (await join(ws, "Ada"))["type"] == "joined"
