"""Limits: what may be in them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from rawws.core.limits import Limits

NAMES = [field.name for field in fields(Limits)]


def test_defaults_are_those_documented() -> None:
    assert Limits() == Limits(
        max_message_size=1_048_576,
        max_fragments=65_536,
        max_header_size=16_384,
        max_headers=100,
        receive_buffer=1_048_576,
        send_buffer=1_048_576,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, 1, 2**70])
def test_any_limit_can_be_off_or_any_positive_number(name: str, value: int | None) -> None:
    assert getattr(Limits(**{name: value}), name) == value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1])
def test_limit_below_1_is_a_value_error_that_names_it(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"^Limits\.{name} must be at least 1 or None, not"):
        Limits(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["1", 1.0, True, b"1"])
def test_limit_of_another_type_is_a_type_error_that_names_it(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=rf"^Limits\.{name} must be an int or None, not"):
        Limits(**{name: value})  # type: ignore[arg-type]


def test_limits_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Limits().max_headers = 1  # type: ignore[misc]
