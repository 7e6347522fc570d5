"""Records: what a frozen dataclass with slots would do, for every record there is."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest

import rawws
from rawws.core.record import Record
from rawws.core.url import URL

CLOSE = rawws.Close(1001, "gone", "remote")
RESPONSE = rawws.Response(101, {"Upgrade": "websocket"})
REJECTION = rawws.Response(404, body="nothing here")
FIELDS: list[tuple[type[Record], dict[str, object]]] = [
    (rawws.Accepted, {"response": RESPONSE, "subprotocol": "chat", "extensions": "x"}),
    (rawws.Rejected, {"response": REJECTION}),
    (rawws.Message, {"data": "text"}),
    (rawws.MessagePart, {"data": b"bytes", "final": True}),
    (rawws.Ping, {"payload": b"1"}),
    (rawws.Pong, {"payload": b"1"}),
    (rawws.Closed, {"close": CLOSE, "error": None}),
    (rawws.Close, {"code": 1001, "reason": "gone", "by": "remote"}),
    (rawws.Response, {"status": 404, "headers": rawws.Headers(), "body": b"no"}),
    (URL, {"secure": True, "host": "example.com", "port": 443, "target": "/"}),
]
every_record = pytest.mark.parametrize(
    ("record", "fields"), FIELDS, ids=[record.__name__ for record, _ in FIELDS]
)


def test_every_record_is_looked_at() -> None:
    assert {record for record, _ in FIELDS} == set(Record.__subclasses__())


@every_record
def test_fields_are_given_by_name_or_in_order(
    record: type[Record], fields: dict[str, object]
) -> None:
    made = record(**fields)
    assert {name: getattr(made, name) for name in fields} == fields
    assert made == record(*fields.values())
    assert record.__match_args__ == tuple(fields)


@every_record
def test_record_shows_its_fields(record: type[Record], fields: dict[str, object]) -> None:
    shown = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    assert repr(record(**fields)) == f"{record.__name__}({shown})"


@every_record
def test_record_cannot_be_changed(record: type[Record], fields: dict[str, object]) -> None:
    made = record(**fields)
    for name, value in fields.items():
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(made, name, value)
        with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{name}'"):
            delattr(made, name)
    assert made == record(**fields)


@every_record
def test_record_holds_nothing_but_its_fields(
    record: type[Record], fields: dict[str, object]
) -> None:
    assert not hasattr(record(**fields), "__dict__")


@every_record
def test_record_is_copied_and_pickled(record: type[Record], fields: dict[str, object]) -> None:
    made = record(**fields)
    assert copy.copy(made) == made
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made


@every_record
def test_record_differs_with_any_field(record: type[Record], fields: dict[str, object]) -> None:
    made = record(**fields)
    for name in fields:
        other = record(**fields)
        object.__setattr__(other, name, object())
        assert made != other


def test_records_of_different_classes_differ() -> None:
    assert rawws.Ping(b"") != rawws.Pong(b"")
    assert rawws.Ping(b"") != b""


def test_equal_records_are_one_in_a_set() -> None:
    assert {rawws.Ping(b""), rawws.Ping(b""), rawws.Pong(b""), rawws.Ping(b"1")} == {
        rawws.Ping(b""),
        rawws.Pong(b""),
        rawws.Ping(b"1"),
    }
    assert len({rawws.Ping(b""), rawws.Ping(b"")}) == 1


def test_record_with_an_unhashable_field_is_unhashable() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(RESPONSE)


def test_last_fields_may_be_left_out() -> None:
    assert rawws.Close(1000) == rawws.Close(1000, "", "local")
    assert rawws.Closed(CLOSE) == rawws.Closed(CLOSE, None)


def test_records_are_taken_apart_by_match() -> None:
    match rawws.MessagePart("text", True):
        case rawws.MessagePart(data=str(data), final=True):
            assert data == "text"
        case _:
            pytest.fail("not matched by name")
    match rawws.Message(b"bytes"):
        case rawws.Message(bytes(payload)):
            assert payload == b"bytes"
        case _:
            pytest.fail("not matched by position")
