"""The command `rawws`, run as people run it."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial

import pytest
import trio

import rawws
from rawws.cli import main

COMMAND = [sys.executable, "-m", "rawws"]


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"rawws {rawws.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["sing"], ["echo", "--port", "65536"]])
def test_wrong_arguments_are_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: rawws" in capsys.readouterr().err


async def test_echo_prints_its_url_and_sends_back_until_ctrl_c() -> None:
    command = partial(
        trio.run_process, [*COMMAND, "echo", "--port", "0"], stdout=subprocess.PIPE, check=False
    )
    async with trio.open_nursery() as nursery:
        process = await nursery.start(command)
        url = (await process.stdout.receive_some()).decode().strip()
        with trio.fail_after(10):
            async with rawws.connect(url) as ws:
                await ws.send("what")
                assert await ws.receive() == "what"
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130


async def test_echo_says_why_it_cannot_listen() -> None:
    listener, *_ = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port = listener.socket.getsockname()[1]
        taken = [*COMMAND, "echo", "--port", str(port)]
        done = await trio.run_process(taken, check=False, capture_stderr=True)
    assert done.returncode == 1
    assert done.stderr.startswith(b"rawws: cannot listen on 127.0.0.1 port")
