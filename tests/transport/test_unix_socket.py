"""Unix sockets: whose the file is, and that it goes with its server."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rawws.transport.listener import unix_socket


def connect(path: Path) -> socket.socket:
    """A client; the file has to be a server's."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def leave_stale(path: Path) -> None:
    """Be a server that dies."""
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a server is to listen."""
    return tmp_path / "socket"


@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_server_listens_there_and_the_file_goes_with_it(
    path: Path, kind: Callable[[Path], str]
) -> None:
    with unix_socket(kind(path), backlog=1) as sock:
        with pytest.raises(BlockingIOError):
            sock.accept()
        with connect(path) as client, sock.accept()[0] as accepted:
            client.sendall(b"hello")
            accepted.setblocking(True)
            assert accepted.recv(9) == b"hello"
    assert sock.fileno() == -1
    assert not path.exists()


def test_file_goes_whatever_ends_the_server(path: Path) -> None:
    with pytest.raises(KeyError), unix_socket(path, backlog=1) as sock:
        raise KeyError
    assert sock.fileno() == -1
    assert not path.exists()


def test_file_goes_though_the_socket_was_closed_before(path: Path) -> None:
    with unix_socket(path, backlog=1) as sock:
        sock.close()
    assert not path.exists()


def test_file_that_is_gone_already_is_no_trouble(path: Path) -> None:
    with unix_socket(path, backlog=1):
        path.unlink()


def test_file_that_a_dead_server_left_is_replaced(path: Path) -> None:
    leave_stale(path)
    with unix_socket(path, backlog=1):
        connect(path).close()
    assert not path.exists()


def test_file_of_a_living_server_stays(path: Path) -> None:
    with unix_socket(path, backlog=5):
        with pytest.raises(OSError, match="in use"), unix_socket(path, backlog=1):
            pass
        connect(path).close()


def test_file_of_a_server_that_is_busy_stays(path: Path) -> None:
    with unix_socket(path, backlog=0), connect(path):
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.setblocking(False)
            with pytest.raises(BlockingIOError):
                waiting.connect(str(path))
        with pytest.raises(OSError, match="in use"), unix_socket(path, backlog=1):
            pass
        assert stat.S_ISSOCK(path.stat().st_mode)


def test_file_that_is_no_socket_stays(path: Path) -> None:
    path.write_text("somebody's")
    with pytest.raises(OSError, match="in use"), unix_socket(path, backlog=1):
        pass
    assert path.read_text() == "somebody's"


def test_file_of_the_next_server_stays_though_it_may_have_the_number_of_the_last(
    path: Path,
) -> None:
    last = unix_socket(path, backlog=1)
    last.__enter__().close()  # it listens no more, but has handlers to wait for
    with unix_socket(path, backlog=1):
        start = path.stat().st_mtime_ns
        os.utime(path, ns=(start, start + 10**9))  # the system's clock may be too coarse
        last.__exit__(None, None, None)
        connect(path).close()


def test_path_that_cannot_be_bound_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "socket", tmp_path / ("x" * 200)):
        with pytest.raises(OSError), unix_socket(path, backlog=1):  # noqa: PT011
            pass
    assert not list(tmp_path.iterdir())
