"""What users of the transport rely on: signatures, docstrings, and whose subclasses things are."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from inspect import Parameter
from typing import Any, get_origin, get_type_hints

import pytest
import trio

import rawws
from rawws import SAME_ORIGIN, Server, WebSocket
from tests.transport.conftest import OpenEnd

REQUIRED = Parameter.empty

# Positional parameters, and those that go by keyword only; more of these may come.
# `None` for limits and timeouts stands for their defaults.
SIGNATURES: list[tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = [
    (
        rawws.serve,
        {"handler": REQUIRED, "port": None},
        {
            "host": None,
            "ssl_context": None,
            "listeners": None,
            "path": None,
            "reuse_port": False,
            "backlog": None,
            "subprotocols": (),
            "origins": SAME_ORIGIN,
            "hosts": None,
            "compression": None,
            "limits": None,
            "timeouts": None,
            "on_request": None,
            "headers": (),
            "max_connections": None,
            "max_connections_per_ip": None,
            "task_status": trio.TASK_STATUS_IGNORED,
        },
    ),
    (Server.aclose, {"code": 1001, "reason": "", "grace": 10}, {}),
    (
        rawws.connect,
        {"url": REQUIRED},
        {
            "stream": None,
            "ssl_context": None,
            "subprotocols": (),
            "headers": (),
            "origin": None,
            "compression": None,
            "limits": None,
            "timeouts": None,
        },
    ),
    (rawws.broadcast, {"websockets": REQUIRED, "value": REQUIRED}, {"text": None}),
    (WebSocket.receive, {}, {}),
    (WebSocket.receive_nowait, {}, {}),
    (WebSocket.receive_stream, {}, {}),
    (WebSocket.send, {"value": REQUIRED}, {"text": None, "compress": None}),
    (WebSocket.send_nowait, {"value": REQUIRED}, {"text": None, "compress": None}),
    (WebSocket.send_stream, {"pieces": REQUIRED}, {"text": None}),
    (WebSocket.ping, {"payload": None}, {}),
    (WebSocket.wait_closed, {}, {}),
    (WebSocket.aclose, {"code": 1000, "reason": ""}, {}),
]
ASYNC = [
    rawws.serve,
    Server.aclose,
    *(WebSocket.receive, WebSocket.send, WebSocket.send_stream, WebSocket.ping),
    *(WebSocket.wait_closed, WebSocket.aclose),
]


def name_of(value: object) -> str | None:
    return value.__qualname__ if inspect.isfunction(value) else None


@pytest.mark.parametrize(("function", "positional", "keywords"), SIGNATURES, ids=name_of)
def test_signature_is_the_one_promised(
    function: Callable[..., Any], positional: dict[str, Any], keywords: dict[str, Any]
) -> None:
    parameters = dict(inspect.signature(function).parameters)
    parameters.pop("self", None)
    by_keyword = {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is Parameter.KEYWORD_ONLY
    }
    assert keywords.items() <= by_keyword.items()
    others = {name: each.default for name, each in parameters.items() if name not in by_keyword}
    assert others == positional
    assert list(others) == list(positional)


def gives_a_coroutine(function: Callable[..., Any]) -> bool:
    result = get_type_hints(function).get("return")
    return inspect.iscoroutinefunction(function) or get_origin(result) is Coroutine


def test_no_parameter_by_keyword_has_to_be_given() -> None:
    for function, _, _ in SIGNATURES:
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is Parameter.KEYWORD_ONLY:
                assert parameter.default is not REQUIRED, (function, parameter)


@pytest.mark.parametrize("function", ASYNC, ids=name_of)
def test_what_waits_is_async_and_says_what_its_cancellation_leaves(
    function: Callable[..., Any],
) -> None:
    assert gives_a_coroutine(function)
    assert "Cancellation" in (inspect.getdoc(function) or "")


@pytest.mark.parametrize("function", [rawws.connect, rawws.MessageStream], ids=str)
def test_what_waits_inside_says_what_its_cancellation_leaves(function: Any) -> None:
    assert "Cancellation" in (inspect.getdoc(function) or "")


def test_what_does_not_wait_is_not_async() -> None:
    for function, _, _ in SIGNATURES:
        if function not in ASYNC:
            assert not gives_a_coroutine(function)


def test_connect_is_a_context_manager_and_opens_nothing_before_it_is_entered() -> None:
    assert isinstance(rawws.connect("ws://example.org/"), AbstractAsyncContextManager)


async def test_websocket_is_a_channel_of_trio(memory: OpenEnd) -> None:
    async with memory("client") as (ws, _):
        assert isinstance(ws, trio.abc.Channel)
        assert isinstance(ws, AsyncIterator)
        assert isinstance(ws.receive_stream(), AsyncIterator)


@pytest.mark.parametrize(
    "name",
    [
        *("request", "response", "subprotocol", "extensions", "closed", "latency"),
        *("local_address", "remote_address"),
    ],
)
async def test_websocket_tells(memory: OpenEnd, name: str) -> None:
    documented = (WebSocket.__doc__ or "") + str(getattr(WebSocket, name, "").__doc__)
    assert name in documented or isinstance(getattr(WebSocket, name, None), property)
    for role in ("client", "server"):
        async with memory(role) as (ws, _):
            getattr(ws, name)


async def test_websockets_can_be_kept_in_sets(memory: OpenEnd) -> None:
    async with memory("client") as (one, _), memory("client") as (other, _):
        assert len({one, other, one}) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [("ended", "closed by the peer with 1001 (bye)"), ("broken", "closed by the peer with 1008")],
)
async def test_closed_error_says_how_it_ended(memory: OpenEnd, given: str, message: str) -> None:
    async with memory("client") as (ws, peer):
        await peer.say_close(*((1001, "bye") if given == "ended" else (1008,)))
        with pytest.raises(rawws.ConnectionClosed) as end:
            await ws.receive()
        assert str(end.value) == message
        assert end.value.received == ws.closed
        assert end.value.sent is not None
        kind = trio.EndOfChannel if given == "ended" else trio.BrokenResourceError
        assert isinstance(end.value, kind)
