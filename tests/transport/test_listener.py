"""Listening: which addresses are bound, and what is left when one cannot be."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import rawws
from rawws.transport import listener as listener_module
from rawws.transport.listener import ATTEMPTS, open_tcp
from tests.transport.raw import HOST

OTHER = "127.0.0.2"
NOT_HERE = "192.0.2.1"  # kept for documents, so no machine has it
UNKNOWN = "of a family that no machine has"


class Resolver(trio.abc.HostnameResolver):
    """Gives a test's addresses for any name."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = addresses

    async def getaddrinfo(  # type: ignore[override]
        self, host: object, port: int, *_: object, **__: object
    ) -> list[tuple[Any, ...]]:
        await trio.lowlevel.checkpoint()
        return [
            (45 if one == UNKNOWN else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in self.addresses
        ]

    async def getnameinfo(self, *_: object) -> tuple[str, str]:
        raise AssertionError("nobody asks")


def resolve(*addresses: str) -> None:
    """Let every name have these addresses, in this test."""
    trio.socket.set_custom_hostname_resolver(Resolver(addresses))


@contextmanager
def opened(sockets: list[socket.socket]) -> Iterator[list[tuple[Any, ...]]]:
    """The addresses of listening sockets, which are closed in the end."""
    with ExitStack() as stack:
        for sock in sockets:
            stack.enter_context(closing(sock))
        yield [sock.getsockname() for sock in sockets]


async def open_all(port: int = 0, host: str | None = "name", **options: Any) -> Any:
    return opened(await open_tcp(port, host, **{"backlog": 10, "reuse_port": False} | options))


@pytest.fixture
async def taken() -> AsyncIterator[int]:
    """A number that is taken at `OTHER`, and free at `HOST`."""
    with await open_all(host=OTHER) as [(_, port)]:
        yield port


def is_refused(address: tuple[Any, ...]) -> bool:
    with socket.socket() as client:
        return client.connect_ex(address) == errno.ECONNREFUSED


# -- which addresses


async def test_chosen_port_is_the_same_for_every_address() -> None:
    resolve(HOST, OTHER)
    with await open_all() as addresses:
        assert [host for host, _ in addresses] == [HOST, OTHER]
        assert addresses[0][1] == addresses[1][1] > 0
        for address in addresses:
            socket.create_connection(address).close()


async def test_chosen_port_is_the_same_for_both_families() -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    with await open_all(host=None) as addresses:
        assert {len(address) for address in addresses} == {2, 4}
        assert len({address[1] for address in addresses}) == 1
        for host in (HOST, "::1"):
            socket.create_connection((host, addresses[0][1])).close()


async def test_address_that_is_given_twice_is_bound_once() -> None:
    resolve(HOST, HOST)
    with await open_all() as addresses:
        assert len(addresses) == 1


@pytest.mark.parametrize("missing", [NOT_HERE, UNKNOWN])
async def test_address_that_this_machine_does_not_have_is_passed_over(missing: str) -> None:
    resolve(missing, HOST, missing)
    with await open_all() as addresses:
        assert [host for host, _ in addresses] == [HOST]


@pytest.mark.parametrize(
    ("missing", "number"), [(NOT_HERE, errno.EADDRNOTAVAIL), (UNKNOWN, errno.EAFNOSUPPORT)]
)
async def test_address_that_this_machine_does_not_have_is_an_error_without_another(
    missing: str, number: int
) -> None:
    resolve(missing)
    with pytest.raises(OSError) as caught:  # noqa: PT011
        await open_all()
    assert caught.value.errno == number


# -- when one is taken


async def test_port_that_is_taken_at_one_address_is_an_error_and_leaves_none_bound(
    taken: int,
) -> None:
    resolve(HOST, OTHER)
    with pytest.raises(OSError) as caught:  # noqa: PT011
        await open_all(taken)
    assert caught.value.errno == errno.EADDRINUSE
    assert is_refused((HOST, taken))


class Unlucky(socket.socket):
    """A socket that finds its number taken at `OTHER`.

    Attributes:
        tries: how often that was so.
        luck: from which try on it is free.
    """

    tries = 0
    luck = 0

    def bind(self, address: Any) -> None:
        if address[0] == OTHER and Unlucky.tries < Unlucky.luck:
            Unlucky.tries += 1
            raise OSError(errno.EADDRINUSE, "taken")
        super().bind(address)


@pytest.fixture
def unlucky(monkeypatch: pytest.MonkeyPatch) -> type[Unlucky]:
    """What is bound is `Unlucky`."""
    monkeypatch.setattr(Unlucky, "tries", 0)
    monkeypatch.setattr(listener_module.socket, "socket", Unlucky)
    return Unlucky


async def test_another_port_is_chosen_when_the_first_is_taken_at_another_address(
    unlucky: type[Unlucky],
) -> None:
    resolve(HOST, OTHER)
    unlucky.luck = ATTEMPTS - 1
    with await open_all() as addresses:
        assert addresses[0][1] == addresses[1][1]
    assert unlucky.tries == ATTEMPTS - 1


async def test_choosing_a_port_is_given_up_in_the_end(unlucky: type[Unlucky]) -> None:
    resolve(HOST, OTHER)
    unlucky.luck = 10 * ATTEMPTS
    with pytest.raises(OSError, match="taken"):
        await open_all()
    assert unlucky.tries == ATTEMPTS


async def test_port_that_was_asked_for_is_tried_once(unlucky: type[Unlucky]) -> None:
    with await open_all(host=HOST) as [(_, port)]:
        pass
    resolve(HOST, OTHER)
    unlucky.luck = ATTEMPTS
    with pytest.raises(OSError, match="taken"):
        await open_all(port)
    assert unlucky.tries == 1


# -- how they are bound


async def test_port_can_be_shared_if_all_agree_to() -> None:
    with await open_all(host=HOST, reuse_port=True) as [(_, port)]:
        with await open_all(port, HOST, reuse_port=True) as addresses:
            assert addresses == [(HOST, port)]
        with pytest.raises(OSError, match="in use"):
            await open_all(port, HOST)


async def test_port_is_free_again_at_once_for_the_next_server() -> None:
    sockets = await open_tcp(0, HOST, backlog=1, reuse_port=False)
    with opened(sockets) as addresses, socket.create_connection(addresses[0]) as client:
        sockets[0].accept()[0].close()  # by the server first: the system keeps the number
        assert client.recv(1) == b""
    with await open_all(addresses[0][1], HOST) as again:
        assert again == addresses


async def test_sockets_do_not_block() -> None:
    sockets = await open_tcp(0, HOST, backlog=1, reuse_port=False)
    with opened(sockets), pytest.raises(BlockingIOError):
        sockets[0].accept()


# -- a server that cannot start


async def no_handler(ws: rawws.WebSocket) -> None:
    raise AssertionError("nobody comes")


async def test_server_that_cannot_bind_all_it_was_told_to_leaves_nothing_open(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    (given,) = await trio.open_tcp_listeners(0, host=HOST)
    address = given.socket.getsockname()
    with await open_all(host=HOST) as [free]:
        pass
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="in use"):
        await rawws.serve(no_handler, free[1], host=HOST, listeners=[given], path=tmp_path / "file")
    assert is_refused(free)
    assert is_refused(address)
