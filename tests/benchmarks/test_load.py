"""The load in C: it counts what is right, and refuses what is not."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import messages, processes
from benchmarks.case import Crashed, Missing
from benchmarks.load import Load, program
from benchmarks.memory import NOTHING
from benchmarks.peers import BY_NAME, Peer

from . import fakes

MESSAGES = messages.binary(32)
CLOSE = b"\x88\x82"
PING = b"\x89\x04ping"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
BRIEF = (("connections", 1), ("seconds", 0.05))


@pytest.fixture(autouse=True)
def compiler(require: Callable[[str], str]) -> None:
    require("cc")


def serving_bytes(answer: str) -> AbstractContextManager[processes.Server]:
    """A server that sends back `answer`, an expression about what it got: `data`.

    When one comes, those who are there get a ping.
    """
    return fakes.python(f"""
import socketserver

present = []

class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        for other in present:
            other.sendall({PING})
        present.append(self.request)
        while (data := self.request.recv(65536)) and (answer := {answer}):
            self.request.sendall(answer)

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
""")


def echo(port: int) -> float:
    command_line = Load("echo", MESSAGES, numbers=BRIEF).command(port, websocket=False)
    return float(processes.run("the load", command_line, processes.LOAD))


def test_load_counts_replies() -> None:
    with serving_bytes("data") as server:
        assert echo(server.port) > 0


def test_load_refuses_a_reply_that_is_not_what_was_sent() -> None:
    differs = pytest.raises(Crashed, match="a reply is not what was sent")
    with serving_bytes("data[:-1] + b'!'") as server, differs:
        echo(server.port)


def test_load_says_that_the_server_closed_the_connection() -> None:
    closed = pytest.raises(Crashed, match="the server closed the connection")
    with serving_bytes("b''") as server, closed:
        echo(server.port)


def test_load_passes_over_pings_while_it_counts() -> None:
    echo = f"b'' if {CLOSE} in data else {PING + MESSAGES.replies}"
    answer = f"{SWITCHING} if data[:3] == b'GET' else {echo}"
    with serving_bytes(answer) as server:
        assert Load("echo", MESSAGES, numbers=BRIEF).measure(server) > 0


def test_load_passes_over_pings_while_it_holds() -> None:
    load = Load("hold", NOTHING, numbers=(("connections", 3),))
    with serving_bytes(f"{SWITCHING}") as server, load.holding(server) as crowd:
        for number in (1, 2, 3):
            crowd.grow_to(number)


def test_load_says_that_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Crashed, match="refused"):
        echo(port)


def test_crash_of_the_server_is_told_before_what_the_load_saw() -> None:
    crashed = pytest.raises(Crashed, match=r"(?s)the server ended with status 3")
    with serving_bytes("__import__('os')._exit(3)") as server, crashed:
        Load("echo", MESSAGES, numbers=BRIEF).measure(server)


@pytest.mark.parametrize("traffic", [messages.text(1024), messages.text(1024, compressed=True)])
def test_load_talks_websocket_with_rawws(traffic: messages.Messages) -> None:
    with BY_NAME["rawws"].serving("echo", deflate=not traffic.exact) as server:
        assert Load("echo", traffic, numbers=BRIEF).measure(server) > 0


@pytest.mark.parametrize("mode", ["broadcast", "handshakes"])
def test_load_has_other_modes(mode: str) -> None:
    with BY_NAME["rawws"].serving(mode.replace("handshakes", "echo")) as server:
        assert Load(mode, MESSAGES, numbers=BRIEF).measure(server) > 0


def test_load_holds_connections_and_opens_more() -> None:
    load = Load("hold", messages.text(1024), numbers=(("connections", 5),))
    with BY_NAME["rawws"].serving("echo") as server, load.holding(server) as crowd:
        crowd.grow_to(2)
        crowd.grow_to(5)


def test_quick_run_of_one_case_writes_its_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = ["--quick", "--cases", "echo-32B-1c", "--peers", "rawws,C-ceiling"]
    command.main([*choice, "--rounds", "1", "--seconds", "0.05", "--out", str(tmp_path)])
    document = json.loads((tmp_path / "latest.json").read_text())
    [case] = document["cases"]
    assert case["name"] == "echo-32B-1c"
    figures = case["metrics"][0]["figures"]
    assert set(figures) == {"rawws", "C-ceiling"}
    assert all(figure > 0 for [figure] in figures.values())
    assert "| rawws |" in (tmp_path / "latest.md").read_text()


def test_peer_that_is_not_installed_is_missing() -> None:
    nobody = Peer("nobody", ("no_such_package",), "nobody_server")
    with (
        pytest.raises(Missing, match=r"not installed \(no_such_package\)"),
        nobody.serving("echo"),
    ):
        pytest.fail("it started")


def test_program_is_compiled_once() -> None:
    assert program() is program()
