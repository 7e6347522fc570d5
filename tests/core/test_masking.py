"""Masking: every size the same as octet by octet [5.3]."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import XorMaskerSimple

from rawws.core.masking import apply_mask

MASKS = st.binary(min_size=4, max_size=4)


def naive(data: bytes, mask: bytes) -> bytes:
    return bytes(octet ^ mask[index % 4] for index, octet in enumerate(data))


def test_rfc_example_is_masked_as_printed() -> None:
    mask = bytes.fromhex("37fa213d")
    assert apply_mask(b"Hello", mask) == bytes.fromhex("7f9f4d5158")


@pytest.mark.parametrize("size", [*range(140), *range(590, 620), 1023, 4096, 65537, 2**20 + 3])
def test_every_size_agrees_with_octet_by_octet(size: int) -> None:
    data, mask = os.urandom(size), os.urandom(4)
    assert apply_mask(data, mask) == naive(data, mask)


@given(st.binary(max_size=2000), MASKS)
def test_agrees_with_wsproto(data: bytes, mask: bytes) -> None:
    assert apply_mask(data, mask) == XorMaskerSimple(mask).process(bytearray(data))


@given(st.binary(max_size=2000), MASKS)
def test_masking_twice_gives_back_the_data(data: bytes, mask: bytes) -> None:
    assert apply_mask(apply_mask(data, mask), mask) == data


@given(st.binary(max_size=1500), MASKS, st.integers(0, 1500))
def test_rotated_mask_goes_on_in_the_middle(data: bytes, mask: bytes, cut: int) -> None:
    first, second = data[:cut], data[cut:]
    turn = len(first) % 4
    rotated = mask[turn:] + mask[:turn]
    assert apply_mask(first, mask) + apply_mask(second, rotated) == apply_mask(data, mask)


@pytest.mark.parametrize("size", [0, 5, 5000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_data_of_any_kind_is_left_as_it_is_and_bytes_come_out(
    kind: type[bytes] | type[bytearray] | type[memoryview], size: int
) -> None:
    original = os.urandom(size)
    data = kind(bytearray(original))
    masked = apply_mask(data, b"\x01\x02\x03\x04")
    assert type(masked) is bytes
    assert masked == naive(original, b"\x01\x02\x03\x04")
    assert data == original


@pytest.mark.parametrize("size", [0, 1, 700])
def test_zero_mask_and_zero_data_change_nothing_of_each_other(size: int) -> None:
    data, mask = os.urandom(size), os.urandom(4)
    assert apply_mask(data, bytes(4)) == data
    assert apply_mask(bytes(size), mask) == (mask * size)[:size]
