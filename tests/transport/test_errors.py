"""The exception tree: who is what, and that the module says so."""

from __future__ import annotations

import copy
import pickle
import re

import pytest
import trio

import rawws
from rawws.transport import errors

TREE: dict[type[Exception], tuple[type[Exception], ...]] = {
    rawws.RawwsError: (Exception,),
    rawws.LocalProtocolError: (rawws.RawwsError,),
    rawws.InvalidMessage: (rawws.LocalProtocolError, TypeError),
    rawws.RemoteProtocolError: (rawws.RawwsError,),
    rawws.MessageTooBig: (rawws.RemoteProtocolError,),
    rawws.InvalidURL: (rawws.RawwsError, ValueError),
    rawws.HandshakeError: (rawws.RawwsError,),
    rawws.HandshakeRejected: (rawws.HandshakeError,),
    rawws.HandshakeTimeout: (rawws.HandshakeError,),
    rawws.ConnectionClosed: (rawws.RawwsError,),
    rawws.ConnectionEnded: (rawws.ConnectionClosed, trio.EndOfChannel),
    rawws.ConnectionBroken: (rawws.ConnectionClosed, trio.BrokenResourceError),
}


def public_errors() -> set[type[Exception]]:
    found = (getattr(rawws, name) for name in rawws.__all__)
    return {one for one in found if isinstance(one, type) and issubclass(one, Exception)}


@pytest.mark.parametrize(
    ("error", "bases"), TREE.items(), ids=lambda one: getattr(one, "__name__", "")
)
def test_error_is_what_the_design_says(
    error: type[Exception], bases: tuple[type[Exception], ...]
) -> None:
    assert error.__bases__ == bases


def test_tree_is_all_that_is_public() -> None:
    assert public_errors() == TREE.keys()


def test_modules_docstring_shows_the_tree() -> None:
    """Each class on a line of its own, two columns further in than its first base."""
    lines = re.findall(r"^    ([ │├└]*)([A-Z]\w+)(?: \(([\w.]+)\))?", errors.__doc__ or "", re.M)
    path: list[str] = []
    shown = {}
    for indent, name, second in lines:
        del path[(len(indent) + 1) // 3 :]
        shown[name] = (*path[-1:], *filter(None, [second]))
        path.append(name)
    assert shown == {
        error.__name__: tuple(
            f"trio.{base.__name__}" if base.__module__ == "trio" else base.__name__
            for base in bases
            if base is not Exception
        )
        for error, bases in TREE.items()
    }


@pytest.mark.parametrize(
    "kind", [rawws.ConnectionClosed, rawws.ConnectionEnded, rawws.ConnectionBroken]
)
def test_closed_error_has_both_close_frames_and_keeps_them_when_copied(
    kind: type[rawws.ConnectionClosed],
) -> None:
    received, sent = rawws.Close(1000, "bye", "remote"), rawws.Close(1001, "", "local")
    error = kind(received, sent, "over")
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(one) is kind
        assert str(one) == "over"
        assert (one.received, one.sent) == (received, sent)
    assert str(kind(None, None)) == "connection closed"


@pytest.mark.parametrize(
    ("close", "line"),
    [
        (rawws.Close(1000, "", "remote"), "closed by the peer with 1000"),
        (rawws.Close(1011, "a bug", "local"), "closed by this side with 1011 (a bug)"),
        (rawws.Close(1006, "reset", "remote"), "closed by the peer with 1006 (reset)"),
    ],
)
def test_end_is_described_in_a_line(close: rawws.Close, line: str) -> None:
    assert errors.describe(close) == line
