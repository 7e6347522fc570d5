"""Processes under test: how their ends are noticed."""

from __future__ import annotations

import sys

import pytest

from benchmarks import processes
from benchmarks.case import Crashed

from . import fakes


def test_server_is_known_by_the_port_it_prints() -> None:
    with fakes.python("print(4321, flush=True); input()") as server:
        assert server.port == 4321
        assert server.crash() is None
    assert server.process.returncode is not None


def test_server_that_fails_to_start_shows_its_output() -> None:
    with (
        pytest.raises(Crashed, match=r"(?s)ended with status 1\n.*ValueError: no such thing"),
        fakes.python("raise ValueError('no such thing')"),
    ):
        pytest.fail("it started")


def test_server_that_prints_no_port_has_failed_to_start() -> None:
    with pytest.raises(Crashed), fakes.python("print('hello', flush=True); input()"):
        pytest.fail("it started")


def test_crash_of_a_running_server_shows_its_output() -> None:
    crashed = pytest.raises(Crashed, match=r"ended with status 1\nout of luck")
    source = "print(1, flush=True); input(); raise SystemExit('out of luck')"
    with fakes.python(source) as server, crashed:
        fakes.look_at(server)


def test_program_that_fails_shows_its_output() -> None:
    with pytest.raises(Crashed, match=r"the program ended with status 3\nout of luck"):
        processes.run(
            "the program",
            [sys.executable, "-c", "import sys; print('out of luck', file=sys.stderr); exit(3)"],
            processes.LOAD,
        )


def test_memory_grows_with_what_a_server_holds() -> None:
    source = "print(1, flush=True); input(); x = b'x' * 2**24; print(2, flush=True); input()"
    with fakes.python(source) as server:
        before = server.kilobytes()
        fakes.look_at(server)
        assert server.process.stdout is not None
        server.process.stdout.readline()
        assert server.kilobytes() - before == pytest.approx(2**14, rel=0.1)
