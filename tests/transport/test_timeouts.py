"""Timeouts: what may be in them, and how often they are looked at."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields

import pytest

from rawws.transport.timeouts import Timeouts

NAMES = [field.name for field in fields(Timeouts)]
ALL_OFF = dict.fromkeys(NAMES)


def test_defaults_are_those_documented() -> None:
    assert Timeouts() == Timeouts(handshake=10, ping_interval=20, ping=20, write=20, close=10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, 1, 0.001, 1e9])
def test_any_timeout_can_be_off_or_any_positive_number(name: str, value: float | None) -> None:
    assert getattr(Timeouts(**{name: value}), name) == value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1, 0.0, -0.5, math.inf, math.nan])
def test_timeout_that_is_no_time_is_a_value_error_that_names_it(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^Timeouts\.{name} must be more than 0 seconds and"):
        Timeouts(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["1", True, b"1", 1j])
def test_timeout_of_another_type_is_a_type_error_that_names_it(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=rf"^Timeouts\.{name} must be a number or None, not"):
        Timeouts(**{name: value})  # type: ignore[arg-type]


def test_timeouts_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Timeouts().close = 1  # type: ignore[misc]


@pytest.mark.parametrize("name", NAMES)
def test_tick_is_a_small_part_of_the_shortest_timeout(name: str) -> None:
    assert Timeouts(**{**ALL_OFF, name: 0.8}).tick == pytest.approx(0.1)
    assert Timeouts(**{name: 0.08}).tick == pytest.approx(0.01)


def test_tick_is_never_long() -> None:
    assert Timeouts().tick == Timeouts(**ALL_OFF).tick == 0.5
