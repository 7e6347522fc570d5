"""The package as people get it: names, docstrings, types and metadata."""

from __future__ import annotations

import inspect
import re
import tomllib
import typing
from collections.abc import Iterator
from importlib.metadata import requires, version
from importlib.resources import files
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest

import rawws

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]

# What the documentation speaks of; more may be there.
PROMISED = {
    *("serve", "Server", "connect", "WebSocket", "broadcast"),
    *("Limits", "Timeouts", "Deflate", "SAME_ORIGIN", "Request", "Response", "Headers"),
    *("ServerProtocol", "ClientProtocol", "Close", "CloseCode"),
    *("Accepted", "Rejected", "Message", "MessagePart", "Ping", "Pong", "Closed"),
    *("RawwsError", "LocalProtocolError", "RemoteProtocolError", "MessageTooBig", "InvalidURL"),
    *("HandshakeError", "HandshakeRejected", "HandshakeTimeout"),
    *("ConnectionClosed", "ConnectionEnded", "ConnectionBroken"),
}
every_public_name = pytest.mark.parametrize("name", rawws.__all__)


def test_all_has_every_public_name_once() -> None:
    public = {
        name
        for name, value in vars(rawws).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert sorted(public | {"__version__"}) == sorted(rawws.__all__)


def test_all_has_every_promised_name() -> None:
    assert set(rawws.__all__) >= PROMISED


def public_members(name: str) -> Iterator[tuple[str, object]]:
    """A public thing, and if it is a class what it has that is public and its own."""
    thing = getattr(rawws, name)
    yield name, thing
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            if member == "__init__" or not member.startswith("_"):
                yield f"{name}.{member}", getattr(value, "__func__", value)


def documentation(member: str) -> str:
    """Its docstring, or that of the method it overrides; "" for what dataclass makes up."""
    owner, _, attribute = member.rpartition(".")
    thing = getattr(getattr(rawws, owner), attribute) if owner else getattr(rawws, member)
    text = (thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)) or ""
    return "" if text.startswith(f"{member}(") else text


@every_public_name
def test_public_things_are_documented(name: str) -> None:
    documentable = type | property | FunctionType | BuiltinFunctionType
    members = [member for member, thing in public_members(name) if isinstance(thing, documentable)]
    assert [each for each in members if not documentation(each)] == []


def annotations(thing: object) -> Iterator[object]:
    """The types in the signature of a function or property, or of the fields of a class."""
    if isinstance(thing, property):
        thing = thing.fget
    if inspect.isclass(thing) or inspect.isfunction(thing):
        yield from typing.get_type_hints(thing).values()


def parts(annotation: object) -> Iterator[object]:
    """A type and all that it is made of."""
    yield annotation
    for part in typing.get_args(annotation):
        yield from parts(part)


@every_public_name
def test_no_foreign_protocol_type_is_in_the_public_api(name: str) -> None:
    foreign = [
        f"{member}: {part}"
        for member, thing in public_members(name)
        for annotation in annotations(thing)
        for part in parts(annotation)
        if str(getattr(part, "__module__", "")).partition(".")[0] in {"h11", "wsproto"}
    ]
    assert not foreign


def test_type_checkers_find_the_types() -> None:
    assert files("rawws").joinpath("py.typed").is_file()


def test_version_is_the_same_everywhere() -> None:
    assert version("rawws") == PROJECT["version"] == rawws.__version__


def test_runtime_needs_trio_wsproto_and_h11_only() -> None:
    needed = [each for each in requires("rawws") or [] if "extra ==" not in each]
    assert sorted(re.split(r"[^\w-]", each)[0] for each in needed) == ["h11", "trio", "wsproto"]
